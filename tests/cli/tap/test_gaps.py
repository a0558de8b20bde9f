"""What is missing."""

import pytest

from beats.cli.tap import gaps as module
from beats.cli.tap.gaps import Gap, Gaps, Return


def seen(*numbers: int, frames: bool = True, topic: str = "frame") -> list[Gap | Return]:
    gaps = Gaps(frames=frames)
    return [found for number in numbers if (found := gaps.seen(topic, number)) is not None]


def test_numbers_that_follow_each_other_miss_nothing() -> None:
    """Wherever they begin; and the state that comes once more after a new connection is no gap."""
    assert seen(7, 8, 9) == []
    assert seen(7, 8, 8, 9) == []


def test_a_gap_says_what_is_missing() -> None:
    """From where to where."""
    assert seen(1, 3, 14) == [Gap("frame", 2, 2), Gap("frame", 4, 13)]
    assert Gap("frame", 4, 13).missing == 10


def test_numbers_that_go_back_are_no_gap() -> None:
    """A server began anew, or a recording was put back; from there on gaps are told again."""
    assert seen(600, 1, 3) == [Return("frame", 600, 1), Gap("frame", 2, 2)]


def test_topics_have_numbers_of_their_own() -> None:
    """As the stream has them."""
    gaps = Gaps()
    assert gaps.seen("frame", 1) is None
    assert gaps.seen("peripheral/a", 5) is None
    assert gaps.seen("frame", 2) is None
    assert gaps.seen("peripheral/a", 7) == Gap("peripheral/a", 6, 6)


def test_frames_that_nobody_wanted_are_not_missing() -> None:
    """Who asks for few a second gets few; updates may still be missing."""
    assert seen(1, 10, 20, frames=False) == []
    assert seen(1, 10, frames=False, topic="peripheral/a") == [Gap("peripheral/a", 2, 9)]
    assert seen(20, 1, frames=False) == [Return("frame", 20, 1)]


def test_a_server_that_does_not_number_misses_nothing() -> None:
    """Zero is no number."""
    assert seen(0, 0, 5, 0, 6) == []


def test_topics_without_end_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were not seen for longest are forgotten."""
    monkeypatch.setattr(module, "_MOST_TOPICS", 2)
    gaps = Gaps()
    for topic in ("a", "b", "a", "c"):
        gaps.seen(topic, 1)
    assert gaps.seen("a", 5) == Gap("a", 2, 4)
    assert gaps.seen("b", 5) is None
