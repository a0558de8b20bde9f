"""Counters of what viewers get: a running count of a view, and the totals of viewers by class."""

from collections.abc import Iterable
from typing import Final

from beats.kernel.envelope import Envelope, Kind
from beats.kernel.stats import Amount, ClientGroup, ClientStats, DropStats


class RunningCount:
    """Counts envelopes for many readers: each remembers an earlier amount and takes the difference."""

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


class GroupTotal:
    """The sums of one class of viewers."""

    def __init__(self) -> None:
        self.connected = 0
        self.delivered = self.waiting = Amount()
        self._drops: Final[dict[tuple[str, Kind], Amount]] = {}

    def add(self, viewer: ClientStats) -> None:
        """Add the counters of a viewer."""
        self.delivered = self.delivered.plus(viewer.queue.taken)
        self.waiting = self.waiting.plus(viewer.queue.waiting)
        self._add_drops(viewer.queue.drops)

    def copy(self) -> "GroupTotal":
        """The same sums, for viewers that left: none is connected, and nothing waits."""
        other = GroupTotal()
        other.delivered = self.delivered
        other._drops.update(self._drops)
        return other

    def drops(self) -> tuple[DropStats, ...]:
        """What was missed, by reason and kind."""
        return tuple(DropStats(*key, amount.items, amount.bytes) for key, amount in self._drops.items())

    def _add_drops(self, drops: Iterable[DropStats]) -> None:
        for drop in drops:
            key = (drop.reason, drop.kind)
            self._drops[key] = self._drops.get(key, Amount()).plus(Amount(drop.items, drop.bytes))


class ViewerTotals:
    """Keeps the sums of viewers that left; connected ones are added on request."""

    def __init__(self) -> None:
        self._gone: Final[dict[str, GroupTotal]] = {}

    def leave(self, viewer: ClientStats) -> None:
        """Keep the counters of a viewer that left."""
        self._gone.setdefault(viewer.group, GroupTotal()).add(viewer)

    def copy(self) -> "ViewerTotals":
        """The same sums, which do not change while another thread adds to these."""
        other = ViewerTotals()
        other._gone.update({name: gone.copy() for name, gone in self._gone.items()})
        return other

    def groups(self, viewers: Iterable[ClientStats]) -> tuple[ClientGroup, ...]:
        """All classes so far, with the viewers that are connected."""
        totals = {name: gone.copy() for name, gone in self._gone.items()}
        for viewer in viewers:
            total = totals.setdefault(viewer.group, GroupTotal())
            total.connected += 1
            total.add(viewer)
        return tuple(
            ClientGroup(name, total.connected, total.delivered, total.waiting, total.drops())
            for name, total in totals.items()
        )
