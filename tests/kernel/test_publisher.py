import functools
import threading

import anyio
import pytest

from beats.kernel.bus import Bus
from beats.kernel.envelope import Envelope, Frame, Message, Sealed
from beats.kernel.errors import ClosedError, QueueFull
from beats.kernel.publisher import Publisher
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.testing import FixedClock, PlainCodec
from beats.kernel.waiter import Waiter
from beats.kernel.waker import Waker
from tests.kernel.support import (
    FRAME,
    JOIN_TIMEOUT_S,
    assert_balanced,
    by_topic,
    dropped,
    knob,
    publisher_on,
    run_in_thread,
    threads,
)

pytestmark = pytest.mark.anyio


def collected(bus: Bus) -> list[Envelope]:
    """A list that receives everything published from now on."""
    received: list[Envelope] = []
    bus.connect("frame", received.append)
    bus.connect("peripheral", received.append)
    return received


def connected(bus: Bus, name: str, overflow: str, *, size: int = 1, timeout_s: float = 1.0) -> SinkQueue:
    queue = SinkQueue(name, QueueBounds(size=size, overflow=overflow, block_timeout_s=timeout_s))
    bus.connect("frame", queue.offer)
    bus.connect("peripheral", queue.offer)
    return queue


def full_queue() -> tuple[SinkQueue, threading.Semaphore, Publisher]:
    """A `block` queue of size 1 with one frame, and a semaphore that counts the producers in its line."""
    bus, in_line = Bus(), threading.Semaphore(0)
    queue = SinkQueue("recorder", QueueBounds(size=1, overflow="block", block_timeout_s=JOIN_TIMEOUT_S))

    def offer(envelope: Envelope) -> object:
        answer = queue.offer(envelope)
        if isinstance(answer, Waiter):
            in_line.release()
        return answer

    bus.connect("frame", offer)
    publisher = publisher_on(bus)
    publisher.publish(FRAME)
    return queue, in_line, publisher


class PickyCodec(PlainCodec):
    """Fails in the second step for one picture."""

    def seal(self, prepared: object, sequence: int, captured_unix_ns: int) -> bytes:
        if prepared == b"unsealable":
            raise ValueError("this picture cannot be sealed")
        return super().seal(prepared, sequence, captured_unix_ns)


def test_an_envelope_holds_what_was_published() -> None:
    """Kind, topic, sequence, times, message and bytes are set once, by the publisher."""
    bus, clock = Bus(), FixedClock(1000)
    received = collected(bus)
    publisher = Publisher(bus, PlainCodec(), clock)
    publisher.publish(Frame(b"png"))
    clock.now_ns = 2000
    update = knob("knob-1", {"rotation": 3})
    publisher.publish(update, captured_unix_ns=500)
    assert received == [
        Envelope("frame", "frame", 1, 1000, 1000, Frame(b"png"), b"png"),
        Envelope("peripheral", "peripheral/knob-1", 1, 500, 2000, update, b'{"rotation": 3}'),
    ]


def test_a_wall_clock_that_is_set_dates_what_is_captured_and_not_what_is_published() -> None:
    """Envelopes stay in the order of their times on the bus, and are as far apart as they were."""
    bus, clock = Bus(), FixedClock(1000)
    received = collected(bus)
    publisher = Publisher(bus, PlainCodec(), clock)
    publisher.publish(FRAME)
    clock.set_ahead(-900)
    clock.now_ns = 1010
    publisher.publish(FRAME)
    assert [(each.captured_unix_ns, each.published_unix_ns) for each in received] == [
        (1000, 1000),
        (110, 1010),
    ]
    assert [step.after_unix_ns for step in clock.steps()] == [100]


def test_a_message_is_encoded_once_for_all_receivers() -> None:
    """Every receiver gets the same envelope, so its bytes are made once."""
    bus = Bus()
    first, second = collected(bus), collected(bus)
    publisher_on(bus).publish(FRAME)
    assert first[0] is second[0]


def test_sequences_start_at_one_in_each_topic() -> None:
    """Topics are numbered independently, and publish returns the number; frames are counted by picture."""
    publisher = publisher_on(Bus())
    messages: list[Message] = [FRAME, knob("a"), FRAME, knob("b"), knob("a"), FRAME]
    assert [publisher.publish(message) for message in messages] == [1, 1, 2, 1, 2, 3]
    publisher.publish(FRAME._replace(id="cam"))
    assert (publisher.published, publisher.published_frames) == (7, 4)
    assert [(each.topic, each.published.items) for each in publisher.pictures] == [
        ("frame", 3),
        ("frame/cam", 1),
    ]


@pytest.mark.parametrize(
    ("message", "error"),
    [(knob("knob", object()), TypeError), (Frame(b"unsealable"), ValueError)],
    ids=["in prepare", "in seal"],
)
def test_what_cannot_be_encoded_takes_no_sequence_number(message: Message, error: type[Exception]) -> None:
    """The producer gets the codec's error; no receiver gets an envelope; no number or topic is used up."""
    bus = Bus()
    received = collected(bus)
    for good in (Frame(b"png"), knob("knob")):
        publisher = Publisher(bus, PickyCodec(), FixedClock(), max_topics=1)
        with pytest.raises(error):
            publisher.publish(message)
        publisher.publish(good)
        with pytest.raises(error):
            publisher.publish(message)
        assert publisher.publish(good) == publisher.published == 2
    assert [item.sequence for item in received] == [1, 2, 1, 2]


def test_each_picture_has_a_sequence_and_a_last_value_of_its_own() -> None:
    """Last values of pictures come before those of peripherals; `max_topics` bounds pictures too."""
    publisher = publisher_on(Bus(), max_topics=3)
    left, right = Frame(b"left", "left"), Frame(b"right", "right")
    publisher.publish(knob("a"))
    assert [publisher.publish(each) for each in (left, right, left)] == [1, 1, 2]
    last = [(each.topic, each.sequence) for each in publisher.last_values()]
    assert last == [("frame/left", 2), ("frame/right", 1), ("peripheral/a", 1)]
    with pytest.raises(ValueError, match=r"'frame' would be topic 4, and kernel.max_topics is 3"):
        publisher.publish(FRAME)


def test_a_slow_sink_with_latest_keeps_the_newest_frame_of_each_picture() -> None:
    """A fast picture does not displace another one."""
    bus = Bus()
    queue = connected(bus, "slow", "latest", size=10)
    publisher = publisher_on(bus)
    for id_ in ("", "cam", "", "cam", ""):
        publisher.publish(Frame(b"x", id_))
    assert [(each.topic, each.sequence) for each in queue.take_nowait()] == [("frame/cam", 2), ("frame", 3)]


async def test_topics_are_bounded() -> None:
    """One topic too many is refused with the setting's name, forwarded or not; existing topics go on."""
    bus = Bus()
    received = collected(bus)
    publisher = publisher_on(bus, max_topics=2)
    publisher.publish(FRAME)
    publisher.publish(knob("a"))
    with pytest.raises(ValueError, match=r"'peripheral/b'.*max_topics is 2"):
        publisher.publish(knob("b"))
    with pytest.raises(ValueError, match=r"'peripheral/b'.*max_topics is 2"):
        await publisher.forward_async(Sealed(knob("b"), 1, 7, b"sealed"))
    assert publisher.publish(knob("a")) == 2
    assert by_topic(received) == {"frame": [1], "peripheral/a": [1, 2]}


def test_every_receiver_sees_each_topic_in_order_without_gaps_from_many_threads() -> None:
    """Four threads share topics: receivers and queues see 1, 2, 3 …, and each number is returned once."""
    bus = Bus()
    rounds, producers = 500, 4
    received = collected(bus)
    queues = [connected(bus, name, "error", size=100_000) for name in ("a", "b")]
    publisher = publisher_on(bus)
    returned: dict[str, list[int]] = {"frame": [], "peripheral/a": [], "peripheral/b": []}

    def produce() -> None:
        for _ in range(rounds):
            returned["frame"].append(publisher.publish(FRAME))
            returned["peripheral/a"].append(publisher.publish(knob("a")))
            returned["peripheral/b"].append(publisher.publish(knob("b")))

    with threads(*[produce] * producers):
        pass
    expected = list(range(1, rounds * producers + 1))
    assert by_topic(received) == dict.fromkeys(returned, expected)
    for queue in queues:
        assert queue.take_nowait() == received
    for numbers in returned.values():
        assert sorted(numbers) == expected
    assert publisher.published == 3 * rounds * producers


def test_a_receiver_may_publish_from_many_threads() -> None:
    """Answers that receivers publish are numbered without gaps too."""
    bus = Bus()
    publisher = publisher_on(bus)
    bus.connect("frame", lambda item: publisher.publish(knob("echo", item.sequence)))
    received = collected(bus)

    def produce() -> None:
        for _ in range(200):
            publisher.publish(FRAME)

    with threads(*[produce] * 4):
        pass
    expected = list(range(1, 801))
    assert by_topic(received) == {"frame": expected, "peripheral/echo": expected}
    assert [item.sequence for item in received[::2]] == [item.sequence for item in received[1::2]]


def test_queue_full_reaches_the_producer_after_every_other_sink_has_the_envelope() -> None:
    """The error names sink, size, topic and number; the number stays used, since the others have it."""
    bus = Bus()
    strict = connected(bus, "recorder", "error", size=1)
    others = [connected(bus, name, "drop_oldest", size=9) for name in ("browser", "null")]
    publisher = publisher_on(bus)
    publisher.publish(knob("a"))
    with pytest.raises(QueueFull) as caught:
        publisher.publish(knob("a"))
    error = caught.value
    assert (error.sink, error.size, error.topic, error.sequence) == ("recorder", 1, "peripheral/a", 2)
    for queue in others:
        assert [item.sequence for item in queue.take_nowait()] == [1, 2]
    assert dropped(strict.stats()) == {("error", "peripheral"): 1}
    strict.take_nowait()
    assert publisher.publish(knob("a")) == 3


def test_the_first_of_several_refusals_is_raised_and_notes_the_others() -> None:
    """One exception names all queues that refused, in order of connection."""
    bus = Bus()
    for name in ("first", "second", "third"):
        connected(bus, name, "error")
    publisher = publisher_on(bus)
    publisher.publish(FRAME)
    with pytest.raises(QueueFull, match="'first'") as caught:
        publisher.publish(FRAME)
    notes = caught.value.__notes__
    assert len(notes) == 2
    assert "'second'" in notes[0]
    assert "'third'" in notes[1]


async def test_after_close_publishing_raises() -> None:
    """From a thread and from a coroutine, and forwarding too; no receiver gets an envelope."""
    bus = Bus()
    received = collected(bus)
    publisher = publisher_on(bus)
    publisher.publish(FRAME)
    publisher.close()
    with pytest.raises(ClosedError, match="closed"):
        publisher.publish(FRAME)
    with pytest.raises(ClosedError, match="closed"):
        await publisher.publish_async(FRAME)
    with pytest.raises(ClosedError, match="closed"):
        await publisher.forward_async(Sealed(FRAME, 2, 7, b"sealed"))
    assert len(received) == publisher.published == 1


def test_a_thread_waits_for_room_and_goes_on() -> None:
    """With `block`, publish returns once the sink has made room, and nothing is lost."""
    queue, in_line, publisher = full_queue()
    returned: list[int] = []
    with threads(lambda: returned.append(publisher.publish(FRAME))):
        assert in_line.acquire(timeout=JOIN_TIMEOUT_S)
        assert returned == []
        assert [item.sequence for item in queue.take_nowait()] == [1]
    assert returned == [2]
    assert [item.sequence for item in queue.take_nowait()] == [2]
    assert queue.stats().dropped.items == 0


def test_producers_in_line_keep_their_order_and_later_ones_come_after() -> None:
    """Envelopes reach the sink in order of publication, however many producers wait."""
    queue, in_line, publisher = full_queue()
    taken: list[int] = []
    with threads(*[functools.partial(publisher.publish, FRAME)] * 4):
        for _ in range(4):
            assert in_line.acquire(timeout=JOIN_TIMEOUT_S)
        taken += [item.sequence for item in queue.take_nowait()]
        with threads(functools.partial(publisher.publish, FRAME)):  # comes while others are in line
            assert in_line.acquire(timeout=JOIN_TIMEOUT_S)
            while len(taken) < 6:
                taken += [item.sequence for item in queue.take_nowait()]
    assert taken == [1, 2, 3, 4, 5, 6]
    assert_balanced(queue.stats())


def test_closing_a_queue_refuses_the_producers_in_line() -> None:
    """A thread that waits for room does not wait for a sink that has ended."""
    queue, in_line, publisher = full_queue()
    caught: list[QueueFull] = []

    def produce() -> None:
        with pytest.raises(QueueFull, match="closed") as info:
            publisher.publish(FRAME)
        caught.append(info.value)

    with threads(produce):
        assert in_line.acquire(timeout=JOIN_TIMEOUT_S)
        queue.close()
    assert [error.sequence for error in caught] == [2]
    assert dropped(queue.stats()) == {("closed", "frame"): 1}
    assert_balanced(queue.stats())


@pytest.mark.parametrize("forwards", [False, True])
async def test_a_coroutine_waits_for_room_while_the_loop_goes_on(forwards: bool) -> None:
    """An awaited publish or forward suspends only its own task, until the sink takes."""
    bus = Bus()
    queue = connected(bus, "recorder", "block", timeout_s=10.0)
    queue.attach(Waker())
    publisher = publisher_on(bus)
    await publisher.publish_async(FRAME)
    returned: list[int] = []

    async def produce() -> None:
        sealed = Sealed(FRAME, 2, 7, b"sealed")
        returned.append(
            await (publisher.forward_async(sealed) if forwards else publisher.publish_async(FRAME))
        )

    async with anyio.create_task_group() as group:
        group.start_soon(produce)
        await anyio.sleep(3.0)
        assert returned == []
        assert [item.sequence for item in await queue.take()] == [1]
    assert returned == [2]
    assert anyio.current_time() == pytest.approx(3.0)
    assert [item.sequence for item in queue.take_nowait()] == [2]


@pytest.mark.parametrize(
    ("caller", "timeout_s", "why"),
    [
        ("thread", 0.02, r"'recorder'.*block_timeout_s"),
        ("coroutine", 10.0, r"'recorder'.*block_timeout_s"),
        ("loop's thread", 3600.0, r"event loop's own thread.*await"),
    ],
)
async def test_a_producer_without_room_gets_queue_full(caller: str, timeout_s: float, why: str) -> None:
    """After `block_timeout_s`; at once on the loop's own thread, where waiting would stop the sink."""
    bus = Bus()
    queue = connected(bus, "recorder", "block", timeout_s=timeout_s)
    queue.attach(Waker())
    others = connected(bus, "browser", "drop_oldest", size=9)
    publisher = publisher_on(bus)
    publisher.publish(FRAME)
    with pytest.raises(QueueFull, match=why):  # noqa: PT012 - one call, by one of three callers
        if caller == "coroutine":
            await publisher.publish_async(FRAME)
        elif caller == "thread":
            run_in_thread(lambda: publisher.publish(FRAME))
        else:
            publisher.publish(FRAME)
    assert anyio.current_time() <= 10.0
    assert dropped(queue.stats()) == {("block", "frame"): 1}
    assert_balanced(queue.stats())
    assert others.stats().waiting.items == 2


async def test_a_cancelled_coroutine_leaves_every_line() -> None:
    """Its envelope is counted once in each full queue and waits in none."""
    bus = Bus()
    queues = [connected(bus, name, "block", timeout_s=100.0) for name in ("a", "b", "c")]
    for queue in queues:
        queue.attach(Waker())
    publisher = publisher_on(bus)
    await publisher.publish_async(FRAME)
    with anyio.move_on_after(1.0) as scope:
        await publisher.publish_async(FRAME)
    assert scope.cancelled_caught
    for queue in queues:
        assert dropped(queue.stats()) == {("block", "frame"): 1}
        assert_balanced(queue.stats())
        assert [item.sequence for item in queue.take_nowait()] == [1]
        assert queue.take_nowait() == []


async def test_a_producer_that_never_waits_lets_others_run() -> None:
    """An awaited publish yields each time, or a quick source would starve its sinks."""
    publisher, turns = publisher_on(Bus()), list[str]()

    async def produce(name: str) -> None:
        for _ in range(3):
            await publisher.publish_async(FRAME)
            turns.append(name)

    async with anyio.create_task_group() as group:
        group.start_soon(produce, "a")
        group.start_soon(produce, "b")
    assert set(turns[:2]) == {"a", "b"}


def test_only_queues_affect_the_producer() -> None:
    """What other receivers return is ignored."""
    bus = Bus()
    bus.connect("frame", lambda item: "text")
    bus.connect("frame", lambda item: QueueFull("made-up", item.topic, item.sequence, 1, "by a receiver"))
    assert publisher_on(bus).publish(FRAME) == 1


def test_what_a_receiver_publishes_follows_what_caused_it() -> None:
    """Receivers connected later see cause and effect in order, also within one topic."""
    bus = Bus()
    publisher = publisher_on(bus)

    def echo(envelope: Envelope) -> None:
        if envelope.sequence < 3:
            publisher.publish(FRAME)

    bus.connect("frame", echo)
    received = collected(bus)
    assert publisher.publish(FRAME) == 1
    assert [envelope.sequence for envelope in received] == [1, 2, 3]


def test_a_refusal_of_what_a_receiver_published_is_reported_not_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The producer hears only of its own message; the log says what else was refused."""
    bus = Bus()
    publisher = publisher_on(bus)
    queue = connected(bus, "strict", "error", size=1)
    bus.connect("frame", lambda envelope: publisher.publish(knob("effect")))
    assert publisher.publish(FRAME) == 1
    assert queue.stats().dropped.items == 1
    assert "an envelope that a receiver published was refused: sink 'strict'" in caplog.text
