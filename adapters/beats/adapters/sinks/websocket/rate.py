"""How fast a client may send."""

from typing import Final


class Allowance:
    """A bucket of tokens: `per_s` messages a second on average, twice as many at once."""

    __slots__ = ("_level", "_seen_s", "per_s")

    def __init__(self, per_s: float, now_s: float) -> None:
        """Begin with a full bucket."""
        self.per_s: Final = per_s
        self._level = 2 * per_s
        self._seen_s = now_s

    def has_one(self, now_s: float) -> bool:
        """Whether one more message would be within the allowance."""
        self._level = min(2 * self.per_s, self._level + (now_s - self._seen_s) * self.per_s)
        self._seen_s = now_s
        return self._level >= 1

    def take(self, now_s: float) -> bool:
        """Whether one more message is within the allowance, which it then is counted in."""
        if not self.has_one(now_s):
            return False
        self._level -= 1
        return True
