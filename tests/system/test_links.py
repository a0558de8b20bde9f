"""Links between machines that are slow, lose packets or are cut, and what viewers see of it.

All at the same time: one edge is far away over a line that loses packets, one's line is cut for ten seconds
and another's for one, one's own plug is pulled, and one that watches the origin's server, without a broker,
is cut off as well. A healthy edge and the origin's own viewer show what the machine itself can do.
"""

import pytest

from tests.support.hosts import MAKERS
from tests.system.links import EDGES, RATE_HZ, Evening, said_missed, spend

BACK_S = 2.0
STALE_S = 2.0
"""A frame that is older is of no use to a viewer."""
CUT = ("cut", "unplugged", "chained")
"""Those that were cut off for ten seconds."""
HEALTHY = ("origin", "near")

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    """One for all tests: most of it is the ten seconds."""
    (make, *_) = MAKERS.values()
    return spend(make, tmp_path_factory.mktemp("links"))


def slowness_s(evening: Evening) -> float:
    """What this machine adds by itself: it may be busy with something else."""
    return max(frame.age_s for name in HEALTHY for frame in evening.seen[name].frames)


@pytest.mark.parametrize("name", CUT)
def test_a_cut_line_shows_nothing_and_ends_nothing(evening: Evening, name: str) -> None:
    """For ten seconds nothing new comes, or the test would show nothing; its viewers stay connected."""
    seen, mended_ns = evening.seen[name], evening.mended_ns[name]
    during = [frame for frame in seen.frames if evening.cut_ns + 10**9 < frame.arrived_ns < mended_ns]
    assert mended_ns - evening.cut_ns > 9.9e9
    assert during == []
    assert not seen.was_closed


@pytest.mark.parametrize("name", [*CUT, "blinking"])
def test_fresh_frames_are_back_within_two_seconds(evening: Evening, name: str) -> None:
    """From the moment the line is whole again to the first frame that was captured after it."""
    mended_ns = evening.mended_ns[name]
    fresh = next(frame for frame in evening.seen[name].frames if frame.captured_ns > mended_ns)
    back_s = (fresh.arrived_ns - mended_ns) / 1e9
    assert back_s < BACK_S + slowness_s(evening), evening.seen[name].log


@pytest.mark.parametrize("name", CUT)
def test_what_was_lost_is_one_gap_and_counted(evening: Evening, name: str) -> None:
    """A viewer finds it by the numbers, and the edge says the same."""
    seen = evening.seen[name]
    missed = seen.missed(evening.settled_ns)
    assert len(missed) == 1, missed
    assert missed[0] > 5 * RATE_HZ
    assert missed[0] in said_missed(seen.log)


@pytest.mark.parametrize("name", HEALTHY)
def test_nobody_else_notices(evening: Evening, name: str) -> None:
    """The other edge and the origin's own viewer miss nothing, and nothing is said there."""
    seen = evening.seen[name]
    assert seen.missed(evening.settled_ns) == []
    assert not seen.was_closed
    assert "lost" not in seen.log
    assert seen.log.count("connected to") == 1


def test_the_broker_drops_those_alone_who_do_not_answer(evening: Evening) -> None:
    """It may call those that were cut off too slow, and no others."""
    dropped = [line for line in evening.broker_log.splitlines() if "Slow Consumer" in line]
    assert len(dropped) <= len(("cut", "unplugged", "blinking"))
    assert "[ERR]" not in evening.broker_log
    assert "[WRN]" not in evening.broker_log


def test_a_far_edge_misses_nothing_and_is_as_fresh_as_its_line(evening: Evening) -> None:
    """80 ms away, with 1.5 % of packets lost: TCP sends them again, and what they held up comes at once."""
    seen = evening.seen["far"]
    ages_s = sorted(frame.age_s for frame in seen.frames)
    assert seen.missed(evening.settled_ns) == []
    assert seen.log.count("connected to") == 1
    assert ages_s[0] > 0.06
    assert ages_s[len(ages_s) // 2] < 0.5 + slowness_s(evening)


@pytest.mark.parametrize("name", [*EDGES, "origin"])
def test_frames_are_fresh_in_order_and_come_once(evening: Evening, name: str) -> None:
    """What waited at a cut line is not caught up on; numbers rise, with the origin's times; all end well."""
    seen, limit_s = evening.seen[name], STALE_S + slowness_s(evening)
    captured = {frame.sequence: frame.captured_ns for frame in evening.seen["origin"].frames}
    numbers = [frame.sequence for frame in seen.frames]
    assert [frame for frame in seen.frames if frame.age_s > limit_s] == []
    assert numbers == sorted(set(numbers))
    assert all(captured.get(each.sequence, each.captured_ns) == each.captured_ns for each in seen.frames)
    assert seen.exit_code == 0
