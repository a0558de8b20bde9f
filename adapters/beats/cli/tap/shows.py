"""How what comes is shown: as lines for a person, or as JSON for a program."""

import json
from collections.abc import Callable
from typing import Final, Protocol

from beats.cli.output import warn, write
from beats.cli.printable import printable
from beats.cli.tap.document import document
from beats.cli.tap.gaps import Gap, Return
from beats.cli.tap.item import Item, Unreadable
from beats.cli.tap.lines import Lines


class Show(Protocol):
    """Shows one thing after the other."""

    def item(self, item: Item) -> None:
        """An envelope."""
        ...

    def gap(self, gap: Gap | Return) -> None:
        """What is missing before the next one."""
        ...

    def unreadable(self, unreadable: Unreadable) -> None:
        """A message that is no envelope."""
        ...

    def notice(self, text: str) -> None:
        """What happened to the stream."""
        ...


class JsonLines:
    """One object for each envelope, and nothing else on standard output."""

    def item(self, item: Item) -> None:
        """Print an envelope, in ASCII: no terminal obeys anything in it."""
        write(json.dumps(document(item), separators=(",", ":"), allow_nan=False) + "\n")

    def gap(self, gap: Gap | Return) -> None:
        """Whoever reads the numbers sees it."""

    def unreadable(self, unreadable: Unreadable) -> None:
        """Say it beside."""
        warn(f"a message of {unreadable.size_bytes:,} bytes is passed over: {printable(unreadable.why)}")

    def notice(self, text: str) -> None:
        """Say it beside."""
        warn(text)


class PlainLines:
    """One line for each thing."""

    def __init__(self, lines: Lines, width: Callable[[], int | None]) -> None:
        """Print such lines, as wide as `width` says each time; None for as long as they are."""
        self._lines: Final = lines
        self._width: Final = width

    def item(self, item: Item) -> None:
        """Print an envelope."""
        write(self._lines.item(item, self._width()) + "\n")

    def gap(self, gap: Gap | Return) -> None:
        """Print a gap."""
        write(self._lines.gap(gap, self._width()) + "\n")

    def unreadable(self, unreadable: Unreadable) -> None:
        """Print what can be said of it."""
        write(self._lines.unreadable(unreadable, self._width()) + "\n")

    def notice(self, text: str) -> None:
        """Print it."""
        write(self._lines.notice(text, self._width()) + "\n")
