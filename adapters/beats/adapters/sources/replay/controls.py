"""Commands that wait for a replay to obey."""

from collections import deque
from collections.abc import Iterator
from typing import Final

import anyio

from beats.kernel.envelope import Control
from beats.kernel.waker import Waker

_WAITING: Final = 64
"""Commands that may wait; a person's come far more slowly, and the oldest give way."""


class Controls:
    """Takes commands from any thread, and wakes the event loop that obeys them."""

    def __init__(self) -> None:
        self._waiting: Final[deque[Control]] = deque(maxlen=_WAITING)
        self._doorbell: Waker | None = None
        self._event: anyio.Event | None = None

    def attach(self) -> None:
        """Obey in the running event loop from now on."""
        self._doorbell = Waker()
        self._event = anyio.Event()

    def put(self, control: Control) -> None:
        """Keep a command until it is taken."""
        self._waiting.append(control)
        if self._doorbell is not None:
            self._doorbell.ring(self._wake)

    def take(self) -> Iterator[Control]:
        """The commands that wait, each once."""
        while self._waiting:
            yield self._waiting.popleft()

    async def wait(self) -> None:
        """Until there is one."""
        if not self._waiting:
            self._event = anyio.Event()
            await self._event.wait()

    def _wake(self) -> None:
        if self._event is not None:
            self._event.set()
