"""Which sender's levels a universe has."""

import math

import pytest

from beats.adapters.led.senders import MOST_SENDERS, Levels, Senders

TIMEOUT_S = 2.5


def senders(*universes: int) -> Senders:
    return Senders(universes or (1,), TIMEOUT_S)


def levels(
    value: int = 1,
    sender: str = "desk",
    sequence: int | None = None,
    priority: int = 100,
    *,
    universe: int = 1,
    is_end: bool = False,
) -> Levels:
    return Levels(universe, sender, sequence, bytes([value]), priority, is_end=is_end)


@pytest.mark.parametrize(
    ("last", "next_", "taken"),
    [
        (5, 6, True),
        (5, 9, True),
        (255, 0, True),
        (5, 5, False),
        (5, 4, False),
        (0, 255, False),
        (50, 31, False),
        (50, 30, True),
        (50, 200, True),
        (5, None, True),
        (None, 5, True),
    ],
)
def test_late_and_repeated_packets_are_left_out_and_counted(
    last: int | None, next_: int | None, taken: bool
) -> None:
    """ANSI E1.31-2018, section 6.7.2: up to 19 behind is late; further behind, the sender began again."""
    found = senders()
    assert found.take(levels(sequence=last), 0)
    assert found.take(levels(2, sequence=next_), 0.1) is taken
    assert found.left_out["late"] == (not taken)


def test_numbers_count_within_one_universe_of_one_sender() -> None:
    """As in section 6.2.5: others may have any."""
    found = senders(1, 2)
    assert found.take(levels(1, "a", 9), 0)
    assert found.take(levels(1, "a", 9, universe=2), 0)
    assert found.take(levels(2, "b", 9), 0)


def test_the_highest_priority_wins_until_its_sender_is_lost() -> None:
    """The others are left out and counted; then the next packet of another one counts."""
    found = senders()
    assert found.take(levels(1, "main", priority=150), 0)
    assert not found.take(levels(2, "spare"), 1)
    assert found.left_out["other_sender"] == 1
    assert not found.take(levels(3, "spare"), 2.4)
    assert found.take(levels(4, "spare"), 2.5)
    assert found.expire(2.5) == []
    assert found.take(levels(1, "main", priority=150), 2.6), "it takes over again"


def test_a_sender_may_lower_its_priority() -> None:
    """And then loses to one that it had outranked."""
    found = senders()
    assert found.take(levels(1, "main", priority=150), 0)
    assert not found.take(levels(2, "spare"), 0)
    assert not found.take(levels(1, "main", priority=50), 0)
    assert found.take(levels(2, "spare"), 0)


def test_of_equal_senders_the_latest_change_takes_precedence() -> None:
    """Repetitions do not count, so that two desks at rest do not flicker."""
    found = senders()
    assert found.take(levels(1, "a"), 0)
    assert found.take(levels(2, "b"), 0)
    assert not found.take(levels(1, "a"), 0)
    assert found.take(levels(2, "b"), 0)
    assert found.take(levels(3, "a"), 0)
    assert not found.take(levels(2, "b"), 0)


def test_a_universe_is_lost_when_its_last_sender_is_silent() -> None:
    """Reported once, at the time that was foretold."""
    found = senders(1, 2)
    assert found.lost_at_s == math.inf
    found.take(levels(sender="a"), 0)
    found.take(levels(sender="b"), 1)
    found.take(levels(universe=2), 1.5)
    assert found.lost_at_s == 3.5
    assert found.expire(3.4) == []
    assert found.expire(3.5) == [1]
    assert (found.expire(3.5), [*found.live]) == ([], [2])


def test_a_sender_that_ends_is_lost_at_once() -> None:
    """Another one counts from its next packet on; without another, the universe is lost."""
    found = senders()
    found.take(levels(sender="a", priority=150), 0)
    found.take(levels(sender="b"), 0)
    assert not found.take(levels(sender="a", is_end=True), 0)
    assert found.take(levels(sender="b"), 0)
    found.take(levels(sender="b", is_end=True), 0)
    assert found.lost_at_s < 0
    assert found.expire(0) == [1]


def test_a_lost_sender_may_begin_with_any_number() -> None:
    """It was started again."""
    found = senders()
    found.take(levels(sequence=9), 0)
    assert found.take(levels(sequence=1), TIMEOUT_S)


def test_other_universes_are_counted_only() -> None:
    """A desk sends more than this source shows."""
    found = senders(1)
    assert not found.take(levels(universe=2), 0)
    assert (found.left_out["other_universe"], [*found.live]) == (1, [])


def test_forged_senders_do_not_fill_memory() -> None:
    """Those that are known go on."""
    found = senders()
    for number in range(10 * MOST_SENDERS):
        found.take(levels(number % 256, f"forged {number}"), 0)
    assert found.left_out["other_sender"] == 9 * MOST_SENDERS
    assert found.take(levels(255, "forged 0"), 0)
