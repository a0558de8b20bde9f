"""The pauses between attempts to connect."""

import random
from collections.abc import Callable
from typing import Final

_FIRST_S: Final = 0.05


class Pauses:
    """Grow from attempt to attempt, and are never quite those of somebody else.

    A thousand edges that lost one server would otherwise return at one moment, and again and again.
    """

    def __init__(self, max_s: float, chance: Callable[[], float] = random.random) -> None:
        """Grow up to so many seconds; `chance` is a number from 0 to 1."""
        self._max_s: Final = max_s
        self._chance: Final = chance
        self._failures = 0

    def next_s(self) -> float:
        """The pause after another failure: from half of what it may be to the whole."""
        longest_s = min(self._max_s, _FIRST_S * 2.0 ** min(self._failures, 64))
        self._failures += 1
        return longest_s * (0.5 + self._chance() / 2)

    def reset(self) -> None:
        """It has worked."""
        self._failures = 0
