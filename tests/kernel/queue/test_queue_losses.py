"""What a queue tells its sink of what it gave up."""

from dataclasses import replace

import pytest

from beats.kernel.envelope import Envelope
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.overflow import OVERFLOWS
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.stats import Amount, Loss
from beats.kernel.testing import envelope
from beats.kernel.waiter import Waiter

STRATEGIES = pytest.mark.parametrize("overflow", OVERFLOWS)


def piece(number: int, topic: str = "frame", size_bytes: int = 2) -> Envelope:
    """It came onto the bus at 1000 ns times its number."""
    return envelope(number, topic=topic, encoded=b"x" * size_bytes, unix_ns=1000 * number)


def queue_with(overflow: str, *, size: int = 2, max_bytes: int = 1000) -> SinkQueue:
    return SinkQueue("recorder", QueueBounds(size, max_bytes, overflow, 1e6), keep_losses=True)


def loss(
    reason: str, first: int, last: int, *, items: int, topic: str = "frame", size_bytes: int = 2
) -> Loss:
    return Loss(reason, topic, items, items * size_bytes, first, last, 1000 * first, 1000 * last)


@pytest.mark.parametrize(
    ("overflow", "first", "last"), [("drop_oldest", 1, 3), ("drop_newest", 3, 5), ("error", 3, 5)]
)
def test_a_loss_tells_which_envelopes_of_which_time_a_full_queue_gave_up(
    overflow: str, first: int, last: int
) -> None:
    """Five into two places: reason, topic, count, bytes, sequences and times are those of the three lost."""
    queue = queue_with(overflow)
    for number in range(1, 6):
        queue.offer(piece(number))
    assert queue.losses() == (loss(overflow, first, last, items=3),)


def test_a_loss_tells_which_envelopes_latest_replaced() -> None:
    """Each topic has an entry of its own; where topics are too many, one is given up whole."""
    queue = queue_with("latest")
    for number in (1, 2, 3):
        queue.offer(piece(number))
    for number in (4, 5):
        queue.offer(piece(number, "peripheral/a"))
    queue.offer(piece(6, "peripheral/b"))  # no place for a third topic: the frame goes
    assert queue.losses() == (
        loss("latest", 1, 3, items=3),
        loss("latest", 4, 4, items=1, topic="peripheral/a"),
    )


def test_a_loss_tells_which_envelopes_block_refused() -> None:
    """A producer that gave up waiting is a loss; one that was let in is none."""
    queue = queue_with("block", size=1)
    queue.offer(piece(1))
    tickets = [queue.offer(piece(number)) for number in (2, 3)]
    assert isinstance(tickets[0], Waiter)
    tickets[0].withdraw()
    queue.take_nowait()
    assert queue.losses() == (loss("block", 2, 2, items=1),)


@STRATEGIES
def test_a_loss_tells_of_what_was_too_large(overflow: str) -> None:
    """With every strategy it is a reason of its own."""
    queue = queue_with(overflow, max_bytes=4)
    for number in (7, 8):
        queue.offer(piece(number, size_bytes=5))
    assert queue.losses() == (loss("too_large", 7, 8, items=2, size_bytes=5),)


@STRATEGIES
def test_a_loss_tells_of_what_failed_with_the_sink(overflow: str) -> None:
    """The next attempt learns what the one before it held."""
    queue = queue_with(overflow)
    queue.offer(piece(3))
    queue.offer(piece(4, "peripheral/a"))
    queue.take_nowait()
    queue.lose_in_hand("failed")
    assert queue.losses() == (
        loss("failed", 3, 3, items=1),
        loss("failed", 4, 4, items=1, topic="peripheral/a"),
    )


@STRATEGIES
def test_a_loss_tells_of_what_the_shutdown_cut_off(overflow: str) -> None:
    """What still waits at the end is a loss as any other."""
    queue = queue_with(overflow)
    queue.offer(piece(3))
    queue.discard("shutdown")
    assert queue.losses() == (loss("shutdown", 3, 3, items=1),)


def test_a_loss_tells_of_what_came_to_a_closed_queue() -> None:
    """Whether it waited in line at the close or came after it."""
    queue = queue_with("block", size=1)
    for number in (1, 2):
        queue.offer(piece(number))
    queue.close()
    queue.offer(piece(3))
    assert queue.losses() == (loss("closed", 2, 3, items=2),)


def test_what_was_lost_out_of_order_still_has_its_first_and_last() -> None:
    """What a sink held is older than what its queue gave up while it was held."""
    queue = queue_with("drop_oldest", size=1)
    queue.offer(piece(1))
    batch = queue.take_nowait()
    for number in (2, 3):
        queue.offer(piece(number))
    queue.give_back(batch)
    queue.offer(piece(4))
    assert queue.losses() == (loss("drop_oldest", 1, 3, items=3),)


@STRATEGIES
def test_what_was_given_back_is_no_loss(overflow: str) -> None:
    """It waits again, so the next attempt has nothing to write down as missing."""
    queue = queue_with(overflow)
    queue.offer(piece(1))
    queue.give_back(queue.take_nowait())
    queue.lose_in_hand("failed")
    assert queue.losses() == ()


def test_asking_for_losses_empties_them_and_no_count() -> None:
    """Each is told once; the stats go on counting all of them."""
    queue = queue_with("drop_newest", size=1)
    for number in (1, 2):
        queue.offer(piece(number))
    assert queue.losses() == (loss("drop_newest", 2, 2, items=1),)
    assert queue.losses() == ()
    queue.offer(piece(3))
    assert queue.losses() == (loss("drop_newest", 3, 3, items=1),)
    assert queue.stats().dropped == Amount(2, 4)


def test_losses_are_not_kept_unless_asked_for() -> None:
    """A queue of one of many clients pays nothing for what nobody reads."""
    queue = SinkQueue("browser", QueueBounds(size=1))
    for number in (1, 2):
        queue.offer(piece(number))
    assert queue.stats().dropped.items == 1
    assert queue.losses() == ()


def test_losses_of_all_lanes_are_told_together() -> None:
    """A sink reads one list, whatever lanes its queue has."""
    bounds = QueueBounds(size=1)
    queue = SinkQueue("recorder", replace(bounds, per_kind={"frame": bounds}), keep_losses=True)
    for number in (1, 2):
        queue.offer(piece(number))
        queue.offer(piece(number, "peripheral/a"))
    assert queue.losses() == (
        loss("drop_oldest", 1, 1, items=1),
        loss("drop_oldest", 1, 1, items=1, topic="peripheral/a"),
    )
