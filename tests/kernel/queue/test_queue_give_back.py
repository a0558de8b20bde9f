"""What a sink gives back to its queue."""

import functools
from dataclasses import replace

import anyio
import pytest

from beats.kernel.envelope import Envelope
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.overflow import OVERFLOWS
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.stats import Amount
from beats.kernel.testing import envelope
from beats.kernel.waiter import Refusal, Waiter
from tests.kernel.support import JOIN_TIMEOUT_S, assert_balanced, by_topic, dropped, threads

STRATEGIES = pytest.mark.parametrize("overflow", OVERFLOWS)


def piece(number: int, topic: str = "", size_bytes: int = 2) -> Envelope:
    """Of a topic of its own unless said, so that `latest` keeps it beside the others."""
    return envelope(number, topic=topic or f"peripheral/{number}", encoded=b"x" * size_bytes)


def queue_of(bounds: QueueBounds, *numbers: int) -> SinkQueue:
    queue = SinkQueue("recorder", bounds)
    for number in numbers:
        queue.offer(piece(number))
    return queue


def numbers(batch: list[Envelope]) -> list[int]:
    return [item.sequence for item in batch]


@STRATEGIES
def test_what_was_given_back_is_taken_again_first_and_in_its_order(overflow: str) -> None:
    """A sink that could not deliver gets the same envelopes before those that came meanwhile."""
    queue = queue_of(QueueBounds(overflow=overflow), 1, 2, 3)
    batch = queue.take_nowait()
    queue.offer(piece(4))
    queue.give_back(batch)
    assert numbers(queue.take_nowait()) == [1, 2, 3, 4]
    stats = queue.stats()
    assert (stats.offered, stats.taken, stats.dropped) == (Amount(4, 8), Amount(4, 8), Amount())


@STRATEGIES
def test_what_was_given_back_waits_and_was_not_taken(overflow: str) -> None:
    """In items and bytes it moves from one count to the other, and the peak knows of it."""
    queue = queue_of(QueueBounds(overflow=overflow), 1, 2, 3)
    batch = queue.take_nowait()
    queue.offer(piece(4))
    queue.give_back(batch)
    stats = queue.stats()
    assert (stats.taken, stats.waiting, stats.high_water) == (Amount(), Amount(4, 8), 4)
    assert_balanced(stats)


def test_order_between_lanes_holds_for_what_was_given_back() -> None:
    """Each envelope goes back to its own lane, and what was taken first comes first again, twice too."""
    bounds = QueueBounds()
    queue = SinkQueue("recorder", replace(bounds, per_kind={"frame": bounds}))
    published = [(1, "frame"), (2, "peripheral/a"), (3, "frame"), (4, "peripheral/b"), (5, "frame")]
    for number, topic in published:
        queue.offer(piece(number, topic))
    for size in (5, 3):
        queue.give_back(queue.take_nowait()[:size])
        queue.offer(piece(5 + size, "peripheral/a"))
    assert numbers(queue.take_nowait()) == [1, 2, 3, 8]
    queue.give_back([piece(number, topic) for number, topic in published])
    assert [numbers(queue.take_nowait(max_bytes=2)) for _ in published] == [[1], [2], [3], [4], [5]]


def test_several_batches_can_be_given_back_at_once() -> None:
    """A sink that collects before it writes gives back all that it collected."""
    queue = queue_of(QueueBounds(), 1, 2)
    held = queue.take_nowait()
    queue.offer(piece(3))
    held += queue.take_nowait()
    queue.offer(piece(4))
    queue.give_back(held)
    assert numbers(queue.take_nowait()) == [1, 2, 3, 4]
    assert_balanced(queue.stats())


def test_what_was_not_given_back_of_a_batch_counts_as_delivered() -> None:
    """A sink that wrote a part of its batch gives back the rest; none of it is lost in hand."""
    queue = queue_of(QueueBounds(), 1, 2, 3)
    queue.give_back(queue.take_nowait()[1:])
    assert queue.lose_in_hand("failed") == Amount()
    stats = queue.stats()
    assert (stats.taken, stats.dropped, stats.waiting) == (Amount(1, 2), Amount(), Amount(2, 4))
    assert numbers(queue.take_nowait()) == [2, 3]


def test_giving_back_nothing_says_that_all_was_delivered() -> None:
    """An empty list changes nothing that waits."""
    queue = queue_of(QueueBounds(), 1, 2)
    queue.take_nowait()
    queue.give_back([])
    assert queue.lose_in_hand("failed") == Amount()
    assert queue.stats().taken == Amount(2, 4)
    assert queue.take_nowait() == []


def test_a_newer_one_stands_for_what_is_given_back_to_latest() -> None:
    """Where one of each topic is kept, the older of two is given up and counted."""
    queue = SinkQueue("browser", QueueBounds(overflow="latest"), keep_losses=True)
    for topic in ("peripheral/a", "peripheral/b"):
        queue.offer(piece(1, topic))
    batch = queue.take_nowait()
    queue.offer(piece(2, "peripheral/a"))
    queue.give_back(batch)
    assert dropped(queue.stats()) == {("latest", "peripheral"): 1}
    assert_balanced(queue.stats())
    assert [(loss.topic, loss.first_sequence) for loss in queue.losses()] == [("peripheral/a", 1)]
    assert by_topic(queue.take_nowait()) == {"peripheral/b": [1], "peripheral/a": [2]}


def test_of_one_topic_given_back_twice_latest_keeps_the_newer() -> None:
    """A sink that collected several batches may hold a topic more than once."""
    queue = queue_of(QueueBounds(overflow="latest"))
    held: list[Envelope] = []
    for number in (1, 2):
        queue.offer(piece(number, "frame"))
        held += queue.take_nowait()
    queue.give_back(held)
    assert dropped(queue.stats()) == {("latest", "frame"): 1}
    assert numbers(queue.take_nowait()) == [2]
    assert_balanced(queue.stats())


def test_a_newer_one_replaces_what_was_given_back_to_latest() -> None:
    """It waits by the rules of its strategy from then on."""
    queue = queue_of(QueueBounds(overflow="latest"))
    queue.offer(piece(1, "frame"))
    queue.give_back(queue.take_nowait())
    queue.offer(piece(2, "frame"))
    assert numbers(queue.take_nowait()) == [2]
    assert dropped(queue.stats()) == {("latest", "frame"): 1}


@pytest.mark.anyio
@STRATEGIES
async def test_a_closed_queue_still_gives_what_was_given_back(overflow: str) -> None:
    """A sink that tries again while the program ends may still deliver; then the queue ends."""
    queue = queue_of(QueueBounds(overflow=overflow), 1, 2)
    queue.close()
    queue.give_back(await queue.take())
    assert [numbers(batch) async for batch in queue] == [[1, 2]]
    assert queue.stats().dropped == Amount()


@pytest.mark.anyio
async def test_what_was_given_back_needs_no_new_envelope_to_be_taken() -> None:
    """The next attempt's first take returns at once, also when nothing has come since."""
    queue = queue_of(QueueBounds(), 1)
    queue.give_back(await queue.take())
    with anyio.fail_after(1.0):
        assert numbers(await queue.take()) == [1]


def test_what_was_given_back_is_given_up_by_the_strategy_as_all_that_waits() -> None:
    """`drop_oldest` brings the queue within its bounds at the next offer, and gives up the oldest for it."""
    queue = queue_of(QueueBounds(size=2), 1, 2)
    batch = queue.take_nowait()
    for number in (3, 4):
        queue.offer(piece(number))
    queue.give_back(batch)
    assert queue.stats().waiting.items == 4
    queue.offer(piece(5))
    assert dropped(queue.stats()) == {("drop_oldest", "peripheral"): 3}
    assert numbers(queue.take_nowait()) == [4, 5]


@pytest.mark.parametrize(
    ("overflow", "answer"), [("drop_newest", type(None)), ("error", Refusal), ("block", Waiter)]
)
def test_nothing_is_let_in_while_more_waits_than_the_bounds_allow(overflow: str, answer: type) -> None:
    """Where the backlog is kept whole, what was given back takes the places of what comes."""
    queue = queue_of(QueueBounds(size=2, overflow=overflow, block_timeout_s=1e6), 1, 2)
    queue.give_back(queue.take_nowait())
    assert isinstance(queue.offer(piece(3)), answer)
    assert queue.stats().waiting.items == 2
    assert numbers(queue.take_nowait()) == [1, 2]
    assert numbers(queue.take_nowait()) == ([3] if overflow == "block" else [])
    assert_balanced(queue.stats())


def test_producers_in_line_come_after_what_was_given_back() -> None:
    """They wait until the sink has taken what it gave back, and what had been let in before."""
    queue = queue_of(QueueBounds(size=1, overflow="block", block_timeout_s=1e6), 1, 2, 3)
    batch = queue.take_nowait()  # lets 2 in
    queue.give_back(batch)
    assert [numbers(queue.take_nowait()) for _ in range(4)] == [[1], [2], [3], []]
    assert_balanced(queue.stats())


@STRATEGIES
@pytest.mark.parametrize("bounds", [QueueBounds(size=3), QueueBounds(max_bytes=6)], ids=["items", "bytes"])
def test_a_sink_that_fails_again_and_again_never_holds_up_more_than_twice_the_bounds(
    overflow: str, bounds: QueueBounds
) -> None:
    """However often it gives back all that it took, the queue does not grow without end."""
    limits = QueueBounds(bounds.size, bounds.max_bytes, overflow, block_timeout_s=1e6)
    queue = queue_of(limits, 1, 2, 3)
    number = 3
    for _ in range(20):
        batch = queue.take_nowait()
        assert len(batch) == 3
        for _ in range(3):
            number += 1
            queue.offer(piece(number))
        queue.give_back(batch)
        assert queue.stats().waiting.items <= 6
        assert_balanced(queue.stats())
    while queue.take_nowait():
        pass
    assert queue.stats().waiting == Amount()


@STRATEGIES
def test_accounting_is_exact_at_every_instant_while_batches_are_given_back(overflow: str) -> None:
    """Whenever a reader looks while four threads publish, the sum is right; at the end nothing is missing."""
    rounds, producers = 200, 4
    bounds = QueueBounds(size=4, max_bytes=60, overflow=overflow, block_timeout_s=JOIN_TIMEOUT_S)
    queue = SinkQueue("recorder", replace(bounds, per_kind={"frame": bounds}))
    delivered: list[Envelope] = []
    left: list[str] = []

    def produce(name: str) -> None:
        for sequence in range(1, rounds + 1):
            for topic in ("frame", f"peripheral/{name}"):
                answer = queue.offer(piece(sequence, topic, sequence % 20))
                if isinstance(answer, Waiter):
                    assert answer.wait() is None
        left.append(name)

    def take() -> None:
        while True:
            last = len(left) == producers  # before the look: what came before it is seen by it
            batch = queue.take_nowait()
            done = (len(batch) + 1) // 2
            delivered.extend(batch[:done])
            queue.give_back(batch[done:])
            if last and not queue.stats().waiting.items:
                return

    def read() -> None:
        while len(left) < producers:
            stats = queue.stats()
            assert_balanced(stats)
            assert stats.waiting.items <= stats.high_water <= 16

    with threads(*[functools.partial(produce, str(n)) for n in range(producers)], take, read):
        pass
    stats = queue.stats()
    assert_balanced(stats)
    assert stats.offered.items == 2 * rounds * producers
    assert stats.taken == Amount(len(delivered), sum(len(item.encoded) for item in delivered))
    for topic, sequences in by_topic(delivered).items():
        assert topic == "frame" or sequences == sorted(set(sequences))
    if overflow == "block":
        assert stats.dropped.items == 0
