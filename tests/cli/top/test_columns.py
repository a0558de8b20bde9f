"""What stands in the columns."""

from typing import Any

import pytest
from rich.cells import cell_len

from beats.cli.top.answer import Answer
from beats.cli.top.columns import CLIENTS, SINKS, SORTABLE, SOURCES, SinkLine, bar, lost, why
from beats.cli.top.grid import Cell
from beats.cli.top.model import Table, table
from tests.cli.top.answers import answer, client, queue, sink, source, stats


def shown(before: int, now: int, **of_client: Any) -> Table:
    """A server that has delivered so much."""

    def at(count: int, at_s: float) -> Answer:
        fields: dict[str, Any] = {"taken": count, **of_client}
        viewer = client(1, **fields)
        return answer(
            stats([sink(clients=[viewer], queue=queue(taken=count))], [source(published=count)]), at_s
        )

    first, second = at(before, 0), at(now, 1)
    return table(first, second)


def client_cells(found: Table) -> dict[str, Cell]:
    return {column.heading: column.cell(found.clients[0]) for column in CLIENTS}


def sink_cells(found: Table, *, of_viewers: bool = False) -> dict[str, Cell]:
    row = found.sinks[0]
    flow = row.viewers if of_viewers else row.flow
    assert flow is not None
    return {column.heading: column.cell(SinkLine(row, flow, of_viewers)) for column in SINKS}


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (0, 10, ""),
        (1, 1000, "▏"),
        (5, 10, "███"),
        (1, 16, "▍"),
        (10, 10, "██████"),
        (99, 10, "██████"),
        (3, 0, ""),
    ],
)
def test_a_bar_is_as_long_as_its_part(part: int, whole: int, expected: str) -> None:
    """Always in six cells; whatever is there is seen, and more than the whole is no more than full."""
    found = bar(part, whole)
    assert found.rstrip() == expected
    assert cell_len(found) == 6


def test_a_client_is_shown_with_what_it_gets_and_misses() -> None:
    """Rates, queue, drops and age."""
    cells = client_cells(
        shown(100, 160, behind=True, waiting=8, high_water=32, drops=[("latest", 3)], at_s=-60)
    )
    plain = {heading: cell.text for heading, cell in cells.items()}
    assert plain == {
        "client": "10.0.0.1:5000", "state": "behind", "/s": "60.0", "data/s": "600 B",
        "queue": "█▌          8", "most": "32", "dropped": "3", "drop/s": "0",
        "age": "1:01", "class": "full", "delivered": "160", "sink": "browser", "why dropped": "latest 3",
    }  # fmt: skip
    assert (cells["state"].style, cells["dropped"].style) == ("yellow", "red")


def test_frames_that_a_viewer_did_not_want_are_no_loss() -> None:
    """They are counted and shown, but neither red nor what the viewer is known by when sorting."""
    cells = client_cells(shown(0, 1, group="thinned", drops=[("max_fps", 500)]))
    assert (cells["dropped"].text, cells["dropped"].style) == ("500", "dim")
    found = shown(0, 1, drops=[("max_fps", 500), ("latest", 2)])
    assert lost(found.clients[0].flow) == 2
    column = next(column for column in CLIENTS if column.heading == "dropped")
    assert column.key is not None
    assert column.key(found.clients[0]) == 2


def test_a_sink_is_shown_with_its_viewers_below() -> None:
    """Together they have no state, bar or latency; how many did not come in or stay is among the reasons."""
    found = shown(0, 50, drops=[("drop_oldest", 7)])
    assert sink_cells(found)["sink"].text == "browser"
    cells = sink_cells(found, of_viewers=True)
    assert (cells["sink"].text, cells["state"].text, cells["p99"].text) == ("  1 client", "", "")
    assert (cells["/s"].text, cells["dropped"].text) == ("50.0", "7")
    row = found.sinks[0]
    assert row.sink.client_totals is not None
    totals = row.sink.client_totals.model_copy(
        update={"refused": 3, "stalled": 1200, "flooded": 1, "rejected_tokens": 7}
    )
    row = row._replace(sink=row.sink.model_copy(update={"client_totals": totals}))
    assert row.viewers is not None
    assert (
        why(SinkLine(row, row.viewers, of_viewers=True))
        == "drop_oldest 7; 3 clients refused; 1,200 clients stalled; 1 clients flooded; 7 tokens rejected"
    )


@pytest.mark.parametrize(
    ("state", "style"),
    [("running", "green"), ("failed", "bold red"), ("starting", "yellow"), ("ended", "dim"), ("new\x1b", "")],
)
def test_states_have_colours(state: str, style: str) -> None:
    """One that is not known has none, and does no harm."""
    found = table(None, answer(stats([], [source(state=state)])))
    cell = SOURCES[1].cell(found.sources[0])
    assert cell == Cell(state.replace("\x1b", r"\x1b"), style)


def test_names_of_others_are_printable() -> None:
    """No column lets anything through that a terminal would obey."""
    evil = "\x1b[2J\u202e"
    viewer = client(1, group=evil, drops=[(evil, 1)])._replace(remote=evil)
    found = table(None, answer(stats([sink(evil, clients=[viewer])], [source(evil)])))
    row = found.sinks[0]
    cells = [column.cell(SinkLine(row, row.flow, of_viewers=False)) for column in SINKS]
    cells += [column.cell(found.clients[0]) for column in CLIENTS]
    cells += [column.cell(found.sources[0]) for column in SOURCES]
    assert all(cell.text.isprintable() for cell in cells)
    assert sum(r"\x1b[2J" in cell.text for cell in cells) == 6


def test_headings_fit_their_columns_with_the_sign_of_sorting() -> None:
    """And what clients can be sorted by has an order that is usual for it."""
    for column in (*SOURCES, *SINKS):
        assert len(column.heading) <= column.width
    for of_clients in CLIENTS:
        can_be = of_clients.key is not None
        assert len(of_clients.heading) + can_be <= of_clients.width
        assert (of_clients.heading in SORTABLE) == can_be
    assert (SORTABLE["dropped"], SORTABLE["client"]) == (True, False)
