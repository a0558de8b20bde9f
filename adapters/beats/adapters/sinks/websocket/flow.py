"""Counts of what went past."""

from beats.kernel.envelope import Envelope
from beats.kernel.stats import Amount


class Flow:
    """A running count that many can look back on: who remembers an earlier amount knows what came since."""

    __slots__ = ("_bytes", "_items")

    def __init__(self) -> None:
        self._items = 0
        self._bytes = 0

    def add(self, envelopes: list[Envelope]) -> None:
        """Count envelopes."""
        self._items += len(envelopes)
        self._bytes += sum(len(envelope.encoded) for envelope in envelopes)

    def amount(self) -> Amount:
        """The count now."""
        return Amount(self._items, self._bytes)
