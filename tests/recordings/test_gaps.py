"""Numbers that are missing between recorded ones."""

from hypothesis import given
from hypothesis import strategies as st

from beats.recordings.content import Message
from beats.recordings.gaps import Gaps
from tests.kernel.support import EXPLORE


def message(topic: str, sequence: int, *, carried: bool = False) -> Message:
    return Message(topic, sequence, 0, 0, b"", carried)


def test_numbers_are_missing_within_a_topic() -> None:
    """Each topic has numbers of its own; what was before the first one is not missing."""
    gaps = Gaps()
    numbers = [("a", 5), ("b", 1), ("a", 6), ("b", 4), ("a", 8)]
    assert [gaps.see(message(*each)) for each in numbers] == [0, 0, 0, 2, 1]
    assert gaps.missing == {"a": 1, "b": 2}
    assert gaps.by_damage == {}


def test_a_stream_that_begins_anew_misses_nothing() -> None:
    """Its numbers begin at 1 again; a message without a number is none of them."""
    gaps = Gaps()
    assert [gaps.see(message("a", number)) for number in (7, 1, 2, 0, 4)] == [0, 0, 0, 0, 1]


def test_repeated_state_is_what_the_next_number_is_held_against() -> None:
    """It is not missing itself, nor is what was before it; it never sets a topic back."""
    gaps = Gaps()
    assert gaps.see(message("a", 10, carried=True)) == 0
    assert gaps.see(message("a", 13)) == 2
    assert gaps.see(message("a", 10, carried=True)) == 0
    assert gaps.see(message("a", 14)) == 0
    assert gaps.see(message("a", 20, carried=True)) == 0
    assert gaps.see(message("a", 21)) == 0


def test_what_is_missing_around_damage_is_told_apart() -> None:
    """Only numbers between which something could not be read count as lost by it."""
    gaps = Gaps()
    for number in (1, 3):
        gaps.see(message("a", number))
        gaps.see(message("b", number))
    gaps.damaged()
    gaps.see(message("a", 6))
    gaps.see(message("b", 4))
    gaps.see(message("b", 6))
    assert gaps.missing == {"a": 3, "b": 2}
    assert gaps.by_damage == {"a": 2}


@EXPLORE
@given(st.sets(st.integers(1, 50), min_size=1))
def test_recorded_and_missing_make_the_whole(numbers: set[int]) -> None:
    """Between the first and the last number, each is recorded or missing."""
    gaps = Gaps()
    for number in sorted(numbers):
        gaps.see(message("a", number))
    assert gaps.missing["a"] + len(numbers) == max(numbers) - min(numbers) + 1
