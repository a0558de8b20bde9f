"""Converting log times to the wall clock."""

import pytest

from beats.recordings.scan import Times
from beats.recordings.walltime import ClockJump, WallTime, read_jump

BACK = ClockJump(1000, 1000, 400)
ON = ClockJump(2000, 1400, 9000)


def test_without_a_jump_log_times_are_those_of_the_wall_clock() -> None:
    """As in every recording in which the clock was not set."""
    wall = WallTime()
    assert (wall.unix_ns(5), wall.last_ahead_ns) == (5, 0)
    assert list(wall.stretches(Times(3, 8))) == [Times(3, 8)]
    assert wall.within(Times(3, 8)) == ()


def test_the_clock_shows_what_it_was_set_to_from_the_jump_on() -> None:
    """Before the first jump, the offset is the one that the jump began with."""
    wall = WallTime([ON, BACK])
    shown = {0: 0, 999: 999, 1000: 400, 1999: 1399, 2000: 9000, 2001: 9001}
    assert {log_ns: wall.unix_ns(log_ns) for log_ns in shown} == shown
    assert wall.last_ahead_ns == 7000
    assert [jump.by_ns for jump in wall.jumps] == [-600, 7600]


def test_log_times_that_began_after_a_jump_are_right_before_it() -> None:
    """A file that was started after a step may contain earlier messages."""
    wall = WallTime([ClockJump(1000, 4000, 1000)])
    assert (wall.unix_ns(999), wall.unix_ns(1000), wall.last_ahead_ns) == (3999, 1000, 0)


def test_a_stretch_ends_where_the_clock_was_set() -> None:
    """A jump at the beginning has passed, one at the end has not."""
    wall = WallTime([BACK, ON])
    assert list(wall.stretches(Times(500, 2500))) == [Times(500, 999), Times(1000, 1999), Times(2000, 2500)]
    assert list(wall.stretches(Times(1000, 1500))) == [Times(1000, 1500)]
    assert list(wall.stretches(Times(1500, 2000))) == [Times(1500, 1999), Times(2000, 2000)]
    assert wall.within(Times(1000, 2000)) == (ON,)


@pytest.mark.parametrize("jump", [BACK, ON, ClockJump(2**63, 0, 2**63, is_joint=True)])
def test_a_jump_is_read_as_it_was_written(jump: ClockJump) -> None:
    """Its record also states the difference in seconds, for people."""
    record = jump.record()
    assert read_jump(record) == jump
    assert float(record["by_s"]) == pytest.approx(jump.by_ns / 1e9)
    assert jump.moved(7) == jump._replace(log_ns=jump.log_ns + 7)


@pytest.mark.parametrize("wrong", [None, "", "soon", "1e5", "-1", str(2**64)])
def test_what_is_no_jump_is_passed_over(wrong: str | None) -> None:
    """Damaged records, and those of other programs, are ignored."""
    record = BACK.record() | ({} if wrong is None else {"after_unix_ns": wrong})
    if wrong is None:
        del record["log_unix_ns"]
    assert read_jump(record) is None
