"""Helpers for tests of sources."""

from collections.abc import Callable
from typing import TypeVar

import anyio
from trio.testing import MockClock

from beats.kernel.envelope import Frame, Message
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Context
from beats.kernel.testing import FixedClock, PublishRecorder, VirtualTimeLoop

T = TypeVar("T")
Backend = tuple[str, dict[str, object]]


def context(name: str = "demo") -> Context:
    return Context(name, "test", FixedClock(), lambda control: None)


def in_virtual_time(backend: str) -> Backend:
    """An anyio back end whose clock starts at 0 and jumps whenever all tasks wait."""
    if backend == "trio":
        return "trio", {"clock": MockClock(autojump_threshold=0)}
    return "asyncio", {"loop_factory": VirtualTimeLoop}


async def inline(function: Callable[..., T], /, *args: object) -> T:
    """Instead of a worker thread: virtual time would jump while it runs."""
    return function(*args)


class TimedRecorder(PublishRecorder):
    """Also records when each message was published; can be slow or refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.times_s: list[float] = []
        self.delays_s: dict[int, float] = {}
        """How long publishing a frame takes, by frame number from 0."""
        self.refuse = False
        self._frames = 0
        self._awaited: dict[int, anyio.Event] = {}

    def of(self, kind: type[T]) -> list[tuple[float, T]]:
        """The messages of one type with their times."""
        pairs = zip(self.times_s, self.messages, strict=True)
        return [(time_s, message) for time_s, message in pairs if isinstance(message, kind)]

    async def frames(self, count: int) -> None:
        """Wait until this many frames were published."""
        if self._frames < count:
            await self._awaited.setdefault(count, anyio.Event()).wait()

    async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Record the message and its time."""
        self.times_s.append(round(anyio.current_time(), 6))
        sequence = await super().__call__(message, captured_unix_ns=captured_unix_ns)
        if isinstance(message, Frame):
            self._frames += 1
            self._awaited.setdefault(self._frames, anyio.Event()).set()
            await anyio.sleep(self.delays_s.get(self._frames - 1, 0))
        if self.refuse:
            raise QueueFull("browser", "frame", sequence, 1, "it is full")
        return sequence
