"""The log times of what is cut out of recordings."""

from pathlib import Path

from beats.recordings.files import Piece
from beats.recordings.retiming import CutTimes
from beats.recordings.scan import Times
from beats.recordings.walltime import Jump, WallTime

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS


def piece(
    name: str, first_s: int, last_s: int, begins_s: float, *jumps: Jump, continues: bool = False
) -> Piece:
    times = Times(first_s * SECOND_NS, last_s * SECOND_NS)
    return Piece(Path(name), times, begins_s, continues, WallTime(jumps))


def test_the_log_times_of_one_file_stay_as_they_are() -> None:
    """As long as nobody has set the clock before the range."""
    only = piece("a", 1000, 1010, 0.0)
    for start_s in (0.0, 4.0):
        times = CutTimes([only], start_s)
        assert times.begin_ns == (1000 + start_s) * SECOND_NS
        assert times.log_ns(only, 1005 * SECOND_NS) == 1005 * SECOND_NS
        assert list(times.jumps()) == []


def test_a_range_begins_with_what_the_clock_showed_there() -> None:
    """A step from before it is none of it; one in it stays where it is."""
    steps = [Jump(1003 * SECOND_NS, 1003 * SECOND_NS, 503 * SECOND_NS), Jump(1007 * SECOND_NS, 507, 9000)]
    only = piece("a", 1000, 1010, 0.0, *steps)
    times = CutTimes([only], 5.0)
    assert times.begin_ns == 505 * SECOND_NS
    assert times.log_ns(only, 1005 * SECOND_NS) == 505 * SECOND_NS
    assert list(times.jumps()) == [Jump(507 * SECOND_NS, 507, 9000)]


def test_another_recording_follows_after_the_rest_that_the_timeline_has() -> None:
    """Not after the days that passed; where it begins, the jump of the wall clock is a joint."""
    first, second = piece("a", 1000, 1010, 0.0), piece("b", 90_000, 90_010, 11.0)
    times = CutTimes([first, second], 0.0)
    assert times.log_ns(second, 90_000 * SECOND_NS) == 1011 * SECOND_NS
    at_ns = 1011 * SECOND_NS
    assert list(times.jumps()) == [Jump(at_ns, at_ns, 90_000 * SECOND_NS, is_joint=True)]


def test_parts_whose_log_times_begin_anew_are_one() -> None:
    """Each begins with what the clock shows: where that is news, the clock was set."""
    step = Jump(1005 * SECOND_NS, 1005 * SECOND_NS, 505 * SECOND_NS)
    first, second = piece("a", 1000, 1010, 0.0, step), piece("b", 511, 520, 11.0, continues=True)
    times = CutTimes([first, second], 0.0)
    assert times.log_ns(second, 511 * SECOND_NS) == 1011 * SECOND_NS
    assert list(times.jumps()) == [step]  # the wall clock went on from there
    first = piece("a", 1000, 1010, 0.0)
    at_ns = 1011 * SECOND_NS
    assert list(CutTimes([first, second], 0.0).jumps()) == [Jump(at_ns, at_ns, 511 * SECOND_NS)]
