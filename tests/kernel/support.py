"""Sinks, sources and shorthands that several kernel tests use."""

import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import anyio
from hypothesis import settings

from beats.kernel.bus import Bus
from beats.kernel.envelope import Envelope, Frame, Peripheral
from beats.kernel.ports import Batches, Publish
from beats.kernel.publisher import Publisher
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.run.kernel import Kernel
from beats.kernel.stats import Amount, ClientTotals, QueueStats, SinkStats
from beats.kernel.testing import FixedClock, PlainCodec
from beats.kernel.waker import Waker

FRAME: Final = Frame(b"picture")
NO_CLIENTS: Final = ClientTotals(
    connected=0, accepted=0, refused=0, stalled=0, overflowed=0, delivered=Amount(), dropped=Amount()
)
JOIN_TIMEOUT_S: Final = 20.0
EXPLORE: Final = settings(deadline=None, derandomize=True)
"""A slow machine is no fault of an example, and a run that fails must fail again."""


def knob(name: str = "knob", data: object = 1) -> Peripheral:
    return Peripheral(name, data)


def publisher_on(bus: Bus, *, max_topics: int = 10_000) -> Publisher:
    return Publisher(bus, PlainCodec(), FixedClock(), max_topics=max_topics)


def queue_on(bus: Bus, name: str, bounds: QueueBounds) -> SinkQueue:
    """A queue that is connected to both kinds; its loop is the running one."""
    queue = SinkQueue(name, bounds)
    queue.attach(Waker())
    bus.connect("frame", queue.offer)
    bus.connect("peripheral", queue.offer)
    return queue


def assert_balanced(stats: QueueStats) -> None:
    """The accounting rule, in items and in bytes, and the drops' own sum."""
    assert stats.offered == stats.taken.plus(stats.dropped).plus(stats.waiting)
    assert sum(drop.items for drop in stats.drops) == stats.dropped.items
    assert sum(drop.bytes for drop in stats.drops) == stats.dropped.bytes


def dropped(stats: QueueStats) -> dict[tuple[str, str], int]:
    """Dropped items by reason and kind."""
    return {(drop.reason, drop.kind): drop.items for drop in stats.drops}


def sink_stats(kernel: Kernel, name: str) -> SinkStats:
    return next(stats for stats in kernel.stats().sinks if stats.name == name)


def by_topic(envelopes: Sequence[Envelope]) -> dict[str, list[int]]:
    """Sequence numbers of each topic, in order of arrival."""
    found: dict[str, list[int]] = {}
    for envelope in envelopes:
        found.setdefault(envelope.topic, []).append(envelope.sequence)
    return found


class CollectingSink:
    """Keeps everything it is given."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []
        self.closed = False

    async def run(self, queue: Batches) -> None:
        try:
            async for batch in queue:
                self.received += batch
        finally:
            self.closed = True


class CallingSink:
    """Its run is the function that it is given."""

    def __init__(self, run: Callable[[Batches], Awaitable[None]]) -> None:
        self._run = run
        self.attempts_s: list[float] = []

    async def run(self, queue: Batches) -> None:
        self.attempts_s.append(anyio.current_time())
        await self._run(queue)


class CallingSource:
    """Its run is the function that it is given."""

    def __init__(self, run: Callable[[Publish], Awaitable[None]]) -> None:
        self._run = run
        self.attempts_s: list[float] = []

    async def run(self, publish: Publish) -> None:
        self.attempts_s.append(anyio.current_time())
        await self._run(publish)


@asynccontextmanager
async def running(kernel: Kernel) -> AsyncGenerator[None]:
    """The kernel runs; at the end it is stopped in order."""
    async with anyio.create_task_group() as group:
        await group.start(kernel.run)
        yield
        kernel.stop()


async def everyone_waits() -> None:
    """Return when no other task can run: only then does virtual time pass."""
    await anyio.sleep(0.001)


@contextmanager
def threads(*targets: Callable[[], object]) -> Generator[None]:
    """Run each target in a thread, all from one start; join them and raise what they raised."""
    barrier = threading.Barrier(len(targets))
    errors: list[BaseException] = []

    def call(target: Callable[[], object]) -> None:
        try:
            barrier.wait(JOIN_TIMEOUT_S)
            target()
        except BaseException as error:
            errors.append(error)

    started = [threading.Thread(target=call, args=(target,), daemon=True) for target in targets]
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # many more interleavings than the default of 5 ms shows
    try:
        for thread in started:
            thread.start()
        yield
        for thread in started:
            thread.join(JOIN_TIMEOUT_S)
            assert not thread.is_alive(), "a thread hangs"
    finally:
        sys.setswitchinterval(interval_s)
    if errors:
        raise errors[0]


def run_in_thread(target: Callable[[], object]) -> None:
    """Run it in a thread while the caller waits."""
    with threads(target):
        pass
