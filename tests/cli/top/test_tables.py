"""Columns and lines of the tables."""

from dataclasses import replace
from math import inf
from typing import Any

import pytest
from rich.cells import cell_len

from beats.cli.top import tables
from beats.cli.top.fetch import Answer
from beats.cli.top.grid import Cell
from beats.cli.top.model import Table
from beats.cli.top.tables import (
    CLIENTS,
    SINKS,
    SORTABLE,
    SOURCES,
    Section,
    SinkLine,
    View,
    bar,
    figures,
    lost,
    why,
    wrapped,
)
from beats.kernel.stats import GivenUp, Playback
from beats.kit.units import UNKNOWN
from tests.cli.top.answers import answer, client, queue, sink, source, stats, table


def shown(before: int, now: int, **of_client: Any) -> Table:
    """A server that has delivered so much."""

    def at(count: int, at_s: float) -> Answer:
        fields: dict[str, Any] = {"taken": count, **of_client}
        viewer = client(1, **fields)
        browser = sink(clients=[viewer], queue=queue(taken=count))
        return answer(stats([browser], [source(published=count)]), at_s)

    return table(at(before, 0), at(now, 1))


def client_cells(found: Table) -> dict[str, Cell]:
    return {column.heading: column.cell(found.clients[0]) for column in CLIENTS}


def sink_cells(found: Table, *, of_viewers: bool = False) -> dict[str, Cell]:
    row = found.sinks[0]
    flow = row.viewers if of_viewers else row.flow
    assert flow is not None
    return {column.heading: column.cell(SinkLine(row, flow, of_viewers)) for column in SINKS}


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(0, 10, ""), (1, 1000, "▏"), (5, 10, "███"), (1, 16, "▍"), (99, 10, "██████"), (3, 0, "")],
)
def test_a_bar_is_as_long_as_its_part(part: int, whole: int, expected: str) -> None:
    """Always in six cells; whatever is there is seen, and more than the whole is no more than full."""
    found = bar(part, whole)
    assert found.rstrip() == expected
    assert cell_len(found) == 6


def test_a_client_is_shown_with_what_it_gets_and_misses() -> None:
    """Rates, queue, drops and age; frames that it did not want are counted, but neither red nor sorted by."""
    found = shown(100, 160, behind=True, waiting=8, high_water=32, drops=[("latest", 3)], at_s=-60)
    (row,) = found.clients
    cells = client_cells(found._replace(clients=[row._replace(client=replace(row.client, age_s=0.25))]))
    plain = {heading: cell.text for heading, cell in cells.items()}
    assert plain == {
        "viewer": "10.0.0.1:5000", "state": "behind", "/s": "60.0", "data/s": "600 B",
        "queue": "█▌          8", "most": "32", "dropped": "3", "drop/s": "0",
        "online": "1:01", "age": "250 ms", "trip": UNKNOWN, "class": "full",
        "delivered": "160", "sink": "browser", "why dropped": "latest 3",
    }  # fmt: skip
    assert (cells["state"].style, cells["dropped"].style) == ("yellow", "red")
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
    assert (cells["sink"].text, cells["state"].text, cells["p99"].text) == ("  1 viewer", "", "")
    assert (cells["/s"].text, cells["dropped"].text) == ("50.0", "7")
    row = found.sinks[0]
    assert row.sink.client_totals is not None
    totals = replace(row.sink.client_totals, refused=3, stalled=1200, flooded=1, silent=2, rejected_tokens=7)
    row = row._replace(sink=replace(row.sink, client_totals=totals))
    assert row.viewers is not None
    ended = "3 viewers refused; 1,200 viewers stalled; 1 viewer flooded; 2 viewers silent; 7 tokens rejected"
    said = f"drop_oldest 7; {ended}"
    assert why(SinkLine(row, row.viewers, of_viewers=True)) == said


@pytest.mark.parametrize(
    ("state", "style"),
    [("running", "green"), ("failed", "bold red"), ("starting", "yellow"), ("ended", "dim"), ("new\x1b", "")],
)
def test_states_have_colours(state: str, style: str) -> None:
    """An unknown state has none."""
    found = table(None, answer(stats([], [source(state=state)])))
    cell = SOURCES[1].cell(found.sources[0])
    assert cell == Cell(state.replace("\x1b", r"\x1b"), style)


def test_names_of_others_are_printable() -> None:
    """No column shows control characters."""
    evil = "\x1b[2J\u202e"
    viewer = replace(client(1, group=evil, drops=[(evil, 1)]), remote=evil)
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
    assert (SORTABLE["dropped"], SORTABLE["viewer"]) == (True, False)


def lines(section: Section) -> list[str]:
    return [line.plain.rstrip() for line in section.part(0, section.length)]


def test_a_source_shows_what_it_plays_and_what_went_wrong() -> None:
    """Its position, speed and loops; below that what went wrong, red while it lasts, in one line."""
    playing = source("film", playback=Playback(30.0, 60.0, 2.0, paused=False, loops=0))
    paused = source("loop", playback=Playback(0.0, 60.0, inf, paused=True, loops=3))
    found = table(None, answer(stats([], [playing, paused])))
    assert lines(tables.sources(found, 80))[1::2] == [
        "  ▶ ███    30 s of 1:00  speed 2",
        "  ⏸        0 s of 1:00  speed max  loop 4",
    ]
    failed = source("a", state="failed", last_error="OSError: no\ndisk")
    back = sink("b", last_error="ValueError: " + "x" * 500, restarts=3)
    found = table(None, answer(stats([back], [failed])))
    section = tables.sources(found, 80)
    assert lines(section)[1] == r"  failed: OSError: no\ndisk"
    assert section.part(1, 2)[0].style == "bold red"
    last = tables.sinks(found, 80).part(1, 2)[0]
    assert last.plain.startswith("  last error: ValueError: xxx")
    assert last.plain.endswith("x…")
    assert cell_len(last.plain) == 80


def test_a_source_shows_its_figures() -> None:
    """As those of a sink, in as many lines as they need."""
    measured = source("room", figures=(("connected", 1.0), ("messages_total", 1200.0)))
    found = table(None, answer(stats([], [measured])))
    assert lines(tables.sources(found, 80))[1:] == ["  connected 1  messages 1,200"]
    assert lines(tables.sources(found, 20))[1:] == ["  connected 1", "  messages 1,200"]


def test_what_producers_gave_up_is_below_the_sources() -> None:
    """By topic and reason, also where there is no source: the program is a producer too."""
    counts = (GivenUp("encoder", "frame/cam-1", 1200), GivenUp("failed", "frame", 1))
    found = table(None, answer(replace(stats([], []), given_up=counts)))
    assert lines(tables.sources(found, 90)) == [
        "  given up before the bus: frame/cam-1 encoder 1,200, frame failed 1"
    ]


def test_why_something_was_dropped_is_said_at_any_width() -> None:
    """In its column if there is room, otherwise below."""
    found = table(None, answer(stats([sink(clients=[client(1, drops=[("latest", 5)])])])))
    narrow, wide = tables.sinks(found, 80), tables.sinks(found, 200)
    assert lines(narrow)[-1] == "    dropped: latest 5"
    assert "why dropped" not in narrow.header.plain
    assert wide.length == 2
    assert lines(wide)[-1].endswith("latest 5")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"recording": 1}, ["recording"]),
        ({"recording": 0, "idle": 1}, ["idle"]),
        ({"recording": 0, "idle": 0}, ["not recording"]),
        ({"free_bytes": 83.5e9, "recording": 1}, ["recording", "free 84 GB"]),
        ({"unflushed_age_s": 0.25, "files_total": 3}, ["unflushed age 250 ms", "files 3"]),
        ({"connected": 1, "lag": 2.5}, ["connected 1", "lag 2.5"]),
        ({"\x1b[2J_bytes": 5}, [r"\x1b[2J 5 B"]),
    ],
)
def test_figures_are_written_in_their_units(values: dict[str, float], expected: list[str]) -> None:
    """From the endings of their names; whether it records comes first."""
    found = table(None, answer(stats([sink(figures=tuple(values.items()))])))
    assert figures(found.sinks[0]) == expected


def test_figures_have_rates_and_as_many_lines_as_they_need() -> None:
    """With two answers, if they rise; figures are not broken, and a long one has its own line."""

    def at(written: float, x: int, at_s: float) -> Answer:
        totals = (("written_bytes_total", written), ("files_total", 2), ("x_total", x))
        return answer(stats([sink(figures=totals)]), at_s)

    found = table(at(1e6, 1, 0), at(3e6, 5, 2))
    assert figures(found.sinks[0]) == [
        "written 3.0 MB (1.0 MB/s)",
        "files 2",
        "x 5 (2.0/s)",
    ]
    assert list(wrapped(["aa", "bb", "cc"], 6)) == ["aa  bb", "cc"]
    assert list(wrapped(["a" * 9, "b"], 6)) == ["a" * 9, "b"]
    assert list(wrapped([], 6)) == []


def test_clients_are_in_the_order_that_was_chosen() -> None:
    """Those with most drops come first by default."""
    viewers = [client(1, drops=[("latest", 1)], at_s=-9), client(2, drops=[("latest", 5)]), client(3)]
    found = table(None, answer(stats([sink(clients=viewers)])))

    def order(view: View) -> list[str]:
        return [line.split(":")[0] for line in lines(tables.clients(found, 80, view))]

    assert order(View()) == ["10.0.0.2", "10.0.0.1", "10.0.0.3"]
    assert order(View(falling=False)) == ["10.0.0.3", "10.0.0.1", "10.0.0.2"]
    assert order(View(sorted_by="online"))[0] == "10.0.0.1"
    assert tables.clients(found, 80, View()).header.plain.count("dropped▼") == 1


def test_only_the_clients_that_are_seen_are_drawn() -> None:
    """Five thousand viewers cost what fits on a screen."""
    viewers = [client(number) for number in range(5000)]
    section = tables.clients(table(None, answer(stats([sink(clients=viewers)]))), 80, View())
    assert section.length == 5000
    assert [line.plain.split(":")[0] for line in section.part(4998, 5010)] == ["10.0.0.4998", "10.0.0.4999"]


@pytest.mark.parametrize("width", [1, 10, 20, 40, 80, 120, 200, 1000])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Even on a very small terminal."""
    viewers = [client(number, drops=[("latest", 10**6)]) for number in range(3)]
    long = sink("n" * 300, clients=viewers, last_error="e" * 300, figures=(("free_bytes", 1.0),) * 1)
    found = table(None, answer(stats([long], [source("壁" * 100, last_error="f" * 300)])))
    for section in (
        tables.sources(found, width), tables.sinks(found, width), tables.clients(found, width, View())
    ):  # fmt: skip
        for line in (section.header, *section.part(0, section.length)):
            assert cell_len(line.plain) <= width
            assert line.no_wrap
