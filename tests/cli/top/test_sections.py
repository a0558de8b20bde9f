"""The lines of each table."""

from math import inf

import pytest
from rich.cells import cell_len

from beats.cli.top import sections
from beats.cli.top.model import table
from beats.cli.top.sections import Section, figures, wrapped
from beats.cli.top.view import View
from beats.kernel.stats import Playback
from tests.cli.top.answers import answer, client, sink, source, stats


def lines(section: Section) -> list[str]:
    return [line.plain.rstrip() for line in section.part(0, section.length)]


def test_a_source_shows_what_it_plays() -> None:
    """Where it is, how fast, and how often it has begun again."""
    playing = source("film", playback=Playback(30.0, 60.0, 2.0, paused=False, loops=0))
    paused = source("loop", playback=Playback(0.0, 60.0, inf, paused=True, loops=3))
    found = table(None, answer(stats([], [playing, paused])))
    assert lines(sections.sources(found, 80))[1::2] == [
        "  ▶ ███    30 s of 1:00  speed 2",
        "  ⏸        0 s of 1:00  speed max  loop 4",
    ]


def test_what_went_wrong_stands_below() -> None:
    """Red while it has not come back, in one line whatever it holds, cut where the terminal ends."""
    failed = source("a", state="failed", last_error="OSError: no\ndisk")
    back = sink("b", last_error="ValueError: " + "x" * 500, restarts=3)
    found = table(None, answer(stats([back], [failed])))
    section = sections.sources(found, 80)
    assert lines(section)[1] == r"  failed: OSError: no\ndisk"
    assert section.part(1, 2)[0].style == "bold red"
    last = sections.sinks(found, 80).part(1, 2)[0]
    assert last.plain.startswith("  last error: ValueError: xxx")
    assert last.plain.endswith("x…")
    assert cell_len(last.plain) == 80


def test_why_something_was_dropped_is_said_at_any_width() -> None:
    """In a column of its own where there is one, else below."""
    found = table(None, answer(stats([sink(clients=[client(1, drops=[("latest", 5)])])])))
    narrow, wide = sections.sinks(found, 80), sections.sinks(found, 200)
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
    """Which their names end in; whether it records comes first."""
    found = table(None, answer(stats([sink(figures=tuple(values.items()))])))
    assert figures(found.sinks[0]) == expected


def test_totals_among_the_figures_have_rates() -> None:
    """Once there are two answers; nothing is said of one that does not rise."""
    before = answer(
        stats([sink(figures=(("written_bytes_total", 1e6), ("files_total", 2), ("x_total", 1)))]), 0
    )
    now = answer(stats([sink(figures=(("written_bytes_total", 3e6), ("files_total", 2), ("x_total", 5)))]), 2)
    assert figures(table(before, now).sinks[0]) == ["written 3.0 MB (1.0 MB/s)", "files 2", "x 5 (2.0/s)"]


def test_figures_take_as_many_lines_as_they_need() -> None:
    """None is broken in the middle, and one that is longer than a line has its own."""
    assert list(wrapped(["aa", "bb", "cc"], 6)) == ["aa  bb", "cc"]
    assert list(wrapped(["a" * 9, "b"], 6)) == ["a" * 9, "b"]
    assert list(wrapped([], 6)) == []


def test_clients_are_in_the_order_that_was_chosen() -> None:
    """Those that missed most come first by default."""
    viewers = [client(1, drops=[("latest", 1)], at_s=-9), client(2, drops=[("latest", 5)]), client(3)]
    found = table(None, answer(stats([sink(clients=viewers)])))

    def order(view: View) -> list[str]:
        return [line.split(":")[0] for line in lines(sections.clients(found, 80, view))]

    assert order(View()) == ["10.0.0.2", "10.0.0.1", "10.0.0.3"]
    assert order(View(falling=False)) == ["10.0.0.3", "10.0.0.1", "10.0.0.2"]
    assert order(View(sorted_by="age"))[0] == "10.0.0.1"
    assert sections.clients(found, 80, View()).header.plain.count("dropped▼") == 1


def test_only_the_clients_that_are_seen_are_drawn() -> None:
    """Five thousand viewers cost what fits on a screen."""
    viewers = [client(number) for number in range(5000)]
    section = sections.clients(table(None, answer(stats([sink(clients=viewers)]))), 80, View())
    assert section.length == 5000
    assert [line.plain.split(":")[0] for line in section.part(4998, 5010)] == ["10.0.0.4998", "10.0.0.4999"]


@pytest.mark.parametrize("width", [1, 10, 20, 40, 80, 120, 200, 1000])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Not even on one that is next to nothing."""
    viewers = [client(number, drops=[("latest", 10**6)]) for number in range(3)]
    long = sink("n" * 300, clients=viewers, last_error="e" * 300, figures=(("free_bytes", 1.0),) * 1)
    found = table(None, answer(stats([long], [source("壁" * 100, last_error="f" * 300)])))
    for section in (
        sections.sources(found, width), sections.sinks(found, width), sections.clients(found, width, View())
    ):  # fmt: skip
        for line in (section.header, *section.part(0, section.length)):
            assert cell_len(line.plain) <= width
            assert line.no_wrap
