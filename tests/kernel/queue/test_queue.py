"""A queue between its producers and its sink; `test_model` holds its accounting against a model."""

import functools
from dataclasses import replace

import anyio
import pytest

from beats.kernel.envelope import Envelope
from beats.kernel.queue.bounds import LaneBounds, QueueBounds
from beats.kernel.queue.overflow import OVERFLOWS
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.stats import Amount, Loss
from beats.kernel.testing import envelope
from beats.kernel.waiter import Refusal, Waiter
from beats.kernel.waker import Waker
from tests.kernel.support import (
    JOIN_TIMEOUT_S,
    assert_balanced,
    by_topic,
    dropped,
    everyone_waits,
    run_in_thread,
    threads,
)

pytestmark = pytest.mark.anyio

STRATEGIES = pytest.mark.parametrize("overflow", OVERFLOWS)


def offered(queue: SinkQueue, *sequences: int, topic: str = "frame", encoded: bytes = b"x") -> None:
    for sequence in sequences:
        queue.offer(envelope(sequence, topic=topic, encoded=encoded))


def sequences(batch: list[Envelope]) -> list[int]:
    return [item.sequence for item in batch]


def block(size: int, max_bytes: int = 1000) -> QueueBounds:
    return QueueBounds(size, max_bytes, "block", block_timeout_s=JOIN_TIMEOUT_S)


def in_line(*numbers: int) -> tuple[SinkQueue, list[Waiter]]:
    """A queue in which 1 waits, and the waiters of the others."""
    queue = SinkQueue("recorder", block(1))
    offered(queue, 1)
    answers = [queue.offer(envelope(number, encoded=b"x" * number)) for number in numbers]
    return queue, [answer for answer in answers if isinstance(answer, Waiter)]


def test_a_queue_is_bounded_from_the_start() -> None:
    """Without settings it holds the newest 256."""
    queue = SinkQueue("null")
    offered(queue, *range(1, 301))
    assert sequences(queue.take_nowait()) == list(range(45, 301))
    assert queue.stats().high_water == 256


def test_frames_never_crowd_out_peripherals() -> None:
    """With their own lane, pictures fill only that lane; all other updates wait."""
    queue = SinkQueue(
        "browser", QueueBounds(size=8, per_kind={"frame": QueueBounds(size=2, overflow="latest")})
    )
    offered(queue, 1, 2, topic="peripheral/knob")
    offered(queue, *range(1, 1001), encoded=b"a large picture")
    offered(queue, 3, topic="peripheral/knob")
    batch = queue.take_nowait()
    assert by_topic(batch) == {"peripheral/knob": [1, 2, 3], "frame": [1000]}
    assert dropped(queue.stats()) == {("latest", "frame"): 999}


def test_a_loss_tells_reason_topic_sequences_and_times() -> None:
    """The times are those when the first and the last came onto the bus; each loss is told once."""
    queue = SinkQueue("recorder", QueueBounds(size=2), keep_losses=True)
    for number in range(1, 6):
        made = envelope(number, encoded=b"xx", unix_ns=1000 * number)
        queue.offer(made._replace(captured_unix_ns=7))
    assert queue.losses() == (Loss("drop_oldest", "frame", 3, 6, 1, 3, 1000, 3000),)
    assert queue.losses() == ()
    assert queue.stats().dropped == Amount(3, 6)


def test_what_was_given_up_before_the_queue_is_a_loss_without_numbers() -> None:
    """It changes no counter, and not the numbers of what was dropped for the same reason."""
    queue = SinkQueue("recorder", QueueBounds(size=1, overflow="drop_newest"), keep_losses=True)
    for at_ns in (10, 50):
        queue.note_given_up(Loss("encoder", "frame", 1, 0, 0, 0, at_ns, at_ns))
    queue.note_given_up(Loss("drop_newest", "frame", 1, 0, 0, 0, 3, 3))
    for number in (6, 7, 8):
        queue.offer(envelope(number, encoded=b"xx", unix_ns=number))
    queue.note_given_up(Loss("drop_newest", "frame", 1, 0, 0, 0, 9, 9))
    assert queue.losses() == (
        Loss("encoder", "frame", 2, 0, 0, 0, 10, 50),
        Loss("drop_newest", "frame", 4, 4, 7, 8, 3, 9),
    )
    assert queue.stats().offered.items == 3


def test_losses_are_noted_only_on_request() -> None:
    """The queue of one of many clients does not pay for them."""
    queue = SinkQueue("browser", QueueBounds(size=1))
    offered(queue, 1, 2)
    assert queue.stats().dropped.items == 1
    assert queue.losses() == ()


async def test_what_was_given_back_needs_no_new_envelope_to_be_taken() -> None:
    """The next attempt's first take returns at once, even when nothing has come since."""
    queue = SinkQueue("recorder")
    offered(queue, 1)
    queue.give_back(await queue.take())
    with anyio.fail_after(1.0):
        assert sequences(await queue.take()) == [1]


@pytest.mark.parametrize(("overflow", "why"), [("drop_oldest", None), ("error", "it is full")])
async def test_a_coroutine_in_line_goes_on_when_the_strategy_no_longer_blocks(
    overflow: str, why: str | None
) -> None:
    """It wakes at once, whichever thread changes the bounds."""
    queue, (waiter,) = in_line(2)
    queue.attach(Waker())
    outcomes: list[Refusal | None] = []

    async def wait() -> None:
        outcomes.append(await waiter.wait_async())

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.lowlevel.checkpoint()
        run_in_thread(lambda: queue.rebound(QueueBounds(size=1, overflow=overflow)))
    assert [outcome and outcome.why for outcome in outcomes] == [why]


@pytest.mark.parametrize("size", [8, 1])
def test_a_producer_in_line_keeps_its_place_when_lanes_are_merged(size: int) -> None:
    """Whether it is admitted then or at the end: envelopes come in the order of publication."""
    queue = SinkQueue("recorder", replace(block(8), per_kind={"frame": LaneBounds(1, overflow="block")}))
    for number, topic in enumerate(["frame", "frame", "peripheral/a", "peripheral/a"]):
        offered(queue, number, topic=topic)
    queue.rebound(block(size))
    queue.close(admit_line=True)
    assert [number for _ in range(4) for number in sequences(queue.take_nowait())] == [0, 1, 2, 3]


@STRATEGIES
@pytest.mark.parametrize("changing", [False, True])
def test_accounting_is_exact_at_every_instant_under_publishing_threads(overflow: str, changing: bool) -> None:
    """Four threads offer, one takes and gives back, one reads and, at times, one changes bounds."""
    rounds, producers = 150, 4
    lane = LaneBounds(size=3, max_bytes=40, overflow=overflow, block_timeout_s=JOIN_TIMEOUT_S)
    rest = QueueBounds(size=4, overflow=overflow, block_timeout_s=JOIN_TIMEOUT_S)
    bounds = replace(rest, per_kind={"frame": lane})
    queue = SinkQueue("null", bounds)
    delivered: list[Envelope] = []
    looks: list[tuple[int, int]] = []
    left: list[str] = []

    def produce(name: str) -> None:
        for sequence in range(1, rounds + 1):
            for topic in ("frame", f"peripheral/{name}"):
                answer = queue.offer(envelope(sequence, topic=topic, encoded=b"x" * (sequence % 20)))
                if isinstance(answer, Waiter):
                    answer.wait()
        left.append(name)

    def published() -> bool:
        return len(left) == producers

    def take() -> None:
        while True:
            last = published()  # read first: whatever came before is seen below
            batch = queue.take_nowait()
            done = (len(batch) + 1) // 2
            delivered.extend(batch[:done])
            queue.give_back(batch[done:])
            if last and not queue.stats().waiting.items:
                return

    def change() -> None:
        while changing and not published():
            for each in (QueueBounds(size=100), block(1), QueueBounds(size=2, overflow="error"), bounds):
                queue.rebound(each)
                assert_balanced(queue.stats())

    def read() -> None:
        while not published():
            stats = queue.stats()
            assert_balanced(stats)
            assert stats.waiting.items <= stats.high_water
            assert changing or stats.high_water <= 14
            looks.append((stats.offered.items, stats.offered.bytes))

    with threads(*[functools.partial(produce, str(n)) for n in range(producers)], take, change, read):
        pass
    stats = queue.stats()
    assert_balanced(stats)
    assert looks == sorted(looks)
    assert stats.offered.items == 2 * rounds * producers
    assert stats.taken == Amount(len(delivered), sum(len(item.encoded) for item in delivered))
    for topic, numbers in by_topic(delivered).items():
        assert topic == "frame" or numbers == sorted(set(numbers))
    if overflow == "block" and not changing:
        assert stats.dropped.items == 0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("overflow", ["latest", "block"])
def test_a_sink_gets_everything_up_to_the_end_from_several_threads(backend: str, overflow: str) -> None:
    """No wake-up is lost: the newest of each topic always arrives, and with `block` all of them."""
    rounds, producers = 200, 4
    queue = SinkQueue("null", QueueBounds(size=8, overflow=overflow, block_timeout_s=JOIN_TIMEOUT_S))
    taken: list[Envelope] = []

    def produce(topic: str) -> None:
        for sequence in range(1, rounds + 1):
            answer = queue.offer(envelope(sequence, topic=topic))
            if isinstance(answer, Waiter):
                assert answer.wait() is None

    async def main() -> None:
        ended: set[str] = set()
        with threads(*[functools.partial(produce, f"peripheral/{n}") for n in range(producers)]):
            while len(ended) < producers:
                batch = await queue.take(5)
                taken.extend(batch)
                ended |= {item.topic for item in batch if item.sequence == rounds}

    anyio.run(main, backend=backend)
    for numbers in by_topic(taken).values():
        assert numbers == sorted(numbers)
        if overflow == "block":
            assert numbers == list(range(1, rounds + 1))
    assert_balanced(queue.stats())


async def test_take_waits_for_the_first_envelope() -> None:
    """A sink sleeps until something comes, from the loop's own thread or another."""
    queue, batches = SinkQueue("null"), list[list[int]]()

    async def sink() -> None:
        async for batch in queue:
            batches.append(sequences(batch))

    async with anyio.create_task_group() as group:
        group.start_soon(sink)
        await everyone_waits()
        assert batches == []
        offered(queue, 1, 2)
        await everyone_waits()
        run_in_thread(lambda: offered(queue, 3, 4))
        await everyone_waits()
        assert batches == [[1, 2], [3, 4]]
        queue.close()


@pytest.mark.parametrize("from_thread", [False, True])
async def test_close_wakes_a_sink_that_waits(from_thread: bool) -> None:
    """A sleeping sink learns of the end, whichever thread brings it."""
    queue = SinkQueue("null")
    async with anyio.create_task_group() as group:
        group.start_soon(queue.take)
        await everyone_waits()
        run_in_thread(queue.close) if from_thread else queue.close()
    assert anyio.current_time() < 1.0


async def test_a_cancelled_take_loses_nothing() -> None:
    """Whatever the moment of cancellation, what was offered is there for the next take."""
    queue = SinkQueue("null")
    with anyio.move_on_after(1.0):
        await queue.take()
    offered(queue, 1)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await queue.take()
    assert sequences(await queue.take()) == [1]


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_a_take_that_is_cancelled_as_an_envelope_comes_loses_nothing(cancel_first: bool) -> None:
    """Offer and cancellation in the same step of the loop: the envelope was taken, or still waits."""
    queue = SinkQueue("null")
    batches: list[list[Envelope]] = []

    async def take() -> None:
        batches.append(await queue.take())

    async with anyio.create_task_group() as group:
        group.start_soon(take)
        await everyone_waits()
        if cancel_first:
            group.cancel_scope.cancel()
        offered(queue, 1)
        group.cancel_scope.cancel()
    with anyio.move_on_after(1.0):
        batches.append(await queue.take())
    assert [sequences(batch) for batch in batches] == [[1]]


async def test_a_batch_counts_as_delivered_when_the_next_take_is_cancelled() -> None:
    """The sink asked for more, so it had done with what it held, also if it was cancelled right then."""
    queue = SinkQueue("null")
    offered(queue, 1)
    await queue.take()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await queue.take()
    assert queue.lose_in_hand("shutdown") == Amount(0, 0)
    assert queue.stats().taken == Amount(1, 1)


async def test_take_lets_others_run_though_envelopes_wait() -> None:
    """A sink that never has to wait must not keep the loop from everyone else."""
    queue, ran = SinkQueue("null"), list[int]()

    async def other() -> None:
        ran.append(1)

    async with anyio.create_task_group() as group:
        group.start_soon(other)
        for sequence in range(100):  # trio chooses at random who runs first, so one take might not show it
            offered(queue, sequence)
            await queue.take()
        assert ran == [1]
