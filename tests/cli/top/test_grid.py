"""Columns within a width."""

import pytest
from rich.cells import cell_len

from beats.cli.top import grid
from beats.cli.top.grid import Cell, Column

Row = dict[str, float | str | None]


def column(heading: str, width: int, rank: int, *, grows: bool = False) -> Column[Row]:
    def cell(row: Row) -> Cell:
        return Cell(str(row.get(heading, "")))

    return Column(heading, width, rank, cell, lambda row: row.get(heading), grows=grows, left=grows)


NAME, WHY = column("name", 6, 0, grows=True), column("why", 8, 3, grows=True)
RATE, AGE = column("rate", 5, 2), column("age", 4, 1)
ALL = (NAME, RATE, AGE, WHY)
NO_ROWS: list[Row] = []


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (26, "name rate age why"),
        (25, "name rate age"),
        (17, "name rate age"),
        (16, "name age"),
        (11, "name age"),
        (10, "name"),
        (5, ""),
    ],
)
def test_the_most_important_columns_are_shown_in_their_order(width: int, shown: str) -> None:
    """A column is shown whole or not at all."""
    assert " ".join(each.heading for each in grid.fitting(ALL, width)) == shown


def test_the_sort_column_is_shown_and_spare_width_is_used() -> None:
    """Or the order would not be visible. Spare width goes to columns that grow, the most important first."""
    assert [each.heading for each in grid.fitting(ALL, 16, "why")] == ["name", "why"]
    rows: list[Row] = [{"name": "ten" * 3, "why": "a" * 20}, {"name": "b"}]
    long: list[Row] = [{"name": "n" * 500}]
    assert grid.widths(ALL, rows, 100) == [9, 5, 4, 20]
    assert grid.widths(ALL, rows, 40) == [9, 5, 4, 19]
    assert grid.widths(ALL, rows, 26) == [6, 5, 4, 8]
    assert grid.widths(ALL, NO_ROWS, 100) == [6, 5, 4, 8]
    assert grid.widths((NAME,), long, 300) == [60]


@pytest.mark.parametrize(
    ("text", "width", "right", "expected"),
    [
        ("abc", 5, False, "abc  "),
        ("abc", 5, True, "  abc"),
        ("abcdef", 5, True, "abcd…"),
        ("壁の時計", 5, False, "壁の…"),
        ("壁の時計", 4, False, "壁 …"),
        ("abc", 1, False, "…"),
        ("abc", 0, False, ""),
    ],
)
def test_a_text_takes_exactly_its_cells(text: str, width: int, right: bool, expected: str) -> None:
    """Even with characters two cells wide; cut text is marked."""
    found = grid.fitted(text, width, right=right)
    assert found == expected
    assert cell_len(found) == width


def test_a_line_is_as_wide_as_its_columns() -> None:
    """One blank between columns, text left, numbers right; the header has a sign for the order."""
    cells = [each.cell({"name": "demo", "rate": 5, "age": 12345}) for each in ALL]
    line = grid.line(ALL, [6, 5, 4, 8], cells)
    assert line.plain == "demo       5 123…         "
    assert line.no_wrap
    assert grid.header((RATE, AGE), [6, 4], "rate", "▼").plain == " rate▼  age"


def test_rows_are_in_order_and_equals_stay() -> None:
    """In both directions, and rows without a value come last."""
    rows: list[Row] = [
        {"name": name, "rate": rate} for name, rate in [("a", 1), ("b", None), ("c", 2), ("d", 1)]
    ]
    falling = grid.in_order(rows, RATE, falling=True)
    rising = grid.in_order(rows, RATE, falling=False)
    assert [row["name"] for row in falling] == ["c", "a", "d", "b"]
    assert [row["name"] for row in rising] == ["a", "d", "c", "b"]
    without = Column[Row]("x", 1, 0, lambda row: Cell(""))
    assert grid.in_order(rows, without, falling=True) == rows
