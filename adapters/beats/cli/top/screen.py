"""Lays out what `beats top` shows, for a width and a height. No I/O."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from rich.text import Text

from beats.cli.printable import printable
from beats.cli.top import grid, tables
from beats.cli.top.model import Table
from beats.cli.top.tables import EVERYTHING, HINT, KEYS, WORDS, Section, View
from beats.kit import units

_AROUND: Final = 3
"""Fixed lines: two at the top, one at the bottom."""
_LEAST_CLIENTS: Final = 5
"""Lines reserved for clients if there are any, including a blank line and the header."""


class Screen(NamedTuple):
    """A drawn screen."""

    lines: list[Text]
    view: View
    """The requested view, with its offset limited to existing lines."""
    page: int
    """Lines scrolled at once."""


def draw(table: Table, place: str, view: View, trouble: str, width: int, height: int) -> Screen:
    """Draw the whole screen.

    Args:
        table: the content.
        place: the server's address.
        view: the requested view.
        trouble: why there is no newer answer; empty if there is no problem.
        width: of the terminal, in cells.
        height: of the terminal, in lines.
    """
    lines = list(head(table, place, width))
    room = max(1, height - _AROUND)
    if view.table == EVERYTHING:
        body, section, page = _everything(table, view, width, room)
    else:
        section, page = _one(table, view, width), max(1, room - 2)
        body = [Text()]
    view = view.within(section.length, page)
    body += [section.header, *section.part(view.offset, view.offset + page)]
    lines += body[:room]
    lines += [Text()] * (height - 1 - len(lines))
    seen = f"{view.offset + 1} to {min(section.length, view.offset + page)} of {section.length}  "
    if trouble:  # the content is outdated
        for line in lines:
            line.stylize("dim")
    foot = _foot(seen if section.length > page else "", view, trouble, width)
    if view.help and height > 2:
        lines[height - 2] = Text(grid.fitted(WORDS, width), "dim", no_wrap=True)
    return Screen([*lines[: height - 1], foot], view, page)


def whole(table: Table, place: str, view: View, width: int) -> list[Text]:
    """All lines, without limit."""
    lines = list(head(table, place, width))
    for section in (*_upper(table, width), tables.clients(table, width, view)):
        lines += [Text(), section.header, *section.part(0, section.length)]
    return lines


def waiting(place: str, trouble: str, width: int, height: int) -> list[Text]:
    """The screen before the first answer."""
    text = Text(grid.fitted(f"beats  {place}", width), "bold", no_wrap=True)
    lines = [text, *[Text()] * (height - 2), _foot("", View(), trouble, width)]
    return lines[-height:]


def head(table: Table, place: str, width: int) -> Iterator[Text]:
    """The two lines at the top."""
    answer = table.answer
    name = printable(f"beats {answer.beats}  {answer.profile}  {place}  up {units.age(table.up_s)}")
    yield Text(grid.fitted(name, width), "bold", no_wrap=True)
    clients = sum(sink.client_totals.connected for sink in answer.stats.sinks if sink.client_totals)
    process = answer.process
    of = printable(f"{process.name} ") if process.name else ""
    said = [
        f"{units.rate(table.frames_hz)} frames/s",
        f"{units.rate(table.updates_hz)} updates/s",
        units.counted(clients, "viewer"),
        f"{of}cpu {units.UNKNOWN if table.cpu is None else f'{table.cpu * 100:.0f} %'}",
        f"memory {units.size(process.rss_bytes)}",
    ]
    if process.open_files is not None:
        said.append(f"{units.count(process.open_files)} files")
    yield Text(grid.fitted("  ".join(said), width), no_wrap=True)


def _everything(table: Table, view: View, width: int, room: int) -> tuple[list[Text], Section, int]:
    """The lines above the clients, the clients, and how many of them fit."""
    upper: list[Text] = []
    for section in _upper(table, width):
        upper += [Text(), section.header, *section.part(0, section.length)]
    most = max(1, room - (_LEAST_CLIENTS if table.clients else 2))
    if len(upper) > most:
        hidden = len(upper) - most + 1
        upper[most - 1 :] = [Text(grid.fitted(f"  … {hidden} more lines: Tab", width), "dim")]
    return [*upper, Text()], tables.clients(table, width, view), max(1, room - len(upper) - 2)


def _upper(table: Table, width: int) -> Iterator[Section]:
    """What is above the clients. The rate of a single picture is at the top already."""
    if len(table.pictures) > 1:
        yield tables.pictures(table, width)
    yield tables.sources(table, width)
    yield tables.sinks(table, width)


def _one(table: Table, view: View, width: int) -> Section:
    if view.table == "viewers":
        return tables.clients(table, width, view)
    sections = {"pictures": tables.pictures, "sources": tables.sources, "sinks": tables.sinks}
    return sections[view.table](table, width)


def _foot(text: str, view: View, trouble: str, width: int) -> Text:
    """The last line: keys, a problem, or the visible range."""
    if view.help:
        return Text(grid.fitted(KEYS, width), "dim", no_wrap=True)
    if trouble:
        return Text(grid.fitted(f"{trouble}  {HINT}", width), "bold red", no_wrap=True)
    return Text(grid.fitted(f"{text}{HINT}", width), "dim", no_wrap=True)
