"""Sinks that misbehave while the kernel changes them, and helpers of such tests."""

from collections.abc import Awaitable, Callable, Iterable

import anyio

from beats.kernel.bus import SIGNALS, Bus
from beats.kernel.envelope import Envelope, Frame
from beats.kernel.ports import Batches
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import QueueStats
from beats.kernel.testing import FixedClock, PlainCodec
from tests.kernel.support import CallingSink, CollectingSink, assert_balanced, sink_stats

WIDE = QueueBounds(size=1000)


def new_kernel(**sinks: CollectingSink | CallingSink) -> Kernel:
    kernel = Kernel(PlainCodec(), clock=FixedClock(), options=KernelOptions(backoff=Backoff(100.0, 100.0)))
    for name, sink in sinks.items():
        kernel.add_sink(name, sink, WIDE)
    return kernel


def publish(kernel: Kernel, *numbers: int) -> None:
    for number in numbers:
        kernel.publisher.publish(Frame(b"%d" % number))


def numbers(envelopes: Iterable[Envelope]) -> list[int]:
    return [int(item.encoded) for item in envelopes]


def receivers(bus: Bus) -> int:
    """How many there are; a queue is one for each kind, and one for what is given up."""
    return sum(len(bus._signals[name].receivers) for name in SIGNALS)  # pyright: ignore[reportPrivateUsage]


def queue_stats(kernel: Kernel, name: str) -> QueueStats:
    stats = sink_stats(kernel, name).queue
    assert_balanced(stats)
    return stats


async def cannot_start(queue: Batches) -> None:
    await anyio.sleep(2.0)
    raise OSError("port 8765 is in use")


async def hang(queue: Batches) -> None:
    """Takes once and ignores the end of its queue."""
    await queue.take()
    await anyio.sleep_forever()


async def fail(queue: Batches) -> None:
    await queue.take(1)
    raise OSError("the disk is full")


class ShieldedSink(CallingSink):
    """Takes once, and ends only when the test allows it, even if it is cancelled."""

    def __init__(self) -> None:
        super().__init__(self._hold)
        self.allowed = anyio.Event()
        self.afterwards: list[Envelope] = []

    async def _hold(self, queue: Batches) -> None:
        with anyio.CancelScope(shield=True):
            batch = await queue.take()
            await self.allowed.wait()
            self.afterwards += await queue.take()
            queue.give_back(batch)


def slow(seen: list[Envelope], pause_s: float = 1.0) -> Callable[[Batches], Awaitable[None]]:
    """Takes two at a time, and needs a while for them."""

    async def run(queue: Batches) -> None:
        while batch := await queue.take(2):
            await anyio.sleep(pause_s)
            seen.extend(batch)

    return run
