"""Puts what comes from another bus on this one."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from beats.adapters.nats.forwarder import Forwarder
from beats.config.settings import LaneSettings, QueueSettings
from beats.kernel.envelope import Envelope, Frame, Kind, Message, Peripheral, Sealed, topic_of
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Publish
from beats.kernel.run.kernel import Kernel
from beats.kernel.testing import FixedClock, PublishRecorder
from beats.kit.connecting import InboxSettings
from beats.kit.throttled_log import ThrottledLog
from tests.support import CODEC, tiny_png
from tests.support.relay import Machine, until

log = logging.getLogger(__name__)
pytestmark = pytest.mark.anyio


def sealed(message: Message, sequence: int, captured_ns: int | None = None) -> Sealed:
    captured_ns = sequence * 1000 if captured_ns is None else captured_ns
    return Sealed(message, sequence, captured_ns, CODEC.seal(CODEC.prepare(message), sequence, captured_ns))


def frame(sequence: int) -> Sealed:
    return sealed(Frame(tiny_png(sequence)), sequence)


def knob(sequence: int, value: object = None) -> Sealed:
    return sealed(Peripheral("knob", sequence if value is None else value), sequence)


def forwarder(queue: QueueSettings | None = None, **options: Any) -> Forwarder[Sealed]:
    options = {"understand": as_it_is, **options}
    return Forwarder("origin", queue or InboxSettings(), FixedClock(), ThrottledLog(log, "source"), **options)


def as_it_is(each: Sealed) -> Sealed:
    return each


def arrive(passing: Forwarder[Sealed], *arrived: Sealed) -> None:
    for each in arrived:
        kind: Kind = "frame" if isinstance(each.message, Frame) else "peripheral"
        passing.arrived(kind, topic_of(each.message), each.encoded, each)


class Bus(PublishRecorder):
    """A bus that treats what is forwarded as told."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[Sealed], Any] = lambda sealed: None
        self.free = anyio.Event()
        self.free.set()

    async def forward(self, sealed: Sealed, *, renumber: bool = False) -> int:
        await self.free.wait()
        self.before(sealed)
        return await super().forward(sealed, renumber=renumber)

    def numbers(self) -> list[int]:
        return [each.sequence for each, _ in self.forwarded]


@asynccontextmanager
async def forwarding(passing: Forwarder[Sealed], bus: Publish) -> AsyncGenerator[None]:
    """Run a forwarder while the block lasts."""
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(passing.run, bus)
            yield
            group.cancel_scope.cancel()


async def run(passing: Forwarder[Sealed], bus: Bus, count: int) -> None:
    """Until this many are on the bus."""
    async with forwarding(passing, bus):
        await until(lambda: len(bus.forwarded) >= count)


async def test_messages_are_published_unchanged() -> None:
    """In order, with number, time and bytes; repeated ones are not."""
    passing, bus = forwarder(), Bus()
    arrive(passing, frame(7), knob(1), frame(8), frame(8), knob(1), frame(7), knob(2))
    await run(passing, bus, 4)
    assert [each for each, _ in bus.forwarded] == [frame(7), knob(1), frame(8), knob(2)]
    assert passing.repeated == 3
    with passing.held():  # after a reconnection, last values that are known are skipped
        await passing.bring_state(bus, [knob(2), sealed(Peripheral("new", 1), 9)])
    assert bus.numbers() == [7, 1, 8, 2, 9]


@pytest.mark.parametrize("is_thinned", [False, True])
async def test_gaps_are_logged_and_counted(caplog: pytest.LogCaptureFixture, is_thinned: bool) -> None:
    """They stay gaps for viewers. Frames that were left out as asked are not missing; updates are."""
    passing, bus = forwarder(is_thinned=is_thinned), Bus()
    arrive(passing, frame(7), frame(10), knob(1), knob(3))
    await run(passing, bus, 4)
    assert bus.numbers() == [7, 10, 1, 3]
    assert passing.missed == (1 if is_thinned else 3)
    assert ("frame: 2 before number 10 did not come" in caplog.text) is not is_thinned


async def test_last_values_are_published_first() -> None:
    """Except for topics with a live message, which would come too late after them."""
    passing, bus = forwarder(), Bus()
    async with forwarding(passing, bus):
        await anyio.wait_all_tasks_blocked()
        with passing.held():
            arrive(passing, frame(5))
            arrive(passing, frame(6))
            await anyio.wait_all_tasks_blocked()
            assert bus.numbers() == []
            await passing.bring_state(bus, [frame(6), knob(3), knob(3)])
        await until(lambda: len(bus.forwarded) == 3)
    assert [each for each, _ in bus.forwarded] == [knob(3), frame(5), frame(6)]


async def test_drops_while_messages_are_held_are_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    """The first message was taken before the dropped ones came."""
    passing, bus = forwarder(QueueSettings(size=2)), Bus()
    async with forwarding(passing, bus):
        with passing.held():
            arrive(passing, frame(1))
            await anyio.wait_all_tasks_blocked()
            arrive(passing, *map(frame, range(2, 11)))
        await until(lambda: bus.numbers() == [1, 9, 10])
    assert passing.missed == 0
    assert "did not come" not in caplog.text
    assert passing.metrics()["dropped_total"] == 7


async def test_it_knows_which_topics_had_a_message() -> None:
    """On this connection; for others, a late last value is news."""
    passing = forwarder()
    arrive(passing, frame(1))
    assert passing.has_arrived("frame")
    passing.begin()
    arrive(passing, knob(1))
    assert passing.has_arrived("peripheral/knob")
    assert not passing.has_arrived("frame")


async def test_dropped_messages_are_never_decoded() -> None:
    """Messages to be ignored are skipped."""
    looked: list[Sealed] = []

    def understand(each: Sealed) -> Sealed | None:
        looked.append(each)
        return None if each.sequence == 3 else each

    passing, bus = forwarder(QueueSettings(size=2), understand=understand), Bus()
    arrive(passing, *map(frame, range(1, 5)))
    await run(passing, bus, 1)
    assert looked == [frame(3), frame(4)]
    assert bus.numbers() == [4]


async def test_a_burst_does_not_overflow_the_queue() -> None:
    """The reader lets the bus empty it in between."""
    passing, bus = forwarder(), Bus()
    async with forwarding(passing, bus):
        for number in range(1, 101):
            arrive(passing, frame(number))
            if number % 5 == 0:
                await passing.make_way()
        await until(lambda: len(bus.forwarded) == 100)
    assert passing.metrics()["dropped_total"] == 0


@pytest.mark.parametrize("reason", ["held up", "behind"])
async def test_a_bus_that_cannot_keep_up_is_not_waited_for(reason: str) -> None:
    """Neither a blocked one, nor one that leaves more and more unread."""
    passing, bus = forwarder(), Bus()
    if reason == "held up":
        bus.free = anyio.Event()
    async with forwarding(passing, bus):
        for number in range(1, 1001):
            arrive(passing, frame(number))
            if number % 20 == 0:
                await passing.make_way(0 if reason == "held up" else 10_000_000)
        bus.free.set()
        await until(lambda: bus.numbers()[-1:] == [1000])
    assert passing.metrics()["dropped_total"] > 500
    assert passing.missed == 0


async def test_the_queue_is_fresh_after_the_bus_was_blocked(caplog: pytest.LogCaptureFixture) -> None:
    """By the bounds of the queue; drops are logged."""
    passing = forwarder(QueueSettings(size=100, frame=LaneSettings(size=2)))
    bus = Bus()
    bus.free = anyio.Event()
    async with forwarding(passing, bus):
        arrive(passing, frame(1))
        await anyio.wait_all_tasks_blocked()
        for number in range(2, 100):
            arrive(passing, frame(number))
            arrive(passing, knob(number))
        bus.free.set()
        await until(lambda: len(bus.forwarded) == 3 + 98)
    assert [each.sequence for each, _ in bus.forwarded if isinstance(each.message, Frame)] == [1, 98, 99]
    assert passing.metrics()["dropped_total"] == 96
    assert "frame: 96 were dropped for newer ones" in caplog.text
    assert passing.missed == 0


async def test_refused_envelopes_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A full queue of one sink, or a topic too many; others are published."""
    passing, bus = forwarder(), Bus()

    def refuse(each: Sealed) -> None:
        if each.sequence == 1:
            raise QueueFull("slow", "frame", 1, 1, "it is full")
        if each.sequence == 2:
            raise ValueError("one topic too many")

    bus.before = refuse
    arrive(passing, frame(1), knob(2), frame(3))
    await run(passing, bus, 1)
    assert bus.numbers() == [3]
    assert "queue of 1 refused" in caplog.text
    assert "one topic too many" in caplog.text


async def test_numbers_continue_after_a_restart_of_the_origin() -> None:
    """In the bytes too, where nothing else changes."""
    passing, bus = forwarder(), Bus()
    arrive(passing, frame(100))
    await run(passing, bus, 1)
    passing.numbering.begin_run()
    arrive(passing, frame(1), frame(3))
    await run(passing, bus, 3)
    again = [each for each, _ in bus.forwarded[1:]]
    assert again == [sealed(frame(1).message, 101, 1000), sealed(frame(3).message, 103, 3000)]


class Source(PublishRecorder):
    """A source's access to the bus of a kernel that need not run."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self._kernel = kernel

    async def forward(self, sealed: Sealed, *, renumber: bool = False) -> int:
        return await self._kernel.publisher.forward_async(sealed, renumber=renumber)


async def test_an_envelope_without_a_number_gets_one() -> None:
    """Other programs may send envelopes without."""
    machine, passing = Machine(), forwarder()
    bare = Sealed(Peripheral("knob", 1), 0, 0, CODEC.seal(CODEC.prepare(Peripheral("knob", 1)), 1, 0))
    async with forwarding(passing, Source(machine.kernel)):
        for _ in range(3):
            arrive(passing, bare)
        await machine.sees(lambda: len(machine.seen) == 3)
    assert machine.numbers("peripheral/knob") == [1, 2, 3]
    assert [CODEC.decode(data).sequence for data in machine.bytes_of("peripheral/knob")] == [1, 2, 3]


async def test_numbers_continue_from_those_of_the_bus() -> None:
    """After another source has published the topic; a gap is still a gap."""
    machine, passing = Machine(), forwarder()
    for _ in range(10):
        machine.frame()
    async with forwarding(passing, Source(machine.kernel)):
        for number in (4, 5):
            arrive(passing, frame(number))
        await machine.sees(lambda: len(machine.seen) == 12)
        arrive(passing, frame(7))
        await machine.sees(lambda: len(machine.seen) == 13)
    assert machine.numbers("frame")[10:] == [11, 12, 14]
    assert passing.missed == 1


async def test_a_loop_is_stopped() -> None:
    """Its envelopes would be published again and again."""
    machine, passing = Machine(), forwarder()

    def come_back(each: Envelope) -> None:
        arrive(passing, Sealed(each.message, each.sequence, each.captured_unix_ns, each.encoded))

    machine.kernel.bus.connect("frame", come_back)
    machine.frame()
    with anyio.fail_after(20), pytest.raises(ConnectionError, match="own envelopes come back"):
        await passing.run(Source(machine.kernel))
    assert len(machine.seen) < 6
    machine.frame()  # after a restart it is stopped again, now that numbers differ
    with anyio.fail_after(20), pytest.raises(ConnectionError, match="own envelopes come back"):
        await passing.run(Source(machine.kernel))
    assert len(machine.seen) < 12
