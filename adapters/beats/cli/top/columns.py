"""The columns of each table, what stands in them, and what they are sorted by."""

from typing import Final, NamedTuple

from beats.cli.printable import printable
from beats.cli.top.grid import Cell, Column
from beats.cli.top.model import ClientRow, Flow, SinkRow, SourceRow
from beats.kit import units

_STATES: Final = {"running": "green", "starting": "yellow", "failed": "bold red", "ended": "dim"}
_BAR_CELLS: Final = 6
_LEAST_BAR: Final = 16
"""A whole bar is the most that ever waited; where that was next to nothing, so many."""
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_LOST: Final = "red"
_ASKED_FOR: Final = "max_fps"
"""The reason of what a viewer itself wanted to miss."""
WHY: Final = "why dropped"


class SinkLine(NamedTuple):
    """A sink, or all of its viewers together."""

    row: SinkRow
    flow: Flow
    of_viewers: bool


def bar(part: int, whole: int) -> str:
    """How much of a whole there is: a bar of fixed width."""
    if whole <= 0:
        return " " * _BAR_CELLS
    eighths = round(min(1.0, part / whole) * _BAR_CELLS * 8)
    if part > 0:
        eighths = max(1, eighths)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR_CELLS)


def reasons(flow: Flow) -> str:
    """Why something was dropped, with how much."""
    return ", ".join(f"{printable(reason)} {units.count(items)}" for reason, items in flow.why.items())


def _state(state: str) -> Cell:
    return Cell(printable(state), _STATES.get(state, ""))


def _queue(flow: Flow) -> Cell:
    style = "yellow" if flow.waiting and flow.waiting * 2 > max(flow.high_water, _LEAST_BAR) else ""
    full = max(flow.high_water, _LEAST_BAR)
    return Cell(f"{bar(flow.waiting, full)} {units.count(flow.waiting):>6}", style)


def lost(flow: Flow) -> int:
    """What was dropped without having been asked for: a viewer that wants few frames a second is not slow."""
    return flow.dropped - flow.why.get(_ASKED_FOR, 0)


def _dropped(flow: Flow) -> Cell:
    return Cell(units.count(flow.dropped), _LOST if lost(flow) else "dim")


def _drop_rate(flow: Flow) -> Cell:
    return Cell(units.rate(flow.dropped_hz), f"bold {_LOST}" if flow.dropped_hz and lost(flow) else "dim")


def _restarts(number: int) -> Cell:
    return Cell(units.count(number), "yellow" if number else "dim")


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
    return Cell(f"  {units.count(number)} client{'' if number == 1 else 's'}", "dim")


def why(line: SinkLine) -> str:
    """Why a sink, or its viewers, missed something, and how many viewers did not come in or stay."""
    totals = line.row.sink.client_totals
    said = [reasons(line.flow)]
    if line.of_viewers and totals is not None:
        ended = (
            (totals.refused, "refused"),
            (totals.stalled, "stalled"),
            (totals.overflowed, "overflowed"),
            (totals.flooded, "flooded"),
        )
        said += [f"{units.count(number)} clients {how}" for number, how in ended if number]
        if totals.rejected_tokens:
            said.append(f"{units.count(totals.rejected_tokens)} tokens rejected")
    return "; ".join(each for each in said if each)


def _own(line: SinkLine, cell: Cell) -> Cell:
    """What a sink has, and all of its viewers together have not."""
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


CLIENTS: Final = (
    Column[ClientRow](
        "client",
        17,
        0,
        lambda row: Cell(printable(row.client.remote)),
        lambda row: row.client.remote,
        grows=True,
        left=True,
    ),
    Column[ClientRow]("state", 7, 1, _client_state, lambda row: row.client.behind, left=True),
    Column[ClientRow](
        "/s", 6, 2, lambda row: Cell(units.rate(row.flow.taken_hz)), lambda row: row.flow.taken_hz
    ),
    Column[ClientRow](
        "data/s",
        7,
        8,
        lambda row: Cell(units.size(row.flow.taken_bytes_hz)),
        lambda row: row.flow.taken_bytes_hz,
    ),
    Column[ClientRow]("queue", 13, 4, lambda row: _queue(row.flow), lambda row: row.flow.waiting),
    Column[ClientRow](
        "most", 6, 9, lambda row: Cell(units.count(row.flow.high_water)), lambda row: row.flow.high_water
    ),
    Column[ClientRow]("dropped", 9, 3, lambda row: _dropped(row.flow), lambda row: lost(row.flow)),
    Column[ClientRow]("drop/s", 7, 5, lambda row: _drop_rate(row.flow), lambda row: row.flow.dropped_hz),
    Column[ClientRow]("age", 9, 6, lambda row: Cell(units.age(row.age_s)), lambda row: row.age_s),
    Column[ClientRow](
        "class", 8, 7, lambda row: Cell(printable(row.client.group)), lambda row: row.client.group, left=True
    ),
    Column[ClientRow](
        "delivered", 10, 10, lambda row: Cell(units.count(row.flow.taken)), lambda row: row.flow.taken
    ),
    Column[ClientRow]("sink", 10, 11, lambda row: Cell(printable(row.sink)), lambda row: row.sink, left=True),
    Column[ClientRow](WHY, 20, 12, lambda row: Cell(reasons(row.flow)), grows=True, left=True),
)
SORTABLE: Final = {
    column.heading: column.heading not in ("client", "class", "sink")
    for column in CLIENTS
    if column.key is not None
}
"""What clients can be sorted by, and whether the largest come first then."""
