"""Counts the numbers that are missing between recorded ones."""

from collections import Counter
from typing import Final

from beats.recordings.content import Message


class Gaps:
    """Sees the messages of a recording in their order. Numbers rise by 1 within a topic."""

    def __init__(self) -> None:
        self.missing: Final[Counter[str]] = Counter()
        """How many numbers are missing, by topic."""
        self.by_damage: Final[Counter[str]] = Counter()
        """Those of them that are missing where something could not be read."""
        self._last: Final[dict[str, tuple[int, int]]] = {}
        self._damages = 0

    def renew(self) -> None:
        """Take note that another recording begins: its numbers say nothing of those before."""
        self._last.clear()

    def damaged(self) -> None:
        """Take note that something could not be read before the next message."""
        self._damages += 1

    def see(self, message: Message) -> int:
        """Take note of a message; returns how many numbers are missing before it.

        A number that is not greater than the one before is that of a stream that began anew, or of repeated
        state. Nothing is missing before either.
        """
        sequence, topic = message.sequence, message.topic
        if sequence == 0:
            return 0
        last, damages = self._last.get(topic, (sequence - 1, self._damages))
        if message.carried:
            # The next number is held against it: it is what an earlier part, or range, ended with.
            self._last[topic] = max(last, sequence), self._damages
            return 0
        self._last[topic] = sequence, self._damages
        missing = max(0, sequence - last - 1)
        if missing:
            self.missing[topic] += missing
            if damages != self._damages:
                self.by_damage[topic] += missing
        return missing
