"""Warnings that are logged once, however often their cause recurs."""

import logging
from typing import Final

MOST: Final = 32
"""Most warnings: clients choose the names in them, and so how many there could be."""


class Once:
    """Logs each thing once at WARNING, and at DEBUG when it comes again."""

    def __init__(self, log: logging.Logger) -> None:
        """Begin with nothing said; `log` gets the lines."""
        self._log: Final = log
        self._said: Final[set[str]] = set()

    def warn(self, thing: str, message: str, *arguments: object) -> None:
        """Log a message about a thing; after the first `MOST` things, at DEBUG only."""
        is_new = thing not in self._said and len(self._said) < MOST
        if is_new:
            self._said.add(thing)
        self._log.log(logging.WARNING if is_new else logging.DEBUG, message, *arguments)

    def forget(self) -> None:
        """Say everything once more: the settings have changed."""
        self._said.clear()
