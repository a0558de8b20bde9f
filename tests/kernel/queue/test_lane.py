import dataclasses
from typing import Any

import pytest

from beats.kernel.queue.bounds import DEFAULT_MAX_BYTES, LaneBounds
from beats.kernel.queue.lanes import Lane
from beats.kernel.queue.losses import LossLog
from beats.kernel.queue.overflow import OVERFLOWS, Verdict
from beats.kernel.stats import DropStats
from beats.kernel.testing import envelope


def filled(overflow: str, *, size: int = 3, max_bytes: int = 10, items: int = 2) -> Lane:
    """A lane in which envelopes of 2 bytes and different topics wait."""
    lane = Lane(LaneBounds(size, max_bytes, overflow))
    for number in range(1, items + 1):
        assert lane.offer(number, piece(number)) is Verdict.ADMIT
    return lane


def bounded(name: str, value: Any) -> LaneBounds:
    return dataclasses.replace(LaneBounds(), **{name: value})


def piece(number: int, size_bytes: int = 2) -> Any:
    return envelope(number, topic=f"peripheral/{number}", encoded=b"x" * size_bytes)


def test_bounds_are_256_items_and_64_mib_of_the_newest_unless_said() -> None:
    """The defaults suit a live stream: bounded in items and bytes, and fresh."""
    bounds = LaneBounds()
    assert (bounds.size, bounds.max_bytes, bounds.overflow) == (256, 64 * 1024 * 1024, "drop_oldest")
    assert bounds.max_bytes == DEFAULT_MAX_BYTES
    assert bounds.block_timeout_s == 1.0


@pytest.mark.parametrize("name", ["size", "max_bytes"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_bound_below_one_is_refused(name: str, value: int) -> None:
    """A queue that can hold nothing is a mistake, and the message names the setting."""
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        bounded(name, value)


@pytest.mark.parametrize("name", ["size", "max_bytes"])
@pytest.mark.parametrize("value", [1.0, "1", True, None])
def test_a_bound_that_is_no_integer_is_refused(name: str, value: Any) -> None:
    """Neither a float nor a truth value is a number of items or bytes."""
    with pytest.raises(TypeError, match=f"{name} is .*integer"):
        bounded(name, value)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_block_timeout_that_is_not_positive_is_refused(value: float) -> None:
    """A producer that shall wait must have time to."""
    with pytest.raises(ValueError, match="block_timeout_s"):
        LaneBounds(block_timeout_s=value)


def test_an_unknown_strategy_is_refused_with_those_that_there_are() -> None:
    """The operator reads which names are allowed."""
    with pytest.raises(ValueError, match=r"'newest'.*drop_oldest, drop_newest, error, latest, block"):
        LaneBounds(overflow="newest")


def test_bounds_are_immutable() -> None:
    """What was checked stays checked."""
    bounds: Any = LaneBounds()
    with pytest.raises(dataclasses.FrozenInstanceError):
        bounds.size = 0


@pytest.mark.parametrize("overflow", OVERFLOWS)
def test_a_lane_counts_what_waits_in_items_and_bytes(overflow: str) -> None:
    """Offering adds and taking subtracts, with every strategy."""
    lane = filled(overflow)
    assert (len(lane), lane.waiting_bytes) == (2, 4)
    assert lane.first_number() == 1
    assert lane.take_first().sequence == 1
    assert (len(lane), lane.waiting_bytes) == (1, 2)
    assert [(number, item.sequence) for number, item in lane.take_all()] == [(2, 2)]
    assert (len(lane), lane.waiting_bytes) == (0, 0)


@pytest.mark.parametrize("overflow", OVERFLOWS)
def test_an_envelope_above_max_bytes_is_never_admitted_and_displaces_nothing(overflow: str) -> None:
    """What can never fit is counted as `too_large`; what waits stays, with every strategy."""
    lane = filled(overflow)
    verdict = lane.offer(3, piece(1, size_bytes=11))
    assert verdict is (Verdict.RAISE if overflow in ("error", "block") else Verdict.REFUSE)
    assert list(lane.drops()) == [DropStats("too_large", "peripheral", 1, 11)]
    assert (len(lane), lane.waiting_bytes) == (2, 4)


@pytest.mark.parametrize("overflow", OVERFLOWS)
def test_an_envelope_of_exactly_max_bytes_is_admitted(overflow: str) -> None:
    """The bound itself is within bounds."""
    lane = Lane(LaneBounds(1, 10, overflow))
    assert lane.offer(1, piece(1, size_bytes=10)) is Verdict.ADMIT


def test_there_is_room_while_both_bounds_hold() -> None:
    """A lane is full in items or in bytes, whichever comes first."""
    lane = filled("error", size=3, max_bytes=6)
    assert lane.has_room_for(piece(3, size_bytes=2))
    assert not lane.has_room_for(piece(3, size_bytes=3))
    lane.offer(3, piece(3, size_bytes=0))
    assert not lane.has_room_for(piece(4, size_bytes=0))


def test_drops_add_up_by_reason_and_kind() -> None:
    """Each pair of cause and kind has one sum of items and bytes."""
    lane = Lane(LaneBounds())
    lane.count_drop("failed", envelope(1, encoded=b"123"))
    lane.count_drop("failed", envelope(2, encoded=b"4567"))
    lane.count_drop("failed", piece(1))
    lane.count_drop("shutdown", piece(2))
    assert set(lane.drops()) == {
        DropStats("failed", "frame", 2, 7),
        DropStats("failed", "peripheral", 1, 2),
        DropStats("shutdown", "peripheral", 1, 2),
    }


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_a_producer_waits_for_a_finite_time(value: float) -> None:
    """No thread can wait for none, for ever, or for what is no time."""
    with pytest.raises(ValueError, match="block_timeout_s is"):
        bounded("block_timeout_s", value)


@pytest.mark.parametrize("overflow", OVERFLOWS)
def test_what_is_put_back_comes_first_and_is_counted(overflow: str) -> None:
    """It waits before all others under the number that it is given, with every strategy."""
    lane = filled(overflow)
    lane.put_back(-1, piece(9))
    assert (len(lane), lane.waiting_bytes, lane.first_number()) == (3, 6, -1)
    assert [(number, item.sequence) for number, item in lane.take_all()] == [(-1, 9), (1, 1), (2, 2)]
    assert list(lane.drops()) == []


def test_what_is_put_back_may_exceed_the_bounds() -> None:
    """It was within them once; a lane says so when it holds too much, in items or in bytes."""
    for bounds in ((2, 10), (3, 5)):
        lane = filled("drop_newest", size=bounds[0], max_bytes=bounds[1])
        assert not lane.is_overfull()
        lane.put_back(-1, piece(9))
        assert lane.is_overfull()
        assert lane.offer(3, piece(3)) is Verdict.REFUSE
        lane.take_first()
        assert not lane.is_overfull()


def test_a_newer_one_of_its_topic_stands_for_what_is_put_back() -> None:
    """A lane that keeps one of each topic drops the older one, which is the one that was put back."""
    lane = filled("latest")
    lane.put_back(-1, envelope(9, topic="peripheral/1", encoded=b"older"))
    assert list(lane.drops()) == [DropStats("latest", "peripheral", 1, 5)]
    assert [item.sequence for _, item in lane.take_all()] == [1, 2]


def test_each_drop_is_told_to_the_log_of_losses() -> None:
    """A lane that has a log writes there what it counts."""
    log = LossLog()
    lane = Lane(LaneBounds(size=1), losses=log)
    for number in (1, 2):
        lane.offer(number, envelope(number))
    lane.count_drop("failed", envelope(7))
    assert [(loss.reason, loss.first_sequence) for loss in log.take()] == [("drop_oldest", 1), ("failed", 7)]


def test_a_refusal_says_why() -> None:
    """The producer reads whether to come later or to send less."""
    lane = filled("error", size=2, max_bytes=10)
    full, large = lane.refusal("recorder", piece(3)), lane.refusal("recorder", piece(3, size_bytes=11))
    assert (full.sink, full.size, full.why) == ("recorder", 2, "it is full")
    assert large.why == "11 bytes are more than its max_bytes of 10"
