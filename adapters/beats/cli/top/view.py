"""What a person has chosen to see, and what each key changes of it. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

EVERYTHING: Final = "everything"
TABLES: Final = (EVERYTHING, "sources", "sinks", "clients")
KEYS: Final = "← → s sort  r reverse  ↑ ↓ space b g G scroll  Tab one table  ? less  q quit"
HINT: Final = "? keys  q quit"
_SORTING: Final = {"s": 1, ">": 1, "right": 1, "<": -1, "left": -1}
_LAST: Final = 1_000_000_000
"""An offset past the end; what is drawn brings it back."""


class View(NamedTuple):
    """All of it."""

    table: str = EVERYTHING
    """One of `TABLES`."""
    sorted_by: str = "dropped"
    """The heading of a column of the clients."""
    falling: bool = True
    """Largest first."""
    offset: int = 0
    """How many lines are above the first that is seen."""
    help: bool = False
    """Whether all keys are named."""

    def pressed(self, key: str, columns: Mapping[str, bool], page: int) -> "View":
        """The view after a key.

        Args:
            key: as `keys.pressed` has it; one that means nothing changes nothing.
            columns: the headings that can be sorted by, in their order, and whether largest first is usual.
            page: how many lines are seen at once.
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
        """The view with an offset at which there is something to see."""
        return self._replace(offset=max(0, min(self.offset, lines - page)))
