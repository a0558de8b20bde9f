"""Runs blocking functions where they do not stall the event loop."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from anyio import to_thread

T = TypeVar("T")


class Offload(Protocol):
    """Calls a function elsewhere and waits for its result; tests call it inline."""

    async def __call__(self, function: Callable[..., T], /, *args: object) -> T:
        """The function's result."""
        ...


async def in_a_thread(function: Callable[..., T], /, *args: object) -> T:
    """Call a function in a worker thread."""
    return await to_thread.run_sync(function, *args)
