"""Recognises what was put on a bus here and comes back from elsewhere. Decides without I/O."""

from collections import deque
from typing import Final

_REMEMBERED: Final = 64


class LoopGuard:
    """Remembers envelopes that have another number here than where they came from.

    Others need not be: what comes back to a bus that had it already is given another number there.
    """

    def __init__(self) -> None:
        self._topics: Final[dict[str, deque[int]]] = {}

    def remember(self, topic: str, encoded: bytes) -> None:
        """This was put on the bus."""
        self._topics.setdefault(topic, deque(maxlen=_REMEMBERED)).append(hash(encoded))

    def is_one(self, topic: str, encoded: bytes) -> bool:
        """Whether the very same bytes, number and time included, were put on the bus not long ago."""
        remembered = self._topics.get(topic)
        return remembered is not None and hash(encoded) in remembered

    def forget(self, topic: str) -> None:
        """The bus did not take the topic."""
        self._topics.pop(topic, None)
