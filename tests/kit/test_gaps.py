"""Sequence numbers that are missing."""

from hypothesis import given
from hypothesis import strategies as st

from beats.kit.gaps import Gap, GapCounter, Restart
from tests.kernel.support import EXPLORE


def missing(gaps: GapCounter, topic: str, sequence: int, *, carried: bool = False) -> int:
    gap = gaps.add(topic, sequence, carried=carried)
    return gap.missing if isinstance(gap, Gap) else 0


def found(*numbers: int) -> list[Gap | Restart]:
    gaps = GapCounter()
    return [each for number in numbers if (each := gaps.add("frame", number)) is not None]


def test_a_gap_is_reported_with_its_numbers() -> None:
    """The first number and repeated ones are no gap, nor are messages without a number."""
    assert found(7, 8, 8, 9) == []
    assert found(0, 0, 5, 0, 6) == []
    assert found(1, 3, 14) == [Gap("frame", 2, 2), Gap("frame", 4, 13)]
    assert Gap("frame", 4, 13).missing == 10


def test_numbers_that_go_back_are_a_restart() -> None:
    """Nothing is missing then; later gaps are reported again."""
    assert found(600, 1, 3) == [Restart("frame", 600, 1), Gap("frame", 2, 2)]


def test_each_topic_is_counted_separately() -> None:
    """Each topic has its own sequence numbers."""
    gaps = GapCounter()
    numbers = [("a", 5), ("b", 1), ("a", 6), ("b", 4), ("a", 8)]
    assert [missing(gaps, *each) for each in numbers] == [0, 0, 0, 2, 1]
    assert gaps.missing_by_damage == {}


def test_repeated_state_is_compared_with_the_next_number() -> None:
    """Nothing is missing before repeated state, and it never sets a topic back."""
    gaps = GapCounter()
    assert missing(gaps, "a", 10, carried=True) == 0
    assert missing(gaps, "a", 13) == 2
    assert missing(gaps, "a", 10, carried=True) == 0
    assert missing(gaps, "a", 14) == 0
    assert missing(gaps, "a", 20, carried=True) == 0
    assert missing(gaps, "a", 21) == 0


def test_gaps_around_damage_are_counted_separately() -> None:
    """Only numbers between which something could not be read count as lost by damage."""
    gaps = GapCounter()
    for number in (1, 3):
        gaps.add("a", number)
        gaps.add("b", number)
    gaps.add_damage()
    gaps.add("a", 6)
    gaps.add("b", 4)
    gaps.add("b", 6)
    assert gaps.missing_by_damage == {"a": 2}


def test_memory_is_bounded() -> None:
    """With a bound on the topics, the least recently seen one is forgotten."""
    gaps = GapCounter(most_topics=2)
    for topic in ("a", "b", "a", "c"):
        gaps.add(topic, 1)
    assert gaps.add("a", 5) == Gap("a", 2, 4)
    assert gaps.add("b", 5) is None


@EXPLORE
@given(st.sets(st.integers(1, 50), min_size=1))
def test_recorded_and_missing_numbers_make_the_whole(numbers: set[int]) -> None:
    """Between the first and the last number, each is recorded or missing."""
    gaps = GapCounter()
    total = sum(missing(gaps, "a", number) for number in sorted(numbers))
    assert total + len(numbers) == max(numbers) - min(numbers) + 1
