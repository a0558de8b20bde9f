"""Shows messages one line each: for people, or as JSON for programs."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from rich.cells import cell_len

from beats.cli.output import warn, write
from beats.cli.printable import printable
from beats.cli.tap.item import Item, Unreadable, data_of, document, png_size
from beats.cli.top.grid import fitted
from beats.kernel.envelope import Frame, Location, Message, Tag, payload_type_of
from beats.kit import units
from beats.kit.gaps import Gap, Restart

_NO_TIME: Final = " " * 12
_LEAST_TOPIC: Final = 5
_DIM: Final = "2"
_RED: Final = "31"
_YELLOW: Final = "33"


class Lines:
    """Formats the lines. Topics get the width of the longest so far, so that the columns stay aligned."""

    def __init__(self, *, colours: bool) -> None:
        self._colours: Final = colours
        self._topic_cells = _LEAST_TOPIC

    def item(self, item: Item, width: int | None) -> str:
        """Time, topic, sequence, size, age and content, cut to a width if there is one."""
        topic = printable(item.topic)
        most = max(_LEAST_TOPIC, width // 3) if width is not None else cell_len(topic)
        self._topic_cells = max(self._topic_cells, min(cell_len(topic), most))
        columns = [
            fitted(topic, self._topic_cells),
            f"{item.sequence or units.UNKNOWN:>7}",
            f"{units.size(item.size_bytes):>7}",
            f"{units.duration(item.age_s):>7} ",
            _summary(item.message),
        ]
        return self._line(item.received_unix_ns, " ".join(columns), width)

    def gap(self, gap: Gap | Restart, width: int | None) -> str:
        """What is missing before the next message."""
        topic = printable(gap.topic)
        if isinstance(gap, Restart):
            text = f"{topic} goes back from {gap.before} to {gap.now}"
            return self._painted(_cut(f"{_NO_TIME} {text}", width), _YELLOW)
        which = f"{gap.first}" if gap.missing == 1 else f"{gap.first} to {gap.last}"
        text = f"{topic} {gap.missing:,} missing ({which})"
        return self._painted(_cut(f"{_NO_TIME} {text}", width), _RED)

    def unreadable(self, unreadable: Unreadable, width: int | None) -> str:
        """A message that is not an envelope."""
        text = f"unreadable, {units.size(unreadable.size_bytes)}: {printable(unreadable.why)}"
        return self._line(unreadable.received_unix_ns, text, width, _RED)

    def notice(self, text: str, width: int | None) -> str:
        """An event of the connection."""
        return self._painted(_cut(f"{_NO_TIME} {printable(text)}", width), _YELLOW)

    def _line(self, unix_ns: int, text: str, width: int | None, code: str = "") -> str:
        moment = datetime.fromtimestamp(unix_ns / 1e9).astimezone()
        time = _cut(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}", width)
        rest = _cut(text, None if width is None else max(0, width - len(_NO_TIME) - 1)).rstrip()
        shown = self._painted(rest, code) if code else rest
        return f"{self._painted(time, _DIM)} {shown}" if rest else self._painted(time, _DIM)

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text


class Display(Protocol):
    """Shows messages and events one after the other."""

    def item(self, item: Item) -> None:
        """An envelope."""
        ...

    def gap(self, gap: Gap | Restart) -> None:
        """What is missing before the next message."""
        ...

    def unreadable(self, unreadable: Unreadable) -> None:
        """A message that is not an envelope."""
        ...

    def notice(self, text: str) -> None:
        """An event of the connection."""
        ...


class JsonLines:
    """Prints one JSON object for each envelope, and nothing else, on standard output."""

    def item(self, item: Item) -> None:
        """Print an envelope, in ASCII, which is safe for terminals."""
        write(json.dumps(document(item), separators=(",", ":"), allow_nan=False) + "\n")

    def gap(self, gap: Gap | Restart) -> None:
        """Print nothing: programs see the sequence numbers."""

    def unreadable(self, unreadable: Unreadable) -> None:
        """Warn on standard error."""
        warn(f"skipped a message of {unreadable.size_bytes:,} bytes: {printable(unreadable.why)}")

    def notice(self, text: str) -> None:
        """Warn on standard error."""
        warn(text)


class PlainLines:
    """Prints one line for each message and event."""

    def __init__(self, lines: Lines, width: Callable[[], int | None]) -> None:
        """Print lines of at most `width()` columns; None for no limit."""
        self._lines: Final = lines
        self._width: Final = width

    def item(self, item: Item) -> None:
        """Print an envelope."""
        write(self._lines.item(item, self._width()) + "\n")

    def gap(self, gap: Gap | Restart) -> None:
        """Print a gap."""
        write(self._lines.gap(gap, self._width()) + "\n")

    def unreadable(self, unreadable: Unreadable) -> None:
        """Print its size and what is wrong."""
        write(self._lines.unreadable(unreadable, self._width()) + "\n")

    def notice(self, text: str) -> None:
        """Print it."""
        write(self._lines.notice(text, self._width()) + "\n")


def _cut(text: str, width: int | None) -> str:
    return text if width is None or cell_len(text) <= width else fitted(text, width)


def _summary(message: Message) -> str:
    """The content of an envelope in short."""
    if isinstance(message, Frame):
        width, height = png_size(message.png_data)
        return f"{width} x {height}"
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
