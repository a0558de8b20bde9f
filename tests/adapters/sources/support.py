"""Helpers for tests of sources."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from trio.testing import MockClock

from beats.config.settings import PixelSettings
from beats.kernel.bus import Bus
from beats.kernel.envelope import Frame, Message
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Context, Source
from beats.kernel.publisher import Publisher
from beats.kernel.testing import FixedClock, PublishRecorder, VirtualTimeLoop
from beats.pictures.publishing import PixelPublisher
from beats.proto.codec import StreamCodec

T = TypeVar("T")
Backend = tuple[str, dict[str, object]]


def pixel_publisher(**settings: Any) -> PixelPublisher:
    """What encodes pixels, on a bus that nobody listens to."""
    return PixelPublisher(Publisher(Bus(), StreamCodec(), FixedClock()), PixelSettings(**settings))


def context(name: str = "demo", pixels: PixelPublisher | None = None) -> Context:
    services = {PixelPublisher: pixels or pixel_publisher()}
    return Context(name, "test", FixedClock(), lambda control: None, services=services)


def in_virtual_time(backend: str) -> Backend:
    """An anyio back end whose clock starts at 0 and jumps whenever all tasks wait."""
    if backend == "trio":
        return "trio", {"clock": MockClock(autojump_threshold=0)}
    return "asyncio", {"loop_factory": VirtualTimeLoop}


async def inline(function: Callable[..., T], /, *args: object) -> T:
    """Instead of a worker thread: virtual time would jump while it runs."""
    return function(*args)


class WorkerThreads:
    """Runs functions in worker threads, and keeps the identities of those."""

    def __init__(self) -> None:
        self.used: set[int] = set()

    async def run(self, function: Callable[..., T], /, *args: object) -> T:
        """As `anyio.to_thread.run_sync`."""

        def call() -> T:
            self.used.add(threading.get_ident())
            return function(*args)

        return await to_thread.run_sync(call)


async def first_frames(source: Source, count: int) -> None:
    """Let a source publish some frames, then cancel it."""
    publish = TimedRecorder()
    async with anyio.create_task_group() as group:
        group.start_soon(source.run, publish)
        await publish.frames(count)
        group.cancel_scope.cancel()


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


class Awaited(PublishRecorder):
    """Lets a test wait for a number of messages."""

    def __init__(self) -> None:
        super().__init__()
        self._arrived: dict[int, anyio.Event] = {}

    async def messages_to_be(self, count: int) -> None:
        if len(self.published) < count:
            await self._arrived.setdefault(count, anyio.Event()).wait()

    async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Keep the message."""
        sequence = await super().__call__(message, captured_unix_ns=captured_unix_ns)
        self._arrived.setdefault(len(self.published), anyio.Event()).set()
        return sequence
