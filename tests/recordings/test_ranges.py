"""Moments in a recording, as people write them."""

import time
from collections.abc import Generator
from datetime import datetime
from pathlib import Path

import pytest

from beats.recordings.files import Piece
from beats.recordings.ranges import check_moment, position_s
from beats.recordings.scan import Times
from beats.recordings.walltime import ClockJump, WallTime
from tests.recordings.support import BEGIN_NS

SECOND_NS = 10**9
HOUR_NS = 3600 * SECOND_NS
FIRST = Piece(Path("a"), Times(BEGIN_NS, BEGIN_NS + HOUR_NS), 0.0, False)
# A day later, and on the timeline a second.
SECOND = Piece(Path("b"), Times(BEGIN_NS + 24 * HOUR_NS, BEGIN_NS + 25 * HOUR_NS), 3601.0, False)
PIECES = [FIRST, SECOND]
"""Begins on 14 November 2023 at 22:13:20 UTC."""


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Where it is 23:13:20 then."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        ("90", 90.0),
        (" 1.5 ", 1.5),
        ("23:13:20", 0.0),
        ("23:14", 40.0),
        ("23:13:20.5", 0.5),
        ("00:13:00", 3580.0),
        ("2023-11-14T22:13:30Z", 10.0),
        ("2023-11-14T23:13:30", 10.0),
        ("2023-11-14T22:13:30+00:00", 10.0),
        ("2023-11-15T22:13:25Z", 3606.0),
        ("2023-11-15T23:59:00Z", 3601.0 + 6340.0),
        ("2020-01-01", 0.0),
    ],
)
def test_a_moment_is_a_place_on_the_timeline(text: str, expected: float) -> None:
    """Seconds, local times of day from the beginning on, and ISO 8601 times with or without a zone."""
    assert check_moment(text) == text
    assert position_s(text, PIECES) == pytest.approx(expected)


def test_a_moment_between_two_recordings_is_the_beginning_of_the_second() -> None:
    """Time without a recording is not on the timeline."""
    assert position_s("2023-11-15T12:00:00Z", PIECES) == 3601.0


def test_the_second_of_the_beginning_is_no_day_later() -> None:
    """People do not type fractions of seconds."""
    times = Times(BEGIN_NS + 700_000_000, BEGIN_NS + HOUR_NS)
    assert position_s("23:13:20", [FIRST._replace(times=times)]) == 0.0


@pytest.mark.parametrize("text", ["", "x", "24:00", "12:60", "-5", "1e5", "2023-13-01", "nan", "12:00:60"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    """The error names the valid formats."""
    with pytest.raises(ValueError, match="is not a moment: give seconds"):
        check_moment(text)


def test_the_last_time_of_mcap_has_a_place() -> None:
    """The times of MCAP end in the year 2554."""
    piece = Piece(Path("a"), Times(2**64 - 5, 2**64 - 1), 0.0, False)
    assert position_s("12:00", [piece]) > 0.0


def local(text: str) -> int:
    """Unix nanoseconds of a local time with its offset from UTC."""
    return round(datetime.fromisoformat(text).timestamp() * 1e9)


@pytest.mark.parametrize(
    ("begin", "text", "expected"),
    [
        # At 2:00 clocks go to 3:00: the night has an hour less.
        ("2024-03-30T22:00:00+01:00", "04:00", 5 * 3600),
        ("2024-03-30T22:00:00+01:00", "01:30", 3.5 * 3600),
        ("2024-03-30T22:00:00+01:00", "02:30", 4.5 * 3600),
        ("2024-03-31T00:30:00+01:00", "04:00", 2.5 * 3600),
        ("2024-03-31T03:30:00+02:00", "04:00", 0.5 * 3600),
        ("2024-03-30T12:00:00+01:00", "11:00", 22 * 3600),
        # At 3:00 clocks go to 2:00: the night has an hour more.
        ("2024-10-26T22:00:00+02:00", "04:00", 7 * 3600),
        ("2024-10-26T22:00:00+02:00", "02:30", 4.5 * 3600),
        ("2024-10-27T02:45:00+02:00", "02:30", 0.75 * 3600),
        ("2024-10-27T02:45:00+01:00", "02:30", 23.75 * 3600),
        ("2024-10-27T00:30:00+02:00", "04:00", 4.5 * 3600),
        ("2024-10-27T02:30:00+01:00", "04:00", 1.5 * 3600),
    ],
)
def test_a_time_of_day_is_right_in_the_nights_of_clock_change(begin: str, text: str, expected: float) -> None:
    """Such days have 23 or 25 hours; of a repeated time, the next one counts."""
    times = Times(local(begin), local(begin) + 48 * HOUR_NS)
    assert position_s(text, [FIRST._replace(times=times)]) == expected


BACK = ClockJump(BEGIN_NS + HOUR_NS // 2, BEGIN_NS + HOUR_NS // 2, BEGIN_NS - 13 * HOUR_NS)
"""After half an hour, at 23:43:20, the clock is set to 10:13:20 of the same day."""
ON = ClockJump(BEGIN_NS + HOUR_NS // 2, BEGIN_NS + HOUR_NS // 2, BEGIN_NS + 48 * HOUR_NS)
"""After half an hour the clock is set to 23:13:20 of two days later."""


@pytest.mark.parametrize(
    ("jump", "text", "expected"),
    [
        (BACK, "23:14", 40.0),
        (BACK, "10:14:20", 1860.0),
        (BACK, "2023-11-14T10:14:20+01:00", 1860.0),
        (BACK, "2023-11-14T23:30:00+01:00", 1000.0),
        (BACK, "2023-11-14T09:00:00+01:00", 0.0),
        (ON, "23:14", 40.0),
        (ON, "2023-11-15T12:00:00+01:00", 1800.0),
        (ON, "2023-11-16T23:14:20+01:00", 1860.0),
        (ON, "12:00", 1800.0),
    ],
)
def test_a_moment_is_where_the_clock_showed_it(jump: ClockJump, text: str, expected: float) -> None:
    """A step takes no time: skipped moments are at the step, repeated ones where they came first."""
    assert position_s(text, [FIRST._replace(wall=WallTime([jump]))]) == expected
