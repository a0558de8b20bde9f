"""Which event loop runs: the one place that chooses it, and what asks for it by name."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Any, Literal, TypeVar, TypeVarTuple

import anyio

_T = TypeVar("_T")
_Args = TypeVarTuple("_Args")

Wanted = Literal["auto", "asyncio", "uvloop"]
"""What the setting `kernel.event_loop` says."""


def chosen(wanted: Wanted) -> Literal["asyncio", "uvloop"]:
    """The event loop that a setting leads to: `auto` is uvloop where it is installed (never on Windows)."""
    if wanted == "auto":
        return "asyncio" if find_spec("uvloop") is None else "uvloop"
    return wanted


def run(function: Callable[[*_Args], Awaitable[_T]], *args: *_Args, event_loop: Wanted = "auto") -> _T:
    """Run a coroutine function in an event loop of its own until it returns.

    Raises:
        ModuleNotFoundError: uvloop is wanted and not installed, which reading the settings refuses.
    """
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if chosen(event_loop) == "uvloop":
        import uvloop  # an extra

        factory = uvloop.new_event_loop
    options: dict[str, Any] = {"loop_factory": factory}
    return anyio.run(function, *args, backend="asyncio", backend_options=options)


def asyncio_loop(who: str) -> asyncio.AbstractEventLoop:
    """The running event loop of asyncio.

    Args:
        who: needs it, such as `sink 'home'`, for the error.

    Raises:
        RuntimeError: the event loop is not asyncio's.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError as error:
        raise RuntimeError(f"{who} runs on asyncio only: use that back end") from error
