"""What is drawn, and what keys change."""

import pytest
from rich.cells import cell_len

from beats.cli.top import screen
from beats.cli.top.fetch import Answer
from beats.cli.top.model import Table
from beats.cli.top.tables import HINT, KEYS, TABLES, WORDS, View
from beats.kernel.stats import Amount, PictureStats
from tests.cli.top.answers import answer, client, sink, source, stats, table


def shown(clients: int = 3, sinks: int = 2, sources: int = 1) -> Table:
    viewers = [client(number) for number in range(clients)]
    all_sinks = [sink(clients=viewers), *(sink(f"void-{number}") for number in range(sinks - 1))]
    return table(None, answer(stats(all_sinks, [source(f"demo-{number}") for number in range(sources)])))


def plain(found: screen.Screen) -> list[str]:
    return [line.plain.rstrip() for line in found.lines]


def test_everything_is_on_a_small_terminal() -> None:
    """At 80 x 24: server, sources, sinks, clients, and the keys in the last line."""
    lines = plain(screen.draw(shown(), "wall:1", View(), "", 80, 24))
    assert len(lines) == 24
    assert lines[0] == "beats 0.1.0  studio  wall:1  up 1:40"
    assert [line.split()[0] for line in lines if line] == [
        "beats", "\u2013", "source", "demo-0", "sink", "browser", "3", "void-0", "viewer",
        "10.0.0.0:5000", "10.0.0.1:5000", "10.0.0.2:5000", "?",
    ]  # fmt: skip
    assert lines[-1] == HINT


@pytest.mark.parametrize("view", [View(table=name, help=help_) for name in TABLES for help_ in (False, True)])
@pytest.mark.parametrize("size", [(200, 50), (80, 24), (80, 10), (40, 8), (20, 3), (5, 2), (1, 1)])
@pytest.mark.parametrize("counts", [(0, 1, 0), (300, 2, 1), (3, 40, 40)])
def test_it_always_fits(view: View, size: tuple[int, int], counts: tuple[int, int, int]) -> None:
    """As many lines as the terminal has, none wider, in every view."""
    width, height = size
    for trouble in ("", "no answer for 3 s: Connection refused; again in 2 s"):
        found = screen.draw(shown(*counts), "wall:1", view, trouble, width, height)
        assert len(found.lines) == height
        assert all(cell_len(line.plain) <= width for line in found.lines)


def test_clients_are_scrolled_below_what_stays() -> None:
    """The last line shows the position, up to the last client; hidden sinks and sources are counted."""
    found = screen.draw(shown(300), "wall:1", View(), "", 80, 24)
    assert plain(found)[-1] == f"1 to {found.page} of 300  {HINT}"
    assert sum(line.startswith("10.") for line in plain(found)) == found.page
    moved = screen.draw(shown(300), "wall:1", View(offset=5), "", 80, 24)
    assert plain(moved)[-found.page - 1].startswith("10.0.0.5:")
    assert plain(moved)[:10] == plain(found)[:10]
    last = screen.draw(shown(300), "wall:1", View(offset=10**9), "", 80, 24)
    assert last.view.offset == 300 - found.page
    assert plain(last)[-2].startswith("10.0.0.299:")
    lines = plain(screen.draw(shown(3, 30, 30), "wall:1", View(), "", 80, 24))
    first = next(index for index, line in enumerate(lines) if line.startswith("viewer"))
    assert lines.index("  … 50 more lines: Tab") < first
    assert sum(line.startswith("10.") for line in lines) == 3
    alone = screen.draw(shown(3, 30, 30), "wall:1", View(table="sinks"), "", 80, 24)
    assert sum(line.startswith("void") for line in plain(alone)) == 17
    assert plain(alone)[-1] == f"1 to 19 of 31  {HINT}"


def test_each_of_several_pictures_has_its_own_rate() -> None:
    """By topic, above the sources; one picture alone is in the second line."""

    def at(count: int, at_s: float, *ids: str) -> Answer:
        amounts = [Amount(count // number, 1000 * count) for number, _ in enumerate(ids, 1)]
        pictures = [PictureStats(topic, amount) for topic, amount in zip(ids, amounts, strict=True)]
        return answer(stats([sink()], [source()], pictures=pictures), at_s)

    two = table(at(0, 0, "frame", "frame/cam"), at(120, 2, "frame", "frame/cam"))
    lines = plain(screen.draw(two, "wall:1", View(), "", 80, 24))
    start = next(number for number, line in enumerate(lines) if line.startswith("picture"))
    assert [line.split() for line in lines[start : start + 3]] == [
        ["picture", "/s", "data/s", "published"],
        ["frame", "60.0", "60", "kB", "120"],
        ["frame/cam", "30.0", "60", "kB", "60"],
    ]
    assert lines[start + 4].startswith("source")
    one = screen.draw(table(None, at(120, 2, "frame")), "wall:1", View(), "", 80, 24)
    assert not any(line.startswith("picture") for line in plain(one))
    alone = screen.draw(two, "wall:1", View(table="pictures"), "", 80, 24)
    assert plain(alone)[-1] == HINT


def test_what_is_old_is_dim_and_says_why() -> None:
    """So that it is not mistaken for current content."""
    found = screen.draw(shown(), "wall:1", View(), "no answer for 3 s: Connection refused", 80, 24)
    assert found.lines[-1].plain.rstrip() == f"no answer for 3 s: Connection refused  {HINT}"
    assert found.lines[-1].style == "bold red"
    assert all(any(span.style == "dim" for span in line.spans) for line in found.lines[:-1] if line.plain)
    assert plain(screen.draw(shown(), "", View(help=True), "no answer", 80, 24))[-2:] == [WORDS, KEYS]


def test_what_is_shown_while_waiting_and_in_print() -> None:
    """Address and problem before the first answer; a printed table has all clients, whatever the height."""
    lines = [line.plain.rstrip() for line in screen.waiting("wall:1", "no answer", 80, 24)]
    assert len(lines) == 24
    assert (lines[0], lines[-1]) == ("beats  wall:1", f"no answer  {HINT}")
    assert len(screen.waiting("wall:1", "no answer", 1, 1)) == 1
    lines = [line.plain.rstrip() for line in screen.whole(shown(300), "wall:1", View(), 80)]
    assert sum(line.startswith("10.") for line in lines) == 300
    assert HINT not in lines


COLUMNS = {"client": False, "dropped": True, "age": True}


def pressed(view: View, *keys: str) -> View:
    for key in keys:
        view = view.pressed(key, COLUMNS, 10)
    return view


@pytest.mark.parametrize(
    ("keys", "column", "falling"),
    [
        ("s", "age", True),
        ("ss", "client", False),
        ("<", "client", False),
        ("<<", "age", True),
        ("r", "dropped", False),
        ("rr", "dropped", True),
        ("rs", "age", True),
    ],
)
def test_sorting_goes_from_column_to_column(keys: str, column: str, falling: bool) -> None:
    """In a circle, each in its default order, which `r` reverses; `s` is `>`, and so are the arrows."""
    found = pressed(View(), *keys)
    assert (found.sorted_by, found.falling) == (column, falling)
    for other in ({"s": ">"}, {"s": "right", ">": "right", "<": "left"}):
        assert pressed(View(), *(other.get(key, key) for key in keys)) == found
    assert pressed(View(sorted_by="gone"), "s").sorted_by == "dropped"


def test_keys_scroll_as_far_as_there_is_something_to_see() -> None:
    """Arrows go by lines, Space and b by pages, g and G to the ends; another order or table is at its top."""
    view = View()
    assert pressed(view, "down", "down", "up").offset == 1
    assert pressed(view, "up").offset == pressed(view, "G", "g").offset == 0
    assert (pressed(view, " ", " ").offset, pressed(view, " ", " ", "b").offset) == (20, 10)
    assert pressed(view, "G").within(95, 10).offset == 85
    assert pressed(view, " ").within(5, 10).offset == 0
    assert [pressed(view, " ", key).offset for key in ("s", "r", "\t")] == [0, 0, 0]


def test_keys_change_what_is_shown() -> None:
    """Tab goes through the tables, `?` toggles the help; other keys and parts of sequences do nothing."""
    seen = [View()]
    for _ in TABLES:
        seen.append(pressed(seen[-1], "\t"))
    assert [view.table for view in seen] == [*TABLES, TABLES[0]]
    assert (pressed(View(), "?").help, pressed(View(), "?", "?").help) == (True, False)
    assert max(len(KEYS), len(WORDS)) <= 80
    for key in ("x", "\x1b", "[", "5", "~", "H", "F", "O", "P", "ä"):
        assert pressed(View(), key) == View()
