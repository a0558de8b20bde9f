"""The pauses between attempts to connect."""

import random
from collections.abc import Callable
from typing import Final

from beats.kernel.run.supervisor import Backoff

_FIRST_S: Final = 0.05


class JitteredBackoff:
    """Pauses that double with each failure and are random within their half.

    Without chance, a thousand edges that lost one server would return at the same moment, again and again.
    """

    def __init__(self, max_s: float, chance: Callable[[], float] = random.random) -> None:
        """Grow up to this many seconds; `chance` gives numbers from 0 to 1."""
        self._backoff: Final = Backoff(_FIRST_S, max_s)
        self._chance: Final = chance
        self._failures = 0

    def next_s(self) -> float:
        """The pause after another failure: from half of its longest value to the whole."""
        self._failures += 1
        return self._backoff.delay_s(self._failures) * (0.5 + self._chance() / 2)

    def reset(self) -> None:
        """An attempt has succeeded."""
        self._failures = 0
