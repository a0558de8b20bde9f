"""What is missing between the envelopes that came, by their sequence numbers."""

from typing import Final, NamedTuple

_MOST_TOPICS: Final = 100_000
"""Of which the last number is kept; of those that were seen first, no gap is told any more."""


class Gap(NamedTuple):
    """Numbers of a topic that did not come."""

    topic: str
    first: int
    last: int

    @property
    def missing(self) -> int:
        """How many."""
        return self.last - self.first + 1


class Return(NamedTuple):
    """The numbers of a topic begin again: another run of the server, or a recording that was put back."""

    topic: str
    before: int
    now: int


class Gaps:
    """Looks at each envelope's number."""

    def __init__(self, *, frames: bool = True) -> None:
        """Begin; without `frames`, gaps between frames are not told, since they were asked for."""
        self._last: Final[dict[str, int]] = {}
        self._frames: Final = frames

    def seen(self, topic: str, sequence: int) -> Gap | Return | None:
        """What the number says; None if it is the one that was to come, or the same once more."""
        if sequence == 0:
            return None
        last = self._last.pop(topic, None)
        if last is None and len(self._last) >= _MOST_TOPICS:
            del self._last[next(iter(self._last))]
        self._last[topic] = sequence
        if last is None or sequence in (last, last + 1):
            return None
        if sequence < last:
            return Return(topic, last, sequence)
        if topic == "frame" and not self._frames:
            return None
        return Gap(topic, last + 1, sequence - 1)
