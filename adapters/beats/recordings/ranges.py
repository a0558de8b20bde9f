"""Where in a recording to begin and to end, as a person says it."""

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:  # settings say moments, too, and are read without what reads recordings
    from beats.recordings.files import Piece

FORMS: Final = (
    "seconds from the beginning (90, 1.5), a time of day (21:30 or 21:30:05.5), or an ISO 8601 time"
)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?")


def check_moment(text: str) -> str:
    """The text, if it says a moment.

    Raises:
        ValueError: it does not; says what would.
    """
    _moment(text)
    return text


def position_s(text: str, pieces: "list[Piece]") -> float:
    """The place on the timeline of some files that a text says.

    A time of day is the first such time at or after the beginning, in the local time zone. Where the wall
    clock was set back, a moment came twice, and the first is meant; a moment that was left out is where it
    was set.

    Raises:
        ValueError: it does not say a moment.
    """
    moment = _moment(text)
    if isinstance(moment, int | float):
        return moment
    stretches = list(_stretches(pieces))
    if not isinstance(moment, time):
        return _place(round(moment.timestamp() * 1e9), stretches)
    place = _place(_first_after(stretches[0].first_ns, moment), stretches)
    # After the clock was set back it may show this time on a day that is over for the beginning.
    for stretch in stretches:
        at_ns = _first_after(stretch.first_ns, moment)
        if at_ns <= stretch.last_ns:
            return min(place, stretch.position_s(at_ns))
    return place


class _Stretch(NamedTuple):
    """A stretch of the timeline without a jump of the wall clock."""

    begins_s: float
    first_ns: int
    """Of the wall clock."""
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
    """Where the wall clock showed a time first, or passed over it."""
    for stretch in stretches:
        if stretch.first_ns <= unix_ns <= stretch.last_ns:
            return stretch.position_s(unix_ns)
    # Between two recordings, or in a step of the clock, days may have passed that the timeline does not show.
    later = next((stretch for stretch in stretches if stretch.first_ns > unix_ns), None)
    return stretches[-1].position_s(unix_ns) if later is None else later.begins_s


def _first_after(begin_ns: int, moment: time) -> int:
    """The first such time of day at or after a time, in Unix nanoseconds.

    In a night of clock change a day has 23 hours or 25, so the offset from UTC is looked up for each day. A
    time that comes twice counts twice; one that is left out is as long after the hour that is left out.
    """
    # The beginning's own second counts as "at": nobody types its fraction.
    least_s = begin_ns // 1_000_000_000
    today = datetime.fromtimestamp(least_s).date()
    for days in range(3):
        local = datetime.combine(today + timedelta(days=days), moment)
        once, again = local.timestamp(), local.replace(fold=1).timestamp()
        # https://peps.python.org/pep-0495/: where a time is left out, `again` is the earlier one.
        for at_s in (once, again) if once <= again else (once,):
            if at_s >= least_s:
                return round(at_s * 1e9)
    raise AssertionError("a day ends")


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
    raise ValueError(f"{text!r:.60} is no moment: give {FORMS}")
