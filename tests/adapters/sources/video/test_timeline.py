"""Where pictures stand on the timeline, and which are left out."""

import pytest

from beats.adapters.sources.video.timeline import Thinning, Timeline

MS = 1_000_000


@pytest.mark.parametrize(
    ("times", "positions"),
    [
        ([100, 140, 180], [0, 40, 80]),
        ([0, 20, 70], [0, 20, 70]),
        ([None, None, None], [0, 30, 60]),
        ([0, 40, 10, 50], [0, 40, 70, 110]),
        ([0, 40, 100_040, 100_080], [0, 40, 70, 110]),
    ],
    ids=["late start", "uneven", "unknown", "backwards", "a gap of more than a minute"],
)
def test_positions_follow_the_times_of_the_file(times: list[int | None], positions: list[int]) -> None:
    """From 0; where times are unknown or broken, the duration of a picture counts: here 30 ms."""
    timeline = Timeline(40 * MS)
    found = [timeline.place(None if time is None else time * MS, 30 * MS) for time in times]
    assert found == [position * MS for position in positions]


def test_a_round_follows_the_last_one() -> None:
    """After the time of its last picture; the usual one where the file tells no duration."""
    timeline = Timeline(25 * MS)
    found: list[int] = []
    for _ in range(2):
        found += [timeline.place(time * MS, 0) for time in (0, 40)]
    assert found == [0, 40 * MS, 65 * MS, 105 * MS]
    assert timeline.end_ns == 130 * MS


@pytest.mark.parametrize(
    ("times", "fps", "taken"),
    [
        (range(0, 400, 33), None, list(range(0, 400, 33))),
        ([0, 33, 67, 100, 133, 167, 200], 10, [0, 100, 200]),
        ([0, 31, 68, 99, 135, 166], 30, [0, 31, 68, 99, 135, 166]),
        ([0, 1000, 1010, 2000], 1, [0, 1000, 2000]),
        ([0, 5000, 5010, 6000], 1, [0, 5000, 6000]),
    ],
    ids=["all", "a third", "a camera that trembles", "late", "after a pause"],
)
def test_the_pictures_nearest_to_a_lower_rate_are_shown(
    times: list[int], fps: float | None, taken: list[int]
) -> None:
    """Whatever the camera's own jitter; after a pause, none are made up for."""
    thinning = Thinning(fps)
    assert [time for time in times if thinning.takes(time * MS)] == taken
