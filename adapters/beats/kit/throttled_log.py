"""Bounded logging of repeated events: the first few in full, then only each power of ten."""

import logging
from collections import Counter
from typing import Final

from beats.kernel.log_sampling import is_power_of_ten

FIRST: Final = 10
"""How many events of a kind are logged one by one."""


class ThrottledLog:
    """Counts events by kind, and logs them so that no input can flood the log.

    The first ten of a kind are logged, then the hundredth, the thousandth and so on, with the count: a
    million events make fifteen lines.
    """

    def __init__(self, logger: logging.Logger, name: str) -> None:
        self.counts: Counter[str] = Counter()
        """How many events there were of each kind."""
        self._logger = logger
        self._name = name

    def add(self, kind: str, text: str, level: int = logging.WARNING) -> None:
        """Count an event, and log it if it is one of the first or a power of ten. `kind` is a plural."""
        self.counts[kind] += 1
        count = self.counts[kind]
        if count <= FIRST:
            self._logger.log(level, "%s: %s", self._name, text)
        if count == FIRST:
            self._logger.log(level, "%s: more %s will be counted, not shown", self._name, kind)
        elif count > FIRST and is_power_of_ten(count):
            self._logger.log(level, "%s: %d %s so far; the latest: %s", self._name, count, kind, text)

    def summarise(self) -> None:
        """Log the count of each kind that was not shown in full."""
        for kind, count in self.counts.items():
            if count > FIRST:
                self._logger.warning("%s: %d %s in all", self._name, count, kind)
