"""When each moment of a recording is due."""

from math import inf

from beats.adapters.sources.replay.timeline import Timeline


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
