"""How fast a client may send."""

from typing import Final


class Allowance:
    """A bucket of tokens: `per_s` messages a second on average, twice as many at once."""

    __slots__ = ("_level", "_per_s", "_seen_s")

    def __init__(self, per_s: float, now_s: float) -> None:
        """Begin with a full bucket."""
        self._per_s: Final = per_s
        self._level = 2 * per_s
        self._seen_s = now_s

    def take(self, now_s: float) -> bool:
        """Whether one more message is within the allowance."""
        self._level = min(2 * self._per_s, self._level + (now_s - self._seen_s) * self._per_s)
        self._seen_s = now_s
        if self._level < 1:
            return False
        self._level -= 1
        return True
