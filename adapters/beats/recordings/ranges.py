"""Moments in a recording, as people write them, and their place on the timeline."""

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:  # settings contain moments, too, and must load without what reads recordings
    from beats.recordings.files import Piece

FORMS: Final = (
    "seconds from the beginning (90, 1.5), a time of day (21:30 or 21:30:05.5), or an ISO 8601 time"
)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?")


def check_moment(text: str) -> str:
    """Return the text if it is a moment.

    Raises:
        ValueError: the text has none of the valid formats; names them.
    """
    _moment(text)
    return text


def position_s(text: str, pieces: "list[Piece]") -> float:
    """The place of a moment on the timeline of some files, in seconds.

    A time of day means the first such time at or after the beginning, in the local time zone. Where the wall
    clock was set back, a moment came twice: the first one counts. A moment that was skipped is where the
    clock was set.

    Raises:
        ValueError: the text is not a moment.
    """
    moment = _moment(text)
    if isinstance(moment, int | float):
        return moment
    stretches = list(_stretches(pieces))
    if not isinstance(moment, time):
        return _place(round(moment.timestamp() * 1e9), stretches)
    place = _place(_first_after(stretches[0].first_ns, moment), stretches)
    # A clock that was set back may show this time on the day before the one found from the beginning.
    for stretch in stretches:
        at_ns = _first_after(stretch.first_ns, moment)
        if at_ns <= stretch.last_ns:
            return min(place, stretch.position_s(at_ns))
    return place


class _Stretch(NamedTuple):
    """A stretch of the timeline in which the wall clock does not jump."""

    begins_s: float
    first_ns: int
    """When the stretch begins, by the wall clock."""
    last_ns: int

    def position_s(self, unix_ns: int) -> float:
        return self.begins_s + max(0, unix_ns - self.first_ns) / 1e9


def _stretches(pieces: "list[Piece]") -> Iterator[_Stretch]:
    for piece in pieces:
        for first_ns, last_ns in piece.wall.stretches(piece.times):
            yield _Stretch(
                piece.position_s(first_ns), piece.wall.unix_ns(first_ns), piece.wall.unix_ns(last_ns)
            )


def _place(unix_ns: int, stretches: list[_Stretch]) -> float:
    """Where the wall clock first showed a time, or skipped it."""
    for stretch in stretches:
        if stretch.first_ns <= unix_ns <= stretch.last_ns:
            return stretch.position_s(unix_ns)
    # Between two recordings, and in a step of the clock, days may have passed that the timeline omits.
    later = next((stretch for stretch in stretches if stretch.first_ns > unix_ns), None)
    return stretches[-1].position_s(unix_ns) if later is None else later.begins_s


def _first_after(begin_ns: int, moment: time) -> int:
    """The first such time of day at or after a time, in Unix nanoseconds.

    A day with a change of the clocks has 23 or 25 hours, so the offset from UTC is looked up for each day. A
    time of day that occurs twice counts twice; one that is skipped is moved behind the skipped hour.
    """
    # People type no fractions of a second: a time within the second of the beginning is not before it.
    least_s = begin_ns // 1_000_000_000
    today = datetime.fromtimestamp(least_s).date()
    for days in range(3):
        local = datetime.combine(today + timedelta(days=days), moment)
        once, again = local.timestamp(), local.replace(fold=1).timestamp()
        # https://peps.python.org/pep-0495/: where a time is skipped, `again` is the earlier one.
        for at_s in (once, again) if once <= again else (once,):
            if at_s >= least_s:
                return round(at_s * 1e9)
    raise AssertionError(f"no day of three has the time {moment}")


def _moment(text: str) -> float | time | datetime:
    text = text.strip()
    if (clock := _CLOCK.fullmatch(text)) is not None:
        hours, minutes, seconds = int(clock[1]), int(clock[2]), float(clock[3] or 0)
        if hours < 24 and minutes < 60 and seconds < 60:
            return time(hours, minutes, int(seconds), int(seconds % 1 * 1e6))
    elif re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    else:
        try:
            return datetime.fromisoformat(text).astimezone()
        except (ValueError, OverflowError, OSError):
            pass
    raise ValueError(f"{text!r:.60} is not a moment: give {FORMS}")
