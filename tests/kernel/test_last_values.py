"""Last values: what was published last, even if queues dropped it."""

import contextlib
import threading
from collections.abc import Sequence

import anyio
import pytest

from beats.kernel.bus import Bus
from beats.kernel.envelope import Envelope
from beats.kernel.errors import QueueFull
from beats.kernel.last_values import CaughtUp, LastValues
from beats.kernel.ports import Batches
from beats.kernel.publisher import Publisher
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.run.kernel import Kernel
from beats.kernel.run.lease import Lease
from beats.kernel.testing import PlainCodec, envelope
from tests.kernel.support import FRAME, assert_balanced, knob, publisher_on

pytestmark = pytest.mark.anyio


def lease_on(bus: Bus, bounds: QueueBounds) -> tuple[Publisher, SinkQueue, Lease]:
    publisher = publisher_on(bus)
    queue = SinkQueue("viewer", bounds, keep_losses=True)
    bus.connect("frame", queue.offer)
    bus.connect("peripheral", queue.offer)
    return publisher, queue, Lease(queue, publisher, lambda: None)


def numbers(envelopes: Sequence[Envelope]) -> dict[str, int]:
    return {item.topic: item.sequence for item in envelopes}


def test_frames_come_first_and_peripherals_in_the_order_they_were_first_seen() -> None:
    """A viewer sees a picture at once, and its sensors in a stable order."""
    values = LastValues()
    for topic, sequence in (("peripheral/b", 1), ("peripheral/a", 1), ("frame", 1), ("peripheral/b", 2)):
        values.note([envelope(sequence, topic=topic)])
    assert [(item.topic, item.sequence) for item in values.in_order()] == [
        ("frame", 1),
        ("peripheral/b", 2),
        ("peripheral/a", 1),
    ]


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest", "latest", "error"])
def test_last_values_include_what_a_queue_dropped(overflow: str) -> None:
    """After a burst of a thousand sensors into a queue of ten, a late joiner gets a thousand."""
    publisher, queue, lease = lease_on(Bus(), QueueBounds(size=10, overflow=overflow))
    for number in range(1000):
        with contextlib.suppress(QueueFull):  # with `error`
            publisher.publish(knob(f"s-{number}", number))
    caught_up = lease.catch_up()
    assert len(caught_up.batch) == 10
    assert numbers(caught_up.last_values()) == {f"peripheral/s-{number}": 1 for number in range(1000)}
    assert_balanced(queue.stats())


def test_what_still_waits_is_no_last_value() -> None:
    """It would come twice; a queue with much given back holds more than one batch."""
    publisher, queue, lease = lease_on(Bus(), QueueBounds(size=2))
    publisher.publish(knob("a"))
    publisher.publish(knob("b"))
    given_back = queue.take_nowait()
    publisher.publish(knob("c"))
    publisher.publish(knob("d"))
    queue.give_back(given_back)
    first = lease.catch_up()
    assert numbers(first.batch) == {"peripheral/a": 1, "peripheral/b": 1}
    assert list(first.before) == []
    second = lease.catch_up()
    assert numbers(second.batch) == {"peripheral/c": 1, "peripheral/d": 1}
    assert numbers(second.before) == {"peripheral/a": 1, "peripheral/b": 1}


def test_producers_in_line_are_admitted() -> None:
    """Their envelopes are numbered already, and would be missing from the batch."""
    bus = Bus()
    publisher, queue, lease = lease_on(bus, QueueBounds(size=1, overflow="block", block_timeout_s=20.0))
    in_line = threading.Semaphore(0)
    publisher.publish(knob("a"))
    bus.connect("peripheral", lambda _: in_line.release())  # after the queue: its ticket is in line then
    producers = [threading.Thread(target=publisher.publish, args=(knob(name),)) for name in "bcd"]
    for producer in producers:
        producer.start()
        assert in_line.acquire(timeout=20)
    caught_up = lease.catch_up()
    for producer in producers:
        producer.join(20)
    assert numbers(caught_up.batch) == {f"peripheral/{name}": 1 for name in "abcd"}
    assert_balanced(queue.stats())


def test_a_sink_whose_lease_is_over_gets_nothing() -> None:
    """What waits goes to its successor."""
    publisher, queue, lease = lease_on(Bus(), QueueBounds())
    publisher.publish(FRAME)
    lease.end()
    assert lease.catch_up() == CaughtUp([], [])
    assert queue.stats().waiting.items == 1


def test_a_newcomer_misses_nothing_of_the_batch_and_sees_a_frame_first() -> None:
    """The viewer may have come before the batch was published."""
    before = [envelope(1, topic="peripheral/a"), envelope(7, topic="peripheral/b")]
    batch = [
        *(envelope(2, topic="peripheral/a"), envelope(5), envelope(3, topic="peripheral/a"), envelope(6)),
        envelope(9, topic="peripheral/c"),
    ]
    caught_up = CaughtUp(batch, before[1:])
    first, then = caught_up.for_newcomer()
    assert [(item.topic, item.sequence) for item in first] == [
        ("frame", 5),
        ("peripheral/b", 7),
        ("peripheral/a", 2),
        ("peripheral/a", 3),
        ("peripheral/c", 9),
    ]
    assert [(item.topic, item.sequence) for item in then] == [("frame", 6)]


class CatchingUp:
    """Follows the stream and catches up again and again."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}
        self.times = 0

    async def run(self, queue: Batches) -> None:
        async for batch in queue:
            self.follow(batch)
            for _ in range(3):
                caught_up = queue.catch_up()
                self.follow(caught_up.batch)
                for value in caught_up.before:
                    assert value.sequence >= self.seen.get(value.topic, 0)
                    self.seen[value.topic] = value.sequence
                self.times += 1

    def follow(self, batch: list[Envelope]) -> None:
        for item in batch:
            assert item.sequence > self.seen.get(item.topic, 0), "older than the last value before it"
            self.seen[item.topic] = item.sequence


async def test_last_values_and_what_follows_them_meet_exactly_while_threads_publish() -> None:
    """Nothing later is older, and the last value of each topic is seen."""
    kernel, sink = Kernel(PlainCodec()), CatchingUp()
    kernel.add_sink("viewer", sink, QueueBounds(size=5))

    def produce(name: str) -> None:
        for number in range(2000):
            kernel.publisher.publish(knob(f"{name}-{number % 7}", number))

    async with anyio.create_task_group() as group:
        await group.start(kernel.run)
        async with anyio.create_task_group() as producers:
            for name in "abc":
                producers.start_soon(anyio.to_thread.run_sync, produce, name)
        kernel.publisher.publish(FRAME)  # wakes the sink a last time, after which it has caught up
        kernel.stop()
    published = {item.topic: item.sequence for item in kernel.publisher.last_values()}
    assert len(published) == 22
    assert sink.seen == published
    assert kernel.stats().topics == 22
    assert sink.times > 0
    assert_balanced(kernel.stats().sinks[0].queue)
