"""Shows messages one line each: for people, or as JSON for programs."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from rich.cells import cell_len

from beats.cli.output import warn, write
from beats.cli.printable import printable
from beats.cli.tap.item import Item, Notice, Unreadable, document, size_of
from beats.cli.top.grid import fitted
from beats.kernel.envelope import PNG, Frame, Location, Message, Tag, payload_type_of
from beats.kit import units
from beats.kit.gaps import Gap, Restart
from beats.kit.updates import data_of

Event = Item | Unreadable | Gap | Restart | Notice
"""What a tap shows: a message, what is missing before the next one, or an event of the connection."""
_NO_TIME: Final = " " * 12
_LEAST_TOPIC: Final = 5
_MOST_TOPIC: Final = 60
_DIM: Final = "2"
_RED: Final = "31"
_YELLOW: Final = "33"


class Lines:
    """Formats the lines. Topics get the width of the longest so far, so that the columns stay aligned.

    Very long ones do not count for that: they are cut on a terminal, and whole in a file.
    """

    def __init__(self, *, colours: bool) -> None:
        self._colours: Final = colours
        self._topic_cells = _LEAST_TOPIC

    def line(self, event: Event, width: int | None) -> str:
        """The line of an event, cut to a width if there is one."""
        if isinstance(event, Item):
            return self._item(event, width)
        if isinstance(event, Unreadable):
            text = f"unreadable, {units.size(event.size_bytes)}: {printable(event.why)}"
            return self._line(event.received_unix_ns, text, width, _RED)
        if isinstance(event, Notice):
            text, code = event.text, _YELLOW
        elif isinstance(event, Restart):
            text, code = f"{event.topic} goes back from {event.before} to {event.now}", _YELLOW
        else:
            which = f"{event.first}" if event.missing == 1 else f"{event.first} to {event.last}"
            text, code = f"{event.topic} {event.missing:,} missing ({which})", _RED
        return self._painted(_cut(f"{_NO_TIME} {printable(text)}", width), code)

    def _item(self, item: Item, width: int | None) -> str:
        """Time, topic, sequence, size, age and content."""
        topic = printable(item.topic)
        most = _MOST_TOPIC if width is None else min(_MOST_TOPIC, max(_LEAST_TOPIC, width // 3))
        cells = cell_len(topic)
        self._topic_cells = max(self._topic_cells, min(cells, most))
        columns = [
            topic if width is None and cells > most else fitted(topic, self._topic_cells),
            f"{item.sequence or units.UNKNOWN:>7}",
            f"{units.size(item.size_bytes):>7}",
            f"{units.duration(item.age_s):>7} ",
            _summary(item.message),
        ]
        return self._line(item.received_unix_ns, " ".join(columns), width)

    def _line(self, unix_ns: int, text: str, width: int | None, code: str = "") -> str:
        moment = datetime.fromtimestamp(unix_ns / 1e9).astimezone()
        time = _cut(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}", width)
        rest = _cut(text, None if width is None else max(0, width - len(_NO_TIME) - 1)).rstrip()
        shown = self._painted(rest, code) if code else rest
        return f"{self._painted(time, _DIM)} {shown}" if rest else self._painted(time, _DIM)

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text


class Display(Protocol):
    """Shows the events of a stream one after the other."""

    def show(self, event: Event) -> None:
        """Show the next event."""
        ...


class JsonLines:
    """Prints one JSON object for each envelope, and nothing else, on standard output."""

    def show(self, event: Event) -> None:
        """Print an envelope in ASCII, which is safe for terminals; gaps are visible in the numbers."""
        if isinstance(event, Item):
            write(json.dumps(document(event), separators=(",", ":"), allow_nan=False) + "\n")
        elif isinstance(event, Unreadable):
            warn(f"skipped a message of {event.size_bytes:,} bytes: {printable(event.why)}")
        elif isinstance(event, Notice):
            warn(event.text)


class PlainLines:
    """Prints one line for each event."""

    def __init__(self, lines: Lines, width: Callable[[], int | None]) -> None:
        """Print lines of at most `width()` columns; None for no limit."""
        self._lines: Final = lines
        self._width: Final = width

    def show(self, event: Event) -> None:
        """Print a line."""
        write(self._lines.line(event, self._width()) + "\n")


def _cut(text: str, width: int | None) -> str:
    return text if width is None or cell_len(text) <= width else fitted(text, width)


def _summary(message: Message) -> str:
    """The content of an envelope in short."""
    if isinstance(message, Frame):
        width, height = size_of(message)
        form = "" if message.media_type == PNG else f"  {message.media_type.removeprefix('image/')}"
        return f"{width} x {height}{form}"
    value = json.dumps(data_of(message), ensure_ascii=False, separators=(",", ":"))
    payload_type = printable(payload_type_of(message.data))
    fields = [payload_type, printable(value), _tags(message.tags), _coordinates(message.location)]
    return "  ".join(field for field in fields if field)


def _tags(tags: tuple[Tag, ...]) -> str:
    return printable(" ".join(f"#{tag.name}" + (f":{tag.variant}" if tag.variant else "") for tag in tags))


def _coordinates(location: Location | None) -> str:
    if location is None:
        return ""
    place = f"@{location.x:g},{location.y:g},{location.z:g}"
    return f"{place} {printable(str(location.time))}" if location.time else place
