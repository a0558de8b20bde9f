"""When each moment of a recording is due."""

from math import inf

import pytest

from beats.adapters.sources.replay.timeline import Timeline


def test_due_times_count_from_one_anchor() -> None:
    """Reading the clock moves nothing, so that nothing drifts."""
    timeline = Timeline(10.0, 2.0, now_s=100.0)
    for step in range(1000):
        position_s = 10.0 + step * 0.001
        assert timeline.due_s(position_s) == 100.0 + (position_s - 10.0) / 2.0
        assert timeline.position_s(100.0 + step * 0.0007) == pytest.approx(10.0 + step * 0.0014)
    assert timeline.due_s(9.0) == 99.5


def test_a_pause_stops_the_time() -> None:
    """Nothing is due during a pause; what follows comes later by its length."""
    timeline = Timeline(0.0, 1.0, now_s=0.0)
    timeline.set_paused(True, 3.0)
    assert timeline.paused
    assert (timeline.due_s(0.0), timeline.due_s(99.0)) == (inf, inf)
    assert timeline.position_s(50.0) == 3.0
    timeline.set_paused(True, 60.0)
    timeline.set_paused(False, 103.0)
    assert not timeline.paused
    assert timeline.due_s(4.0) == 104.0


def test_another_speed_holds_from_where_it_is() -> None:
    """What was played is not played again, and the rest comes at the new speed."""
    timeline = Timeline(0.0, 1.0, now_s=0.0)
    timeline.set_speed(4.0, 10.0)
    assert timeline.speed == 4.0
    assert timeline.position_s(10.0) == 10.0
    assert timeline.due_s(14.0) == 11.0


def test_a_new_speed_does_not_end_a_pause() -> None:
    """It applies when the pause ends."""
    timeline = Timeline(0.0, 1.0, now_s=0.0)
    timeline.set_paused(True, 5.0)
    timeline.set_speed(2.0, 7.0)
    assert timeline.due_s(6.0) == inf
    timeline.set_paused(False, 10.0)
    assert timeline.due_s(6.0) == 10.5


def test_it_can_be_set_anywhere() -> None:
    """Forward or back, paused or not; the speed stays."""
    timeline = Timeline(0.0, 2.0, now_s=0.0)
    timeline.move_to(50.0, 1.0)
    assert timeline.due_s(52.0) == 2.0
    timeline.set_paused(True, 1.0)
    timeline.move_to(20.0, 3.0)
    assert timeline.position_s(9.0) == 20.0
    timeline.set_paused(False, 4.0)
    assert timeline.due_s(22.0) == 5.0


def test_at_infinite_speed_everything_is_due() -> None:
    """The place is the one it was last moved to, from which another speed continues."""
    timeline = Timeline(0.0, inf, now_s=0.0)
    assert timeline.due_s(1e9) == -inf
    assert timeline.position_s(5.0) == 0.0
    timeline.move_to(30.0, 5.0)
    timeline.set_speed(1.0, 6.0)
    assert timeline.due_s(31.0) == 7.0
    timeline.set_speed(inf, 8.0)
    timeline.set_paused(True, 8.0)
    assert timeline.due_s(0.0) == inf
