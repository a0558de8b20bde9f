"""The lines of each table, for a width."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.text import Text

from beats.cli.printable import printable
from beats.cli.top import grid
from beats.cli.top.answer import Playback, Sink, Source
from beats.cli.top.columns import CLIENTS, SINKS, SOURCES, WHY, SinkLine, bar, lost, why
from beats.cli.top.grid import Column, Row
from beats.cli.top.model import SinkRow, Table
from beats.cli.top.view import View
from beats.kit import units

_INDENT: Final = "  "
_RECORDING: Final = "recording"
_IDLE: Final = "idle"
_UNITS: Final[Mapping[str, Callable[[float], str]]] = {
    "_bytes_total": units.size,
    "_bytes": units.size,
    "_s": units.duration,
    "_total": units.count,
    "": "{:g}".format,
}
"""How a figure is written whose name ends so."""


class Section(NamedTuple):
    """One table."""

    header: Text
    length: int
    """Lines below the header."""
    part: Callable[[int, int], list[Text]]
    """Some of them; only those that are seen are made."""


def sources(table: Table, width: int) -> Section:
    """Each source, with what it plays and what is wrong with it below."""
    columns = grid.fitting(SOURCES, width)
    sizes = grid.widths(columns, table.sources, width)
    lines: list[Text] = []
    for row in table.sources:
        lines.append(_line(columns, sizes, row))
        if row.source.playback is not None:
            lines.append(_detail(_playback(row.source.playback), width))
        lines += _trouble(row.source, width)
    return _section(columns, sizes, lines)


def sinks(table: Table, width: int) -> Section:
    """Each sink, with its viewers, its figures and what is wrong with it below."""
    pairs = [(row, list(_sink_lines(row))) for row in table.sinks]
    columns = grid.fitting(SINKS, width)
    sizes = grid.widths(columns, [line for _, own in pairs for line in own], width)
    shows_why = any(column.heading == WHY for column in columns)
    lines: list[Text] = []
    for row, own in pairs:
        for line in own:
            lines.append(_line(columns, sizes, line))
            if not shows_why and (reasons := why(line)):
                indent = _INDENT if line.of_viewers else ""
                lines.append(
                    _detail(f"{indent}dropped: {reasons}", width, "red" if lost(line.flow) else "dim")
                )
        lines += [_detail(text, width) for text in wrapped(figures(row), width - len(_INDENT))]
        lines += _trouble(row.sink, width)
    return _section(columns, sizes, lines)


def clients(table: Table, width: int, view: View) -> Section:
    """The viewers of all sinks, in the order that was chosen."""
    columns = grid.fitting(CLIENTS, width, view.sorted_by)
    sizes = grid.widths(columns, table.clients, width)
    chosen = next((column for column in CLIENTS if column.heading == view.sorted_by), CLIENTS[0])
    rows = grid.in_order(table.clients, chosen, falling=view.falling)

    def part(start: int, stop: int) -> list[Text]:
        return [_line(columns, sizes, row) for row in rows[start:stop]]

    sign = "▼" if view.falling else "▲"
    return Section(grid.header(columns, sizes, view.sorted_by, sign), len(rows), part)


def figures(row: SinkRow) -> list[str]:
    """What a sink tells of itself: each figure by its name, in the unit at the name's end."""
    rest = dict(row.sink.figures)
    said: list[str] = []
    recording, idle = rest.pop(_RECORDING, None), rest.pop(_IDLE, None)
    if recording is not None:
        said.append("recording" if recording else "idle" if idle else "not recording")
    return said + [_figure(name, value, row.figures_hz.get(name)) for name, value in rest.items()]


def wrapped(phrases: Iterable[str], width: int) -> Iterator[str]:
    """The phrases in as many lines as they need, none of them broken."""
    line = ""
    for phrase in phrases:
        longer = f"{line}  {phrase}" if line else phrase
        if line and cell_len(longer) > width:
            yield line
            longer = phrase
        line = longer
    if line:
        yield line


def _figure(name: str, value: float, per_s: float | None) -> str:
    ending = next(ending for ending in _UNITS if name.endswith(ending))
    write = _UNITS[ending]
    words = printable(name.removesuffix(ending).replace("_", " "))
    text = f"{words} {write(value)}"
    if per_s:
        text += f" ({write(per_s) if ending == '_bytes_total' else units.rate(per_s)}/s)"
    return text


def _playback(playback: Playback) -> str:
    sign = "⏸" if playback.paused else "▶"
    place = f"{units.age(playback.position_s)} of {units.age(playback.duration_s)}"
    done = bar(round(playback.position_s * 1000), round(playback.duration_s * 1000))
    speed = "max" if playback.speed == "max" else f"{playback.speed:g}"
    loops = f"  loop {playback.loops + 1}" if playback.loops else ""
    return f"{sign} {done} {place}  speed {speed}{loops}"


def _trouble(part: Source | Sink, width: int) -> Iterator[Text]:
    if part.last_error:
        failed = part.state == "failed"
        text = f"{'failed' if failed else 'last error'}: {part.last_error}"
        yield _detail(printable(text), width, "bold red" if failed else "dim")


def _sink_lines(row: SinkRow) -> Iterator[SinkLine]:
    yield SinkLine(row, row.flow, of_viewers=False)
    if row.viewers is not None:
        yield SinkLine(row, row.viewers, of_viewers=True)


def _line(columns: list[Column[Row]], sizes: list[int], row: Row) -> Text:
    return grid.line(columns, sizes, [column.cell(row) for column in columns])


def _detail(text: str, width: int, style: str = "") -> Text:
    return Text(grid.fitted(_INDENT + text, width), style=style, no_wrap=True)


def _section(columns: list[Column[Row]], sizes: list[int], lines: list[Text]) -> Section:
    def part(start: int, stop: int) -> list[Text]:
        return lines[start:stop]

    return Section(grid.header(columns, sizes, None, ""), len(lines), part)
