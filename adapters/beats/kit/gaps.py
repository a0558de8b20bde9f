"""Counts what is missing in a stream, by the sequence numbers, which rise by 1 within a topic."""

from collections import Counter
from typing import Final, NamedTuple


class Gap(NamedTuple):
    """Sequence numbers of a topic that are missing."""

    topic: str
    first: int
    last: int

    @property
    def missing(self) -> int:
        """How many numbers."""
        return self.last - self.first + 1


class Restart(NamedTuple):
    """The numbers of a topic went back: the server was restarted, or a replay jumped back."""

    topic: str
    before: int
    now: int


class GapCounter:
    """Checks the sequence number of each message, in the order of the stream."""

    def __init__(self, most_topics: int | None = None) -> None:
        """Start counting.

        Args:
            most_topics: how many topics to remember; gaps of the least recent topics go unnoticed then.
        """
        self.missing_by_damage: Final[Counter[str]] = Counter()
        """How many numbers are missing where data could not be read, by topic."""
        self._last: Final[dict[str, tuple[int, int]]] = {}
        """The last number of each topic, and how much damage there was up to it."""
        self._damages = 0
        self._most_topics: Final = most_topics

    def reset(self) -> None:
        """Forget all numbers: another recording begins, whose numbers are unrelated to those before."""
        self._last.clear()

    def add_damage(self) -> None:
        """Something before the next message could not be read."""
        self._damages += 1

    def add(self, topic: str, sequence: int, *, carried: bool = False) -> Gap | Restart | None:
        """Check a message; None if its number is the next one, a repetition of the last one, or 0.

        Args:
            topic: of the message.
            sequence: its number; 0 when it has none.
            carried: whether it repeats earlier state. Nothing is missing before it, but the next number is
                compared with it, since an earlier part of the recording ended with it.
        """
        if sequence == 0:
            return None
        last, damages = self._last.pop(topic, (sequence, self._damages))
        if self._most_topics is not None and len(self._last) >= self._most_topics:
            del self._last[next(iter(self._last))]
        self._last[topic] = (max(last, sequence) if carried else sequence), self._damages
        if carried or sequence in (last, last + 1):
            return None
        if sequence < last:
            return Restart(topic, last, sequence)
        gap = Gap(topic, last + 1, sequence - 1)
        if damages != self._damages:
            self.missing_by_damage[topic] += gap.missing
        return gap
