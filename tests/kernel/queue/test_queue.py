import functools
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple, assert_never

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beats.kernel.envelope import KINDS, Envelope
from beats.kernel.queue.bounds import LaneBounds, QueueBounds
from beats.kernel.queue.overflow import OVERFLOWS
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.stats import Amount
from beats.kernel.testing import VirtualTimeLoop, envelope
from beats.kernel.waiter import Refusal, Waiter
from beats.kernel.waker import Waker
from tests.kernel.queue.queue_model import Item, Model, pair, tally_of
from tests.kernel.support import (
    EXPLORE,
    JOIN_TIMEOUT_S,
    assert_balanced,
    by_topic,
    dropped,
    everyone_waits,
    run_in_thread,
    threads,
)


def offered(queue: SinkQueue, *sequences: int, topic: str = "frame", encoded: bytes = b"x") -> None:
    for sequence in sequences:
        queue.offer(envelope(sequence, topic=topic, encoded=encoded))


def sequences(batch: list[Envelope]) -> list[int]:
    return [item.sequence for item in batch]


# Against a plain model


class Offer(NamedTuple):
    topic: str
    size_bytes: int


class Take(NamedTuple):
    max_items: int | None


class TakeBytes(NamedTuple):
    max_bytes: int


class Withdraw(NamedTuple):
    place: int


class GiveBack(NamedTuple):
    items: int


class LoseInHand(NamedTuple):
    reason: str = "failed"


class Discard(NamedTuple):
    reason: str = "shutdown"


class AskForLosses(NamedTuple):
    pass


class Close(NamedTuple):
    admit_line: bool


class Rebound(NamedTuple):
    bounds: QueueBounds


Step = Offer | Take | TakeBytes | Withdraw | GiveBack | LoseInHand | Discard | AskForLosses | Close | Rebound

LIMITS: Final = (
    st.integers(1, 4),
    st.integers(1, 16),
    st.sampled_from(sorted(OVERFLOWS)),
    st.just(1e6),
)
BOUNDS: Final = st.builds(
    QueueBounds, *LIMITS, per_kind=st.dictionaries(st.sampled_from(KINDS), st.builds(LaneBounds, *LIMITS))
)

OFFER: Final[st.SearchStrategy[Step]] = st.builds(
    Offer, st.sampled_from(["frame", "peripheral/a", "peripheral/b"]), st.integers(0, 9)
)
OTHER: Final[st.SearchStrategy[Step]] = st.one_of(
    st.builds(Take, st.none() | st.integers(1, 4)),
    st.builds(TakeBytes, st.integers(1, 12)),
    st.builds(Withdraw, st.integers(0, 3)),
    st.builds(GiveBack, st.integers(1, 5)),
    st.sampled_from([LoseInHand(), Discard(), AskForLosses()]),
    st.builds(Rebound, BOUNDS),
)
# Bursts, as single offers among takes would rarely fill a queue; and a close late, as it ends everything.
ROUNDS: Final[st.SearchStrategy[list[list[Step]]]] = st.lists(
    st.tuples(st.lists(OFFER, min_size=1, max_size=8), st.lists(OTHER, max_size=3)).map(
        lambda burst_and_others: [*burst_and_others[0], *burst_and_others[1]]
    ),
    min_size=1,
    max_size=6,
)
END: Final[st.SearchStrategy[list[Step]]] = st.lists(
    st.one_of(OTHER, st.builds(Close, st.booleans()), OFFER), max_size=4
)


class Pair:
    """A queue and its model, which go the same steps and are compared after each."""

    def __init__(self, bounds: QueueBounds) -> None:
        self._queue = SinkQueue("null", bounds, keep_losses=True)
        self._model = Model(bounds)
        self._offered: dict[int, Envelope] = {}
        self._tickets: dict[int, Waiter] = {}
        self._number = 0

    async def go(self, step: Step) -> None:
        queue, model = self._queue, self._model
        match step:
            case Offer():
                self._offer(step)
            case Take(max_items):
                if model.waiting or model.closed:  # else it would wait for ever
                    assert sequences(await queue.take(max_items)) == model.take(max_items)
            case TakeBytes(max_bytes):
                assert sequences(queue.take_nowait(max_bytes)) == model.take(None, max_bytes)
            case Withdraw(place):
                if place < len(model.line):
                    item = model.line[place]
                    model.withdraw(item)
                    assert queue.withdraw(self._tickets[item.number])
            case GiveBack(items):
                queue.give_back([self._offered[number] for number in model.give_back(items)])
            case LoseInHand(reason):
                assert pair(queue.lose_in_hand(reason)) == model.lose_in_hand(reason)
            case Discard(reason):
                assert pair(queue.discard(reason)) == model.discard(reason)
            case AskForLosses():
                losses = queue.losses()
                assert set(losses) == model.losses()
                assert len(losses) == len(set(losses))
            case Close(admit_line):
                queue.close(admit_line=admit_line)
                model.close(admit_line=admit_line)
            case Rebound(bounds):
                queue.rebound(bounds)
                for number, told in model.rebound(bounds).items():
                    refusal = self._tickets[number].wait()
                    assert (refusal is not None) == (told == "told")
                    assert refusal is None or "closed" not in refusal.why
            case _:
                assert_never(step)
        assert tally_of(queue.stats()) == model.tally()
        assert_balanced(queue.stats())

    def _offer(self, step: Offer) -> None:
        self._number += 1
        item = Item(self._number, *step)
        made = self._offered[self._number] = envelope(
            item.number, topic=item.topic, encoded=b"x" * item.size_bytes, unix_ns=item.unix_ns
        )
        answer = self._queue.offer(made)
        told = self._model.offer(item)
        assert type(answer) is {"ok": type(None), "told": Refusal, "wait": Waiter}[told]
        if isinstance(answer, Waiter):
            self._tickets[self._number] = answer


@settings(EXPLORE, max_examples=500)
@given(bounds=BOUNDS, rounds=ROUNDS, end=END)
def test_a_queue_does_what_a_plain_list_would(
    bounds: QueueBounds, rounds: list[list[Step]], end: list[Step]
) -> None:
    """Batches, answers, losses and every counter equal the model's, for all strategies, lanes and bounds."""

    async def main() -> None:
        pair = Pair(bounds)
        for step in [*itertools.chain(*rounds), *end, AskForLosses()]:
            await pair.go(step)

    anyio.run(main, backend="asyncio", backend_options={"loop_factory": VirtualTimeLoop})


# Bounds and lanes


def test_a_queue_is_bounded_from_the_start() -> None:
    """Without settings it holds the newest 256."""
    queue = SinkQueue("null")
    offered(queue, *range(1, 301))
    assert sequences(queue.take_nowait()) == list(range(45, 301))
    assert queue.stats().high_water == 256


def test_a_queue_is_bounded_in_bytes() -> None:
    """Few large envelopes fill it as many small ones do."""
    queue = SinkQueue("null", QueueBounds(size=100, max_bytes=10))
    offered(queue, 1, 2, 3, encoded=b"1234")
    assert queue.stats().waiting == Amount(2, 8)
    assert sequences(queue.take_nowait()) == [2, 3]


def test_frames_never_crowd_out_peripherals() -> None:
    """With a lane of their own, pictures fill that lane alone, and state beside it waits whole."""
    queue = SinkQueue(
        "browser", QueueBounds(size=8, per_kind={"frame": QueueBounds(size=2, overflow="latest")})
    )
    offered(queue, 1, 2, topic="peripheral/knob")
    offered(queue, *range(1, 1001), encoded=b"a large picture")
    offered(queue, 3, topic="peripheral/knob")
    batch = queue.take_nowait()
    assert by_topic(batch) == {"peripheral/knob": [1, 2, 3], "frame": [1000]}
    assert dropped(queue.stats()) == {("latest", "frame"): 999}


def test_peripherals_never_crowd_out_frames() -> None:
    """The same holds the other way round."""
    queue = SinkQueue(
        "browser", QueueBounds(size=2, per_kind={"peripheral": QueueBounds(size=3, overflow="drop_newest")})
    )
    offered(queue, 1, 2)
    offered(queue, *range(1, 101), topic="peripheral/knob")
    assert by_topic(queue.take_nowait()) == {"frame": [1, 2], "peripheral/knob": [1, 2, 3]}


def test_without_lanes_kinds_share_the_bounds() -> None:
    """One lane for all is the default, and its drops are split by kind."""
    queue = SinkQueue("null", QueueBounds(size=2))
    offered(queue, 1, topic="peripheral/knob")
    offered(queue, 1, 2, 3)
    assert by_topic(queue.take_nowait()) == {"frame": [2, 3]}
    assert dropped(queue.stats()) == {("drop_oldest", "peripheral"): 1, ("drop_oldest", "frame"): 1}


@pytest.mark.parametrize("max_bytes", [None, 2])
def test_order_between_lanes_is_order_of_publication(max_bytes: int | None) -> None:
    """Lanes change what is given up, not the order of what remains, in whole batches and in parts."""
    bounds = QueueBounds(size=20)
    queue = SinkQueue("null", replace(bounds, per_kind={"frame": bounds, "peripheral": bounds}))
    published = ["frame", "peripheral/a", "peripheral/b", "frame", "frame", "peripheral/a", "frame"]
    for topic in published:
        offered(queue, 1, topic=topic)
    taken: list[str] = []
    while batch := queue.take_nowait(max_bytes):
        taken += [item.topic for item in batch]
    assert taken == published


def test_one_envelope_above_max_bytes_is_taken_alone() -> None:
    """A limit on a batch's bytes delays nothing for ever: at least one envelope comes."""
    queue = SinkQueue("null")
    offered(queue, 1, 2, encoded=b"1234")
    assert sequences(queue.take_nowait(max_bytes=3)) == [1]
    assert sequences(queue.take_nowait(max_bytes=8)) == [2]


# Accounting


def test_what_cannot_fit_is_refused_also_while_producers_are_in_line() -> None:
    """An envelope above `max_bytes` never joins the line, where it would hold up everyone behind it."""
    queue = SinkQueue("recorder", QueueBounds(size=1, max_bytes=4, overflow="block", block_timeout_s=1e6))
    offered(queue, 1)
    assert isinstance(queue.offer(envelope(2)), Waiter)
    assert isinstance(queue.offer(envelope(3, encoded=b"12345")), Refusal)
    assert isinstance(queue.offer(envelope(4)), Waiter)
    assert [sequences(queue.take_nowait()) for _ in range(3)] == [[1], [2], [4]]
    assert dropped(queue.stats()) == {("too_large", "frame"): 1}
    assert_balanced(queue.stats())


def test_a_small_envelope_does_not_overtake_a_large_one_in_line() -> None:
    """While a producer waits for room in bytes, what would fit waits behind it."""
    queue = SinkQueue("recorder", QueueBounds(max_bytes=4, overflow="block", block_timeout_s=1e6))
    offered(queue, 1, encoded=b"12")
    assert isinstance(queue.offer(envelope(2, encoded=b"123")), Waiter)
    assert isinstance(queue.offer(envelope(3, encoded=b"1")), Waiter)
    assert sequences(queue.take_nowait()) == [1]
    assert sequences(queue.take_nowait()) == [2, 3]


def test_what_is_offered_after_close_is_counted() -> None:
    """The end of a queue is a cause of loss as any other."""
    queue = SinkQueue("null")
    queue.close()
    assert queue.offer(envelope()) is None
    assert queue.closed
    assert dropped(queue.stats()) == {("closed", "frame"): 1}
    assert_balanced(queue.stats())


def test_a_batch_in_hand_can_be_counted_as_lost_once() -> None:
    """What a sink held when it failed was not delivered; a second look finds nothing."""
    queue = SinkQueue("recorder")
    offered(queue, 1, 2, encoded=b"123")
    queue.take_nowait()
    assert queue.lose_in_hand("failed") == Amount(2, 6)
    assert queue.lose_in_hand("failed") == Amount(0, 0)
    stats = queue.stats()
    assert (stats.offered, stats.taken, stats.dropped) == (Amount(2, 6), Amount(), Amount(2, 6))
    assert dropped(stats) == {("failed", "frame"): 2}


def test_a_batch_is_delivered_when_the_next_is_asked_for() -> None:
    """Only the last batch can be lost in hand."""
    queue = SinkQueue("recorder")
    for sequence in (1, 2):
        offered(queue, sequence)
        queue.take_nowait()
    assert queue.lose_in_hand("failed") == Amount(1, 1)
    assert queue.stats().taken == Amount(1, 1)


def test_discarding_counts_all_that_waits() -> None:
    """What cannot be delivered any more is dropped for the reason given, in every lane."""
    queue = SinkQueue("null", QueueBounds(per_kind={"frame": QueueBounds()}))
    offered(queue, 1, 2)
    offered(queue, 1, topic="peripheral/knob")
    assert queue.discard("shutdown") == Amount(3, 3)
    assert dropped(queue.stats()) == {("shutdown", "frame"): 2, ("shutdown", "peripheral"): 1}
    assert queue.stats().high_water == 3
    assert_balanced(queue.stats())


@pytest.mark.parametrize("overflow", OVERFLOWS)
def test_accounting_is_exact_at_every_instant_under_four_publishing_threads(overflow: str) -> None:
    """Whenever a reader looks, `offered == taken + dropped + waiting`; at the end nothing is missing."""
    rounds, producers = 300, 4
    frames = QueueBounds(size=3, max_bytes=40, overflow=overflow, block_timeout_s=JOIN_TIMEOUT_S)
    rest = QueueBounds(size=4, overflow=overflow, block_timeout_s=JOIN_TIMEOUT_S)
    queue = SinkQueue("null", replace(rest, per_kind={"frame": frames}))
    taken: list[Envelope] = []
    looks: list[tuple[int, int]] = []
    left: list[str] = []

    def produce(name: str) -> None:
        for sequence in range(1, rounds + 1):
            for topic in ("frame", f"peripheral/{name}"):
                answer = queue.offer(envelope(sequence, topic=topic, encoded=b"x" * (sequence % 20)))
                if isinstance(answer, Waiter):
                    assert answer.wait() is None
        left.append(name)

    def published() -> bool:
        return len(left) == producers

    def take() -> None:
        while True:
            last = published()  # before the look: what came before it is seen by it
            taken.extend(queue.take_nowait())
            if last and not queue.stats().waiting.items:
                return

    def read() -> None:
        while not published():
            stats = queue.stats()
            assert_balanced(stats)
            assert stats.waiting.items <= stats.high_water <= 7
            looks.append((stats.offered.items, stats.offered.bytes))

    with threads(*[functools.partial(produce, str(n)) for n in range(producers)], take, read):
        pass
    stats = queue.stats()
    assert_balanced(stats)
    assert looks == sorted(looks)
    assert stats.offered.items == 2 * rounds * producers
    assert stats.taken == Amount(len(taken), sum(len(item.encoded) for item in taken))
    for topic, numbers in by_topic(taken).items():
        assert topic == "frame" or numbers == sorted(numbers)
    if overflow == "block":
        assert stats.dropped.items == 0


# Taking


@pytest.mark.anyio
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


@pytest.mark.anyio
async def test_take_returns_at_most_max_items() -> None:
    """The rest waits for the next batch."""
    queue = SinkQueue("null")
    offered(queue, 1, 2, 3)
    assert sequences(await queue.take(2)) == [1, 2]
    assert sequences(await queue.take(2)) == [3]


@pytest.mark.anyio
async def test_close_drains_and_then_ends() -> None:
    """What waited before the end is still delivered; then every take is empty at once."""
    queue = SinkQueue("null")
    offered(queue, 1, 2)
    queue.close()
    assert [sequences(batch) async for batch in queue] == [[1, 2]]
    assert await queue.take() == []
    assert await queue.take() == []


@pytest.mark.anyio
@pytest.mark.parametrize("from_thread", [False, True])
async def test_close_wakes_a_sink_that_waits(from_thread: bool) -> None:
    """A sleeping sink learns of the end, whichever thread brings it."""
    queue = SinkQueue("null")
    async with anyio.create_task_group() as group:
        group.start_soon(queue.take)
        await everyone_waits()
        run_in_thread(queue.close) if from_thread else queue.close()
    assert anyio.current_time() < 1.0


@pytest.mark.anyio
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


@pytest.mark.anyio
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


@pytest.mark.anyio
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


@pytest.mark.anyio
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


@pytest.mark.anyio
async def test_a_burst_wakes_the_loop_once_for_all_queues(wake_ups: Callable[[], Callable[[], int]]) -> None:
    """Hundreds of envelopes to three sleeping sinks of one loop cost one wake-up."""
    count = wake_ups()
    waker = Waker()
    queues = [SinkQueue(name) for name in ("a", "b", "c")]
    batches: list[list[int]] = []

    async def sink(queue: SinkQueue) -> None:
        batches.append(sequences(await queue.take()))

    async with anyio.create_task_group() as group:
        for queue in queues:
            queue.attach(waker)
            group.start_soon(sink, queue)
        await everyone_waits()

        def burst() -> None:
            for sequence in range(1, 201):
                for queue in queues:
                    offered(queue, sequence)

        run_in_thread(burst)
        assert count() == 1
    assert batches == [list(range(1, 201))] * 3


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
