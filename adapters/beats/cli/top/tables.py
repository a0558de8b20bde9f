"""The tables: the chosen view, columns, and lines for a width. No I/O."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from rich.cells import cell_len
from rich.text import Text

from beats.cli.printable import printable
from beats.cli.top import grid
from beats.cli.top.grid import Cell, Column, Row
from beats.cli.top.model import ClientRow, Flow, PictureRow, SinkRow, SourceRow, Table
from beats.kernel.stats import Playback, SinkStats, SourceStats
from beats.kit import units

_Value = TypeVar("_Value", bound=float | str | None)

EVERYTHING: Final = "everything"
TABLES: Final = (EVERYTHING, "pictures", "sources", "sinks", "viewers")
KEYS: Final = "← → s sort  r reverse  ↑ ↓ space b g G scroll  Tab one table  ? less  q quit"
WORDS: Final = "age  of what is read   trip  round trip of a ping   online  since it came"
"""Columns whose headings are short."""
HINT: Final = "? keys  q quit"
_SORTING: Final = {"s": 1, ">": 1, "right": 1, "<": -1, "left": -1}
_LAST: Final = 1_000_000_000
"""An offset past the end, which drawing limits."""


class View(NamedTuple):
    """What a person has chosen to see."""

    table: str = EVERYTHING
    """One of `TABLES`."""
    sorted_by: str = "dropped"
    """The heading of the sort column of viewers."""
    falling: bool = True
    """Whether largest come first."""
    offset: int = 0
    """Number of lines above the first visible one."""
    help: bool = False
    """Whether the keys are listed, and the columns explained."""

    def pressed(self, key: str, columns: Mapping[str, bool], page: int) -> "View":
        """The view after a key was pressed.

        Args:
            key: from `keys.pressed`; unknown keys change nothing.
            columns: the headings of sort columns in order, each with whether largest come first by default.
            page: number of visible lines.
        """
        if key in _SORTING:
            headings = list(columns)
            at = headings.index(self.sorted_by) if self.sorted_by in columns else 0
            heading = headings[(at + _SORTING[key]) % len(headings)]
            return self._replace(sorted_by=heading, falling=columns[heading], offset=0)
        if key == "r":
            return self._replace(falling=not self.falling, offset=0)
        if key == "?":
            return self._replace(help=not self.help)
        if key == "\t":
            following = TABLES[(TABLES.index(self.table) + 1) % len(TABLES)]
            return self._replace(table=following, offset=0)
        steps = {"up": -1, "down": 1, "b": -page, " ": page, "g": -_LAST, "G": _LAST}
        return self._replace(offset=max(0, self.offset + steps.get(key, 0)))

    def within(self, lines: int, page: int) -> "View":
        """The view with its offset limited to existing lines."""
        return self._replace(offset=max(0, min(self.offset, lines - page)))


_STATES: Final = {"running": "green", "starting": "yellow", "failed": "bold red", "ended": "dim"}
_BAR_CELLS: Final = 6
_LEAST_BAR: Final = 16
"""A full bar is the most that ever waited, but at least this many."""
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_LOST: Final = "red"
_ASKED_FOR: Final = ("max_fps", "format")
"""The drop reasons of frames that a viewer has asked to skip, or cannot show."""
WHY: Final = "why dropped"


class SinkLine(NamedTuple):
    """A sink, or all its viewers together."""

    row: SinkRow
    flow: Flow
    of_viewers: bool


def bar(part: int, whole: int) -> str:
    """A bar of fixed width."""
    if whole <= 0:
        return " " * _BAR_CELLS
    eighths = round(min(1.0, part / whole) * _BAR_CELLS * 8)
    if part > 0:
        eighths = max(1, eighths)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR_CELLS)


def reasons(flow: Flow) -> str:
    """Drop reasons with amounts."""
    return ", ".join(f"{printable(reason)} {units.count(items)}" for reason, items in flow.why.items())


def _state(state: str) -> Cell:
    return Cell(printable(state), _STATES.get(state, ""))


def _queue(flow: Flow) -> Cell:
    style = "yellow" if flow.waiting and flow.waiting * 2 > max(flow.high_water, _LEAST_BAR) else ""
    full = max(flow.high_water, _LEAST_BAR)
    return Cell(f"{bar(flow.waiting, full)} {units.count(flow.waiting):>6}", style)


def lost(flow: Flow) -> int:
    """Drops that the viewer has not asked for: a viewer with `max_fps` is not slow."""
    return flow.dropped - sum(flow.why.get(reason, 0) for reason in _ASKED_FOR)


def _dropped(flow: Flow) -> Cell:
    return Cell(units.count(flow.dropped), _LOST if lost(flow) else "dim")


def _drop_rate(flow: Flow) -> Cell:
    return Cell(units.rate(flow.dropped_hz), f"bold {_LOST}" if flow.dropped_hz and lost(flow) else "dim")


def _restarts(number: int) -> Cell:
    return Cell(units.count(number), "yellow" if number else "dim")


PICTURES: Final = (
    Column[PictureRow](
        "picture", 12, 0, lambda row: Cell(printable(row.picture.topic)), grows=True, left=True
    ),
    Column[PictureRow]("/s", 6, 1, lambda row: Cell(units.rate(row.published_hz))),
    Column[PictureRow]("data/s", 7, 2, lambda row: Cell(units.size(row.published_bytes_hz))),
    Column[PictureRow]("published", 9, 3, lambda row: Cell(units.count(row.picture.published.items))),
)
SOURCES: Final = (
    Column[SourceRow]("source", 12, 0, lambda row: Cell(printable(row.source.name)), grows=True, left=True),
    Column[SourceRow]("state", 8, 1, lambda row: _state(row.source.state), left=True),
    Column[SourceRow]("/s", 6, 2, lambda row: Cell(units.rate(row.published_hz))),
    Column[SourceRow]("published", 9, 3, lambda row: Cell(units.count(row.source.published))),
    Column[SourceRow]("restarts", 8, 4, lambda row: _restarts(row.source.restarts)),
)


def _sink_name(line: SinkLine) -> Cell:
    if not line.of_viewers:
        return Cell(printable(line.row.sink.name))
    totals = line.row.sink.client_totals
    number = totals.connected if totals is not None else 0
    return Cell(f"  {units.counted(number, 'viewer')}", "dim")


def why(line: SinkLine) -> str:
    """Drop reasons of a sink or its viewers, and how many viewers were refused or disconnected."""
    totals = line.row.sink.client_totals
    said = [reasons(line.flow)]
    if line.of_viewers and totals is not None:
        ended = (
            (totals.refused, "refused"),
            (totals.stalled, "stalled"),
            (totals.overflowed, "overflowed"),
            (totals.flooded, "flooded"),
            (totals.silent, "silent"),
        )
        said += [f"{units.counted(number, 'viewer')} {how}" for number, how in ended if number]
        if totals.rejected_tokens:
            said.append(f"{units.count(totals.rejected_tokens)} tokens rejected")
    return "; ".join(each for each in said if each)


def _own(line: SinkLine, cell: Cell) -> Cell:
    """The cell for a sink; empty for all its viewers together."""
    return Cell("") if line.of_viewers else cell


def _sink_queue(line: SinkLine) -> Cell:
    if line.of_viewers:
        return Cell(f"{units.count(line.flow.waiting):>13}")
    return _queue(line.flow)


SINKS: Final = (
    Column[SinkLine]("sink", 12, 0, _sink_name, grows=True, left=True),
    Column[SinkLine]("state", 8, 1, lambda line: _own(line, _state(line.row.sink.state)), left=True),
    Column[SinkLine]("/s", 6, 2, lambda line: Cell(units.rate(line.flow.taken_hz))),
    Column[SinkLine]("data/s", 7, 7, lambda line: Cell(units.size(line.flow.taken_bytes_hz))),
    Column[SinkLine]("queue", 13, 4, _sink_queue),
    Column[SinkLine]("most", 6, 8, lambda line: _own(line, Cell(units.count(line.flow.high_water)))),
    Column[SinkLine]("dropped", 9, 3, lambda line: _dropped(line.flow)),
    Column[SinkLine]("drop/s", 6, 5, lambda line: _drop_rate(line.flow)),
    Column[SinkLine]("p50", 7, 9, lambda line: _own(line, Cell(units.duration(line.row.p50_s)))),
    Column[SinkLine]("p99", 7, 6, lambda line: _own(line, Cell(units.duration(line.row.p99_s)))),
    Column[SinkLine]("delivered", 9, 11, lambda line: Cell(units.count(line.flow.taken))),
    Column[SinkLine]("restarts", 8, 10, lambda line: _own(line, _restarts(line.row.sink.restarts))),
    Column[SinkLine](WHY, 24, 12, lambda line: Cell(why(line)), grows=True, left=True),
)


def _client_state(row: ClientRow) -> Cell:
    return Cell("behind", "yellow") if row.client.behind else Cell("live", "green")


def _by(
    heading: str,
    width: int,
    rank: int,
    value: Callable[[ClientRow], _Value],
    write: Callable[[_Value], str],
    *,
    grows: bool = False,
    left: bool = False,
) -> Column[ClientRow]:
    """A column that shows a value of each client and can sort by it."""
    return Column(heading, width, rank, lambda row: Cell(write(value(row))), value, grows, left)


CLIENTS: Final = (
    _by("viewer", 17, 0, lambda row: row.client.remote, printable, grows=True, left=True),
    Column[ClientRow]("state", 7, 1, _client_state, lambda row: row.client.behind, left=True),
    _by("/s", 6, 2, lambda row: row.flow.taken_hz, units.rate),
    _by("data/s", 7, 8, lambda row: row.flow.taken_bytes_hz, units.size),
    Column[ClientRow]("queue", 13, 4, lambda row: _queue(row.flow), lambda row: row.flow.waiting),
    _by("most", 6, 9, lambda row: row.flow.high_water, units.count),
    Column[ClientRow]("dropped", 9, 3, lambda row: _dropped(row.flow), lambda row: lost(row.flow)),
    Column[ClientRow]("drop/s", 7, 5, lambda row: _drop_rate(row.flow), lambda row: row.flow.dropped_hz),
    _by("online", 9, 6, lambda row: row.online_s, units.age),
    _by("age", 7, 13, lambda row: row.client.age_s, units.duration),
    _by("trip", 7, 14, lambda row: row.client.round_trip_s, units.duration),
    _by("class", 8, 7, lambda row: row.client.group, printable, left=True),
    _by("delivered", 10, 10, lambda row: row.flow.taken, units.count),
    _by("sink", 10, 11, lambda row: row.sink, printable, left=True),
    Column[ClientRow](WHY, 20, 12, lambda row: Cell(reasons(row.flow)), grows=True, left=True),
)
SORTABLE: Final = {
    column.heading: column.heading not in ("viewer", "class", "sink")
    for column in CLIENTS
    if column.key is not None
}
"""The sort columns of viewers, and whether largest come first by default."""


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
"""Formatters of figures by the ending of their name."""


class Section(NamedTuple):
    """One table."""

    header: Text
    length: int
    """Number of lines below the header."""
    part: Callable[[int, int], list[Text]]
    """Makes some of the lines: only visible ones are made."""


def pictures(table: Table, width: int) -> Section:
    """Each picture, by its topic."""
    columns = grid.fitting(PICTURES, width)
    sizes = grid.widths(columns, table.pictures, width)
    return _section(columns, sizes, [_line(columns, sizes, row) for row in table.pictures])


def sources(table: Table, width: int) -> Section:
    """Each source, followed by its playback, figures and error; then what producers gave up."""
    columns = grid.fitting(SOURCES, width)
    sizes = grid.widths(columns, table.sources, width)
    lines: list[Text] = []
    for row in table.sources:
        lines.append(_line(columns, sizes, row))
        if row.source.playback is not None:
            lines.append(_detail(_playback(row.source.playback), width))
        said = [_figure(name, value, None) for name, value in row.source.figures]
        lines += [_detail(text, width) for text in wrapped(said, width - len(_INDENT))]
        lines += _trouble(row.source, width)
    given_up = table.answer.stats.given_up
    if given_up:
        reasons = (f"{each.topic} {each.reason} {units.count(each.items)}" for each in given_up)
        lines.append(_detail(printable(f"given up before the bus: {', '.join(reasons)}"), width, _LOST))
    return _section(columns, sizes, lines)


def sinks(table: Table, width: int) -> Section:
    """Each sink, followed by its viewers, figures and error."""
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
    """The viewers of all sinks, in the chosen order."""
    columns = grid.fitting(CLIENTS, width, view.sorted_by)
    sizes = grid.widths(columns, table.clients, width)
    chosen = next((column for column in CLIENTS if column.heading == view.sorted_by), CLIENTS[0])
    rows = grid.in_order(table.clients, chosen, falling=view.falling)

    def part(start: int, stop: int) -> list[Text]:
        return [_line(columns, sizes, row) for row in rows[start:stop]]

    sign = "▼" if view.falling else "▲"
    return Section(grid.header(columns, sizes, view.sorted_by, sign), len(rows), part)


def figures(row: SinkRow) -> list[str]:
    """The figures of a sink, each with its name and formatted by its unit."""
    rest = dict(row.sink.figures)
    said: list[str] = []
    recording, idle = rest.pop(_RECORDING, None), rest.pop(_IDLE, None)
    if recording is not None:
        said.append("recording" if recording else "idle" if idle else "not recording")
    return said + [_figure(name, value, row.figures_hz.get(name)) for name, value in rest.items()]


def wrapped(phrases: Iterable[str], width: int) -> Iterator[str]:
    """The phrases on as many lines as needed, without breaking one."""
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
    speed = "max" if math.isinf(playback.speed) else f"{playback.speed:g}"
    loops = f"  loop {playback.loops + 1}" if playback.loops else ""
    return f"{sign} {done} {place}  speed {speed}{loops}"


def _trouble(part: SourceStats | SinkStats, width: int) -> Iterator[Text]:
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
