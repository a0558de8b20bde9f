"""The lanes of a queue that change while it is in use."""

import functools

import anyio
import pytest

from beats.kernel.doorbell import Doorbell
from beats.kernel.envelope import Envelope, Kind
from beats.kernel.lane import LaneBounds
from beats.kernel.lanes import make_lanes
from beats.kernel.overflow import OVERFLOWS
from beats.kernel.queue import SinkQueue
from beats.kernel.stats import Amount
from beats.kernel.testing import envelope
from beats.kernel.ticket import Refusal, Ticket
from tests.kernel.support import JOIN_TIMEOUT_S, assert_balanced, by_topic, dropped, run_in_thread, threads

STRATEGIES = pytest.mark.parametrize("overflow", OVERFLOWS)
WIDE = LaneBounds(size=100)
Answer = Refusal | Ticket | None


def block(size: int, max_bytes: int = 1000) -> LaneBounds:
    return LaneBounds(size, max_bytes, "block", block_timeout_s=JOIN_TIMEOUT_S)


def offer(queue: SinkQueue, number: int, topic: str = "frame", size_bytes: int = 1) -> Answer:
    return queue.offer(envelope(number, topic=topic, encoded=b"x" * size_bytes))


def queue_of(bounds: LaneBounds, *numbers: int) -> SinkQueue:
    queue = SinkQueue("recorder", bounds, keep_losses=True)
    for number in numbers:
        offer(queue, number)
    return queue


def waiting(queue: SinkQueue) -> list[int]:
    """What waits; all of it is taken."""
    found: list[Envelope] = []
    while batch := queue.take_nowait():
        found += batch
    return [item.sequence for item in found]


def test_kinds_without_a_lane_of_their_own_share_one() -> None:
    """With the bounds that hold for all; a kind that has its own is bounded by these."""
    shared = make_lanes(WIDE, {}, lambda: None, None)
    assert shared["frame"] is shared["peripheral"]
    split = make_lanes(WIDE, {"frame": block(1)}, lambda: None, None)
    assert (split["frame"].bounds, split["peripheral"].bounds) == (block(1), WIDE)


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
    queue.rebound(LaneBounds(size=2, overflow=overflow), {})
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
    queue = SinkQueue("recorder", LaneBounds(size=2, overflow="drop_newest"))
    for number in range(1, 4):
        offer(queue, number, f"peripheral/{number}")
    queue.rebound(LaneBounds(size=4, overflow=overflow), {})
    offer(queue, 4, "peripheral/4")
    assert dropped(queue.stats()) == {("drop_newest", "peripheral"): 1}
    assert waiting(queue) == [1, 2, 4]


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest", "error", "latest"])
def test_what_is_larger_than_all_the_room_there_is_now_is_dropped_as_too_large(overflow: str) -> None:
    """The same reason that it would have had, had it come now."""
    queue = SinkQueue("recorder", WIDE)
    offer(queue, 1, size_bytes=10)
    offer(queue, 2)
    queue.rebound(LaneBounds(max_bytes=5, overflow=overflow), {})
    assert dropped(queue.stats()) == {("too_large", "frame"): 1}
    assert waiting(queue) == [2]


def test_block_keeps_also_what_is_larger_than_all_the_room_there_is_now() -> None:
    """It drops nothing that it has let in; no batch is larger than the bounds, but for a single envelope."""
    queue = SinkQueue("recorder", WIDE)
    offer(queue, 1, size_bytes=10)
    for number in (2, 3, 4):
        offer(queue, number)
    queue.rebound(block(2, max_bytes=5), {})
    assert [[item.sequence for item in queue.take_nowait()] for _ in range(3)] == [[1], [2, 3], [4]]
    assert queue.stats().dropped == Amount()


def test_an_overfull_block_makes_producers_wait_until_there_is_room_again() -> None:
    """More waits than the bounds allow, so nobody comes in until so much was taken."""
    queue = queue_of(WIDE, 1, 2, 3)
    queue.rebound(block(2), {})
    ticket = offer(queue, 4)
    assert isinstance(ticket, Ticket)
    assert len(queue.take_nowait(max_bytes=1)) == 1
    assert not ticket.admitted
    assert [item.sequence for item in queue.take_nowait(max_bytes=1)] == [2]
    assert ticket.admitted
    assert waiting(queue) == [3, 4]


def test_drops_stay_counted_when_lanes_are_added_and_merged() -> None:
    """By reason and kind, over any number of changes, and each once."""
    queue = SinkQueue("recorder", LaneBounds(size=1))
    kinds: list[Kind] = ["frame", "peripheral"]
    topics = ["frame", "peripheral/knob"]
    offer(queue, 1)
    offer(queue, 2)
    offer(queue, 1, topics[1])  # 2 frames are lost
    queue.rebound(WIDE, {kind: LaneBounds(size=1, overflow="drop_newest") for kind in kinds})
    for topic in topics:
        offer(queue, 3, topic)
        offer(queue, 4, topic)  # 1 frame and 2 updates are lost
    queue.rebound(LaneBounds(size=1), {})  # and another update: the frame came later
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
        queue.rebound(WIDE, dict.fromkeys(with_own, WIDE))
    assert waiting(queue) == [0, 1, 2, 3, 4]


# Producers in line


def in_line(*numbers: int) -> tuple[SinkQueue, list[Ticket]]:
    """A queue in which 1 waits, and the tickets of the others."""
    queue = queue_of(block(1), 1)
    answers = [offer(queue, number) for number in numbers]
    return queue, [answer for answer in answers if isinstance(answer, Ticket)]


def test_producers_in_line_get_in_when_the_bounds_grow() -> None:
    """In their order, as far as there is room now; the others stay in line."""
    queue, tickets = in_line(2, 3, 4)
    queue.rebound(block(3), {})
    assert [ticket.admitted for ticket in tickets] == [True, True, False]
    assert queue.stats().offered.items == 3
    assert waiting(queue) == [1, 2, 3, 4]
    assert tickets[2].wait() is None


def test_producers_in_line_stay_in_line_and_in_order_when_the_bounds_shrink() -> None:
    """Nobody overtakes them, and each gets in by its turn."""
    queue = queue_of(block(3), 1, 2, 3)
    tickets = [offer(queue, number) for number in (4, 5)]
    queue.rebound(block(1), {})
    assert waiting(queue) == [1, 2, 3, 4, 5]
    assert [ticket.wait() for ticket in tickets if isinstance(ticket, Ticket)] == [None, None]


def test_lines_are_split_and_merged_in_the_order_of_publication() -> None:
    """Who waited before another waits before it still, and comes in before it."""
    queue = SinkQueue("recorder", block(1), {"frame": block(1)})
    for number, topic in enumerate(["frame", "peripheral/a", "frame", "peripheral/a", "frame"]):
        offer(queue, number, topic)
    queue.rebound(block(2), {})
    assert waiting(queue) == [0, 1, 2, 3, 4]


def test_a_producer_in_line_comes_in_at_its_place_when_lanes_are_merged() -> None:
    """What was published after it, and waits in the lane that was merged with its own, comes after it."""
    queue = SinkQueue("recorder", block(8), {"frame": block(1)})
    for number, topic in enumerate(["frame", "frame", "peripheral/a", "peripheral/a"]):
        offer(queue, number, topic)
    queue.rebound(block(8), {})
    assert waiting(queue) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("overflow", "left", "refused"),
    [
        ("drop_oldest", [3, 4], []),
        ("latest", [4], []),
        ("drop_newest", [1, 2], []),
        ("error", [1, 2], [3, 4]),
    ],
)
def test_producers_in_line_need_not_wait_when_the_strategy_no_longer_blocks(
    overflow: str, left: list[int], refused: list[int]
) -> None:
    """Each is answered as if it came now: with `error` it hears that the queue is full."""
    queue, tickets = in_line(2, 3, 4)
    queue.rebound(LaneBounds(size=2, overflow=overflow), {})
    outcomes = [ticket.wait() for ticket in tickets]
    told = [outcome for outcome in outcomes if outcome is not None]
    assert [(refusal.envelope.sequence, refusal.why) for refusal in told] == [
        (number, "it is full") for number in refused
    ]
    assert queue.stats().offered.items == 4
    assert_balanced(queue.stats())
    assert waiting(queue) == left


def test_a_producer_in_line_hears_that_its_envelope_is_too_large_now() -> None:
    """It could wait for ever, and hold up those behind it."""
    queue = queue_of(block(1), 1)
    large, small = offer(queue, 2, size_bytes=9), offer(queue, 3)
    assert isinstance(large, Ticket)
    assert isinstance(small, Ticket)
    queue.rebound(block(2, max_bytes=5), {})
    refusal = large.wait()
    assert refusal is not None
    assert refusal.why == "9 bytes are more than its max_bytes of 5"
    assert small.wait() is None
    assert waiting(queue) == [1, 3]


@pytest.mark.anyio
async def test_a_coroutine_in_line_goes_on_when_the_strategy_no_longer_blocks() -> None:
    """It wakes at once, whichever thread changes the bounds."""
    queue, (ticket,) = in_line(2)
    queue.attach(Doorbell())
    outcomes: list[Refusal | None] = []

    async def wait() -> None:
        outcomes.append(await ticket.wait_async())

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.lowlevel.checkpoint()
        run_in_thread(lambda: queue.rebound(LaneBounds(size=1), {}))
    assert outcomes == [None]
    assert waiting(queue) == [2]


def test_who_gives_up_after_the_bounds_have_changed_is_counted() -> None:
    """A ticket finds its line again, and its envelope is a loss of `block`."""
    queue, (ticket, other) = in_line(2, 3)
    queue.rebound(block(1), {"frame": block(1)})
    ticket.withdraw()
    assert dropped(queue.stats()) == {("block", "frame"): 1}
    assert waiting(queue) == [1, 3]
    assert other.admitted


def test_a_closed_queue_can_let_its_line_in() -> None:
    """Over the bounds, for the last time; each producer is told that it was let in."""
    queue, tickets = in_line(2, 3)
    queue.close(admit_line=True)
    assert [ticket.wait() for ticket in tickets] == [None, None]
    assert waiting(queue) == [1, 2, 3]
    assert offer(queue, 4) is None
    assert dropped(queue.stats()) == {("closed", "frame"): 1}


# While other threads offer


@STRATEGIES
def test_accounting_is_exact_at_every_instant_while_bounds_change_under_publishing_threads(
    overflow: str,
) -> None:
    """Four threads offer, one takes, one reads and one changes lanes, bounds and strategy."""
    rounds, producers = 150, 4
    mine = LaneBounds(size=3, overflow=overflow, block_timeout_s=JOIN_TIMEOUT_S)
    queue = SinkQueue("recorder", mine)
    taken: list[Envelope] = []

    def produce(topic: str) -> None:
        for number in range(1, rounds + 1):
            answer = offer(queue, number, topic)
            if isinstance(answer, Ticket):
                answer.wait()

    def settled() -> bool:
        return queue.stats().offered.items == rounds * producers

    def take() -> None:
        while not settled() or queue.stats().waiting.items:
            taken.extend(queue.take_nowait())

    def change() -> None:
        changes: list[tuple[LaneBounds, dict[Kind, LaneBounds]]] = [
            (WIDE, {}),
            (mine, {"frame": block(2)}),
            (block(1), {}),
            (mine, {"frame": WIDE, "peripheral": mine}),
            (LaneBounds(size=2, overflow="error"), {}),
            (mine, {}),
        ]
        while not settled():
            for bounds, own in changes:
                queue.rebound(bounds, own)
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
