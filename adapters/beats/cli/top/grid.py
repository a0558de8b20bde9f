"""Fits columns into the width of a terminal: the most important ones first, without wrapping."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text

Row = TypeVar("Row")
_MOST_CELLS: Final = 60
"""Widest column for long names."""
_CUT: Final = "…"


class Cell(NamedTuple):
    """Text with a style."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column of a table."""

    heading: str
    width: int
    """Width in terminal cells; the smallest width of a column that grows."""
    rank: int
    """Columns with the lowest ranks are shown if there is not enough room."""
    cell: Callable[[Row], Cell]
    key: Callable[[Row], float | str | None] | None = None
    """The sort key; None if rows cannot be sorted by this column."""
    grows: bool = False
    """Whether it takes spare width."""
    left: bool = False
    """Whether it is left-aligned, as text is; numbers are right-aligned."""


def fitting(columns: Sequence[Column[Row]], width: int, wanted: str | None = None) -> list[Column[Row]]:
    """The columns that fit, in their order; `wanted` is always among them."""
    shown: set[str] = set()
    left = width + 1
    for column in sorted(columns, key=lambda column: (column.heading != wanted, column.rank)):
        if column.width + 1 > left:
            break
        left -= column.width + 1
        shown.add(column.heading)
    return [column for column in columns if column.heading in shown]


def widths(columns: Sequence[Column[Row]], rows: Iterable[Row], width: int) -> list[int]:
    """The width of each column; spare width goes to columns that grow, the most important first."""
    found = [column.width for column in columns]
    left = width - sum(found) - len(found) + 1
    seen = list(rows)
    for index in sorted(range(len(columns)), key=lambda index: columns[index].rank):
        column = columns[index]
        if column.grows and left > 0:
            needed = max((cell_len(column.cell(row).text) for row in seen), default=0)
            more = max(0, min(left, min(needed, _MOST_CELLS) - found[index]))
            found[index] += more
            left -= more
    return found


def header(columns: Sequence[Column[Row]], sizes: Sequence[int], sorted_by: str | None, sign: str) -> Text:
    """The headings; the sort column has a sign."""
    cells = [
        Cell(column.heading + (sign if column.heading == sorted_by else ""), "bold") for column in columns
    ]
    return line(columns, sizes, cells, "bold")


def line(
    columns: Sequence[Column[Row]], sizes: Sequence[int], cells: Sequence[Cell], style: str = ""
) -> Text:
    """One row as text."""
    text = Text(style=style, no_wrap=True)
    for index, (column, size, cell) in enumerate(zip(columns, sizes, cells, strict=True)):
        if index:
            text.append(" ")
        text.append(fitted(cell.text, size, right=not column.left), cell.style)
    return text


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly this width; longer text is cut and marked."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, max(0, width - 1)) + _CUT[:width]
    blanks = " " * (width - length)
    return blanks + text if right else text + blanks


def in_order(rows: Iterable[Row], column: Column[Row], *, falling: bool) -> list[Row]:
    """The rows sorted by a column, stably; rows without a value come last."""
    key = column.key
    if key is None:
        return list(rows)
    known: list[tuple[float | str, Row]] = []
    unknown: list[Row] = []
    for row in rows:
        value = key(row)
        if value is None:
            unknown.append(row)
        else:
            known.append((value, row))
    known.sort(key=lambda pair: pair[0], reverse=falling)
    return [row for _, row in known] + unknown
