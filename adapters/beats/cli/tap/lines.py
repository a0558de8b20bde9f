"""What came, one line each."""

import json
from datetime import datetime
from typing import Final

from rich.cells import cell_len

from beats.cli.printable import printable
from beats.cli.tap.document import data_of
from beats.cli.tap.gaps import Gap, Return
from beats.cli.tap.item import Item, Unreadable, png_size
from beats.cli.top.grid import fitted
from beats.kernel.envelope import Frame, Location, Message, Tag, payload_type_of
from beats.kit import units

_NO_TIME: Final = " " * 12
_LEAST_TOPIC: Final = 5
_DIM: Final = "2"
_RED: Final = "31"
_YELLOW: Final = "33"


class Lines:
    """Makes the lines. Topics are as wide as the longest so far, so that the columns come to rest."""

    def __init__(self, *, colours: bool) -> None:
        self._colours: Final = colours
        self._topic_cells = _LEAST_TOPIC

    def item(self, item: Item, width: int | None) -> str:
        """Time, topic, sequence, size, age, and what it says; cut to a width if there is one."""
        topic = printable(item.topic)
        most = max(_LEAST_TOPIC, width // 3) if width is not None else cell_len(topic)
        self._topic_cells = max(self._topic_cells, min(cell_len(topic), most))
        columns = [
            fitted(topic, self._topic_cells),
            f"{item.sequence or units.UNKNOWN:>7}",
            f"{units.size(item.size_bytes):>7}",
            f"{units.duration(item.age_s):>7} ",
            _said(item.message),
        ]
        return self._line(item.received_unix_ns, " ".join(columns), width)

    def gap(self, gap: Gap | Return, width: int | None) -> str:
        """What is missing before what comes next."""
        topic = printable(gap.topic)
        if isinstance(gap, Return):
            text = f"{topic} goes back from {gap.before} to {gap.now}"
            return self._painted(_cut(f"{_NO_TIME} {text}", width), _YELLOW)
        which = f"{gap.first}" if gap.missing == 1 else f"{gap.first} to {gap.last}"
        text = f"{topic} {gap.missing:,} missing ({which})"
        return self._painted(_cut(f"{_NO_TIME} {text}", width), _RED)

    def unreadable(self, unreadable: Unreadable, width: int | None) -> str:
        """What came that is no envelope."""
        text = f"unreadable, {units.size(unreadable.size_bytes)}: {printable(unreadable.why)}"
        return self._line(unreadable.received_unix_ns, text, width, _RED)

    def notice(self, text: str, width: int | None) -> str:
        """What happened to the stream."""
        return self._painted(_cut(f"{_NO_TIME} {printable(text)}", width), _YELLOW)

    def _line(self, unix_ns: int, text: str, width: int | None, code: str = "") -> str:
        moment = datetime.fromtimestamp(unix_ns / 1e9).astimezone()
        time = _cut(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}", width)
        rest = _cut(text, None if width is None else max(0, width - len(_NO_TIME) - 1)).rstrip()
        said = self._painted(rest, code) if code else rest
        return f"{self._painted(time, _DIM)} {said}" if rest else self._painted(time, _DIM)

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text


def _cut(text: str, width: int | None) -> str:
    return text if width is None or cell_len(text) <= width else fitted(text, width)


def _said(message: Message) -> str:
    """What an envelope holds, in short."""
    if isinstance(message, Frame):
        width, height = png_size(message.png_data)
        return f"{width} x {height}"
    value = json.dumps(data_of(message), ensure_ascii=False, separators=(",", ":"))
    payload_type = printable(payload_type_of(message.data))
    parts = [payload_type, printable(value), _tags(message.tags), _place(message.location)]
    return "  ".join(part for part in parts if part)


def _tags(tags: tuple[Tag, ...]) -> str:
    return printable(" ".join(f"#{tag.name}" + (f":{tag.variant}" if tag.variant else "") for tag in tags))


def _place(location: Location | None) -> str:
    if location is None:
        return ""
    place = f"@{location.x:g},{location.y:g},{location.z:g}"
    return f"{place} {printable(str(location.time))}" if location.time else place
