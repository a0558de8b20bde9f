"""The durations of pictures."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from beats.recordings.export.pace import Pace, Shown


def paced(
    positions_s: Iterable[float], ticks_per_s: int = 100, least_ticks: int = 2
) -> list[tuple[int, int]]:
    pace: Pace[int] = Pace(ticks_per_s, least_ticks)
    found = [pace.add(position_s, number) for number, position_s in enumerate(positions_s)]
    return [(each.picture, each.ticks) for each in [*found, pace.finish()] if each is not None]


def test_each_picture_lasts_until_the_next() -> None:
    """Durations are the recorded ones, wherever the first picture is on the timeline."""
    assert paced([7.0, 7.5, 7.6, 8.0]) == [(0, 50), (1, 10), (2, 40), (3, 40)]


def test_the_last_picture_has_the_median_duration() -> None:
    """A single long pause does not change it."""
    assert paced([0, 0.1, 0.2, 9, 9.1])[-1] == (4, 10)


def test_a_picture_alone_is_shown_for_a_tenth_of_a_second() -> None:
    """There is no other duration to use."""
    assert paced([3.0]) == [(0, 10)]


def test_nothing_was_shown_when_there_was_nothing() -> None:
    """Without pictures there is no last one."""
    pace: Pace[int] = Pace(100, 2)
    assert pace.finish() is None
    assert not pace.is_begun


def test_rounding_errors_do_not_add_up() -> None:
    """At 30 fps, which 1/100 s cannot express, a minute lasts a minute."""
    shown = paced(number / 30 for number in range(1800))
    assert {ticks for _, ticks in shown} == {3, 4}
    assert sum(ticks for _, ticks in shown) == 6000


def test_a_picture_too_short_to_be_shown_gives_its_place_to_the_next() -> None:
    """The next picture is shown from the same moment; the total time is as recorded."""
    assert paced([0, 0.1, 0.105, 0.5, 0.6]) == [(0, 10), (2, 40), (3, 10), (4, 10)]


def test_twice_as_fast_as_viewers_can_is_every_second_picture() -> None:
    """At 100 fps, half of the pictures are shown for 1/50 s each."""
    pace: Pace[int] = Pace(100, 2)
    shown = [each for number in range(101) if (each := pace.add(number / 100, number)) is not None]
    assert shown == [Shown(number, 2) for number in range(1, 100, 2)]
    assert pace.passed_over == 50
    assert pace.total_ticks == 100


def test_a_clock_that_was_set_back_is_a_step_without_a_pause() -> None:
    """Later pictures keep their durations."""
    assert paced([100.0, 100.1, 40.0, 40.1, 40.2]) == [(0, 10), (2, 10), (3, 10), (4, 10)]


@given(st.lists(st.floats(0, 500), min_size=1, max_size=60))
def test_no_picture_is_too_short_and_the_total_is_right(steps_s: list[float]) -> None:
    """For any steps, each duration is at least the minimum, and the last picture begins at its time."""
    positions_s = [sum(steps_s[:number]) for number in range(len(steps_s))]
    shown = paced(positions_s)
    assert all(ticks >= 2 for _, ticks in shown)
    assert shown[-1][0] == len(positions_s) - 1
    recorded = round(positions_s[-1] * 100)
    assert sum(ticks for _, ticks in shown[:-1]) <= recorded + 1
    assert sum(ticks for _, ticks in shown) >= recorded - 1
