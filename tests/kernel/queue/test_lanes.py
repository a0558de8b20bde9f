"""The lanes of a queue that change while it is in use."""

import functools
from dataclasses import replace

import pytest

from beats.kernel.envelope import KINDS, Envelope, Kind
from beats.kernel.queue.bounds import LaneBounds, QueueBounds
from beats.kernel.queue.lanes import make_lanes
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.stats import Amount
from beats.kernel.waiter import Waiter
from tests.kernel.queue.lanes_support import STRATEGIES, WIDE, block, offer, queue_of, waiting
from tests.kernel.support import JOIN_TIMEOUT_S, assert_balanced, by_topic, dropped, threads


def test_kinds_without_a_lane_of_their_own_share_one() -> None:
    """With the bounds that hold for all; a kind that has its own is bounded by these."""
    shared = make_lanes(WIDE, lambda: None, None)
    assert shared["frame"] is shared["peripheral"]
    split = make_lanes(replace(WIDE, per_kind={"frame": block(1)}), lambda: None, None)
    assert (split["frame"].bounds.size, split["peripheral"].bounds.size) == (1, 100)


@pytest.mark.parametrize(
    ("overflow", "left"),
    [
        ("drop_oldest", [3, 4]),
        ("drop_newest", [1, 2]),
        ("error", [1, 2]),
        ("latest", [4]),
        ("block", [1, 2, 3, 4]),
    ],
)
def test_narrower_bounds_drop_by_the_new_strategy(overflow: str, left: list[int]) -> None:
    """It is the new strategy's to say what is kept; `block` keeps everything."""
    queue = queue_of(WIDE, 1, 2, 3, 4)
    queue.rebound(QueueBounds(size=2, overflow=overflow))
    stats = queue.stats()
    lost = 4 - len(left)
    assert stats.waiting == Amount(len(left), len(left))
    assert dropped(stats) == ({(overflow, "frame"): lost} if lost else {})
    assert sum(loss.items for loss in queue.losses()) == lost
    assert stats.high_water == 4
    assert_balanced(stats)
    assert waiting(queue) == left


@STRATEGIES
def test_wider_bounds_keep_everything(overflow: str) -> None:
    """Nothing that waits is lost, and there is room for more."""
    queue = SinkQueue("recorder", QueueBounds(size=2, overflow="drop_newest"))
    for number in range(1, 4):
        offer(queue, number, f"peripheral/{number}")
    queue.rebound(QueueBounds(size=4, overflow=overflow))
    offer(queue, 4, "peripheral/4")
    assert dropped(queue.stats()) == {("drop_newest", "peripheral"): 1}
    assert waiting(queue) == [1, 2, 4]


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest", "error", "latest"])
def test_what_is_larger_than_all_the_room_there_is_now_is_dropped_as_too_large(overflow: str) -> None:
    """The same reason that it would have had, had it come now."""
    queue = SinkQueue("recorder", WIDE)
    offer(queue, 1, size_bytes=10)
    offer(queue, 2)
    queue.rebound(QueueBounds(max_bytes=5, overflow=overflow))
    assert dropped(queue.stats()) == {("too_large", "frame"): 1}
    assert waiting(queue) == [2]


def test_block_keeps_also_what_is_larger_than_all_the_room_there_is_now() -> None:
    """It drops nothing that it has let in; no batch is larger than the bounds, but for a single envelope."""
    queue = SinkQueue("recorder", WIDE)
    offer(queue, 1, size_bytes=10)
    for number in (2, 3, 4):
        offer(queue, number)
    queue.rebound(block(2, max_bytes=5))
    assert [[item.sequence for item in queue.take_nowait()] for _ in range(3)] == [[1], [2, 3], [4]]
    assert queue.stats().dropped == Amount()


def test_an_overfull_block_makes_producers_wait_until_there_is_room_again() -> None:
    """More waits than the bounds allow, so nobody comes in until so much was taken."""
    queue = queue_of(WIDE, 1, 2, 3)
    queue.rebound(block(2))
    waiter = offer(queue, 4)
    assert isinstance(waiter, Waiter)
    assert len(queue.take_nowait(max_bytes=1)) == 1
    assert not waiter.admitted
    assert [item.sequence for item in queue.take_nowait(max_bytes=1)] == [2]
    assert waiter.admitted
    assert waiting(queue) == [3, 4]


def test_drops_stay_counted_when_lanes_are_added_and_merged() -> None:
    """By reason and kind, over any number of changes, and each once."""
    queue = SinkQueue("recorder", QueueBounds(size=1))
    topics = ["frame", "peripheral/knob"]
    offer(queue, 1)
    offer(queue, 2)
    offer(queue, 1, topics[1])  # 2 frames are lost
    narrow = LaneBounds(size=1, overflow="drop_newest")
    queue.rebound(replace(WIDE, per_kind=dict.fromkeys(KINDS, narrow)))
    for topic in topics:
        offer(queue, 3, topic)
        offer(queue, 4, topic)  # 1 frame and 2 updates are lost
    queue.rebound(QueueBounds(size=1))  # and another update: the frame came later
    assert dropped(queue.stats()) == {
        ("drop_oldest", "frame"): 2,
        ("drop_newest", "frame"): 1,
        ("drop_newest", "peripheral"): 2,
        ("drop_oldest", "peripheral"): 1,
    }
    assert_balanced(queue.stats())
    assert waiting(queue) == [3]


def test_order_of_publication_survives_splitting_and_merging() -> None:
    """Whichever lanes envelopes pass through, they come out in the order in which they were offered."""
    queue = SinkQueue("recorder", WIDE)
    topics = ["frame", "peripheral/a", "frame", "peripheral/b", "frame"]
    for number, topic in enumerate(topics):
        offer(queue, number, topic)
    queue.give_back(queue.take_nowait(max_bytes=2))
    kinds: list[list[Kind]] = [["frame"], ["peripheral"], [], ["frame", "peripheral"]]
    for with_own in kinds:
        queue.rebound(replace(WIDE, per_kind=dict.fromkeys(with_own, WIDE)))
    assert waiting(queue) == [0, 1, 2, 3, 4]


# While other threads offer


@STRATEGIES
def test_accounting_is_exact_at_every_instant_while_bounds_change_under_publishing_threads(
    overflow: str,
) -> None:
    """Four threads offer, one takes, one reads and one changes lanes, bounds and strategy."""
    rounds, producers = 150, 4
    mine = QueueBounds(size=3, overflow=overflow, block_timeout_s=JOIN_TIMEOUT_S)
    queue = SinkQueue("recorder", mine)
    taken: list[Envelope] = []

    def produce(topic: str) -> None:
        for number in range(1, rounds + 1):
            answer = offer(queue, number, topic)
            if isinstance(answer, Waiter):
                answer.wait()

    def settled() -> bool:
        return queue.stats().offered.items == rounds * producers

    def take() -> None:
        while not settled() or queue.stats().waiting.items:
            taken.extend(queue.take_nowait())

    def change() -> None:
        changes = [
            WIDE,
            replace(mine, per_kind={"frame": block(2)}),
            block(1),
            replace(mine, per_kind={"frame": WIDE, "peripheral": mine}),
            QueueBounds(size=2, overflow="error"),
            mine,
        ]
        while not settled():
            for bounds in changes:
                queue.rebound(bounds)
                assert_balanced(queue.stats())

    def read() -> None:
        while not settled():
            assert_balanced(queue.stats())

    topics = ["frame", "peripheral/a", "peripheral/b", "peripheral/c"]
    with threads(*[functools.partial(produce, topic) for topic in topics], take, change, read):
        pass
    for numbers in by_topic(taken).values():
        assert numbers == sorted(numbers)
    stats = queue.stats()
    assert (stats.offered.items, stats.taken.items) == (rounds * producers, len(taken))
    assert_balanced(stats)
