"""Where in a recording to begin and to end, as a person says it."""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # settings say moments, too, and are read without what reads recordings
    from beats.adapters.recordings.files import Piece

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

    A time of day is the first such time at or after the beginning, in the local time zone.

    Raises:
        ValueError: it does not say a moment.
    """
    moment = _moment(text)
    if isinstance(moment, int | float):
        return moment
    if isinstance(moment, timedelta):
        begin = datetime.fromtimestamp(pieces[0].times.first_ns / 1e9).astimezone()
        midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        # The beginning's own second counts as "at": nobody types its fraction.
        at = midnight + moment
        if at < begin.replace(microsecond=0):
            at += timedelta(days=1)
    else:
        at = moment
    unix_ns = round(at.timestamp() * 1e9)
    inside = [index for index, piece in enumerate(pieces) if piece.times.first_ns <= unix_ns]
    if not inside:
        return 0.0
    found = pieces[inside[-1]].position_s(unix_ns)
    # Between two recordings days may have passed, of which the timeline shows a second.
    following = pieces[inside[-1] + 1 :]
    return min(found, following[0].begins_s) if following else found


def _moment(text: str) -> float | timedelta | datetime:
    text = text.strip()
    if (clock := _CLOCK.fullmatch(text)) is not None:
        hours, minutes, seconds = int(clock[1]), int(clock[2]), float(clock[3] or 0)
        if hours < 24 and minutes < 60 and seconds < 60:
            return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    elif re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    else:
        try:
            return datetime.fromisoformat(text).astimezone()
        except (ValueError, OverflowError, OSError):
            pass
    raise ValueError(f"{text!r:.60} is no moment: give {FORMS}")
