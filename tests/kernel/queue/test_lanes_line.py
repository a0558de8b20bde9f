"""Producers in line before a queue whose bounds change."""

import anyio
import pytest

from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.waiter import Refusal, Waiter
from beats.kernel.waker import Waker
from tests.kernel.queue.lanes_support import block, offer, queue_of, waiting
from tests.kernel.support import assert_balanced, dropped, run_in_thread


def in_line(*numbers: int) -> tuple[SinkQueue, list[Waiter]]:
    """A queue in which 1 waits, and the tickets of the others."""
    queue = queue_of(block(1), 1)
    answers = [offer(queue, number) for number in numbers]
    return queue, [answer for answer in answers if isinstance(answer, Waiter)]


def test_producers_in_line_get_in_when_the_bounds_grow() -> None:
    """In their order, as far as there is room now; the others stay in line."""
    queue, tickets = in_line(2, 3, 4)
    queue.rebound(block(3))
    assert [waiter.admitted for waiter in tickets] == [True, True, False]
    assert queue.stats().offered.items == 3
    assert waiting(queue) == [1, 2, 3, 4]
    assert tickets[2].wait() is None


def test_producers_in_line_stay_in_line_and_in_order_when_the_bounds_shrink() -> None:
    """Nobody overtakes them, and each gets in by its turn."""
    queue = queue_of(block(3), 1, 2, 3)
    tickets = [offer(queue, number) for number in (4, 5)]
    queue.rebound(block(1))
    assert waiting(queue) == [1, 2, 3, 4, 5]
    assert [waiter.wait() for waiter in tickets if isinstance(waiter, Waiter)] == [None, None]


def test_lines_are_split_and_merged_in_the_order_of_publication() -> None:
    """Who waited before another waits before it still, and comes in before it."""
    queue = SinkQueue("recorder", block(1, frame=block(1)))
    for number, topic in enumerate(["frame", "peripheral/a", "frame", "peripheral/a", "frame"]):
        offer(queue, number, topic)
    queue.rebound(block(2))
    assert waiting(queue) == [0, 1, 2, 3, 4]


def test_a_producer_in_line_comes_in_at_its_place_when_lanes_are_merged() -> None:
    """What was published after it, and waits in the lane that was merged with its own, comes after it."""
    queue = SinkQueue("recorder", block(8, frame=block(1)))
    for number, topic in enumerate(["frame", "frame", "peripheral/a", "peripheral/a"]):
        offer(queue, number, topic)
    queue.rebound(block(8))
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
    queue.rebound(QueueBounds(size=2, overflow=overflow))
    outcomes = [waiter.wait() for waiter in tickets]
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
    assert isinstance(large, Waiter)
    assert isinstance(small, Waiter)
    queue.rebound(block(2, max_bytes=5))
    refusal = large.wait()
    assert refusal is not None
    assert refusal.why == "9 bytes are more than its max_bytes of 5"
    assert small.wait() is None
    assert waiting(queue) == [1, 3]


@pytest.mark.anyio
async def test_a_coroutine_in_line_goes_on_when_the_strategy_no_longer_blocks() -> None:
    """It wakes at once, whichever thread changes the bounds."""
    queue, (waiter,) = in_line(2)
    queue.attach(Waker())
    outcomes: list[Refusal | None] = []

    async def wait() -> None:
        outcomes.append(await waiter.wait_async())

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.lowlevel.checkpoint()
        run_in_thread(lambda: queue.rebound(QueueBounds(size=1)))
    assert outcomes == [None]
    assert waiting(queue) == [2]


def test_who_gives_up_after_the_bounds_have_changed_is_counted() -> None:
    """A ticket finds its line again, and its envelope is a loss of `block`."""
    queue, (waiter, other) = in_line(2, 3)
    queue.rebound(block(1, frame=block(1)))
    waiter.withdraw()
    assert dropped(queue.stats()) == {("block", "frame"): 1}
    assert waiting(queue) == [1, 3]
    assert other.admitted


def test_a_closed_queue_can_let_its_line_in() -> None:
    """Over the bounds, for the last time; each producer is told that it was let in."""
    queue, tickets = in_line(2, 3)
    queue.close(admit_line=True)
    assert [waiter.wait() for waiter in tickets] == [None, None]
    assert waiting(queue) == [1, 2, 3]
    assert offer(queue, 4) is None
    assert dropped(queue.stats()) == {("closed", "frame"): 1}
