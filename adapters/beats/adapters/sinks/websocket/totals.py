"""What became of all viewers that a sink ever had, by class."""

from collections.abc import Iterable
from typing import Final

from beats.kernel.envelope import Kind
from beats.kernel.stats import Amount, ClientGroup, ClientStats, DropStats


class GroupTotal:
    """The sums of one class of viewers."""

    def __init__(self) -> None:
        self.connected = 0
        self.delivered = self.waiting = Amount()
        self._drops: Final[dict[tuple[str, Kind], Amount]] = {}

    def add(self, viewer: ClientStats) -> None:
        """Count what became of the envelopes of a viewer."""
        self.delivered = self.delivered.plus(viewer.queue.taken)
        self.waiting = self.waiting.plus(viewer.queue.waiting)
        for drop in viewer.queue.drops:
            self._count(drop)

    def include(self, other: "GroupTotal") -> None:
        """Count what another has counted."""
        self.delivered = self.delivered.plus(other.delivered)
        for drop in other.drops():
            self._count(drop)

    def drops(self) -> tuple[DropStats, ...]:
        """What was missed, by reason and kind."""
        return tuple(DropStats(*key, *amount) for key, amount in self._drops.items())

    def _count(self, drop: DropStats) -> None:
        key = (drop.reason, drop.kind)
        self._drops[key] = self._drops.get(key, Amount()).plus(Amount(drop.items, drop.bytes))


class Totals:
    """Keeps the sums of viewers that left; those that are connected are added when somebody asks."""

    def __init__(self) -> None:
        self._gone: Final[dict[str, GroupTotal]] = {}

    def leave(self, viewer: ClientStats) -> None:
        """Keep the counts of a viewer that left."""
        self._gone.setdefault(viewer.group, GroupTotal()).add(viewer)

    def copy(self) -> "Totals":
        """The same sums, which do not change while another thread adds to them."""
        other = Totals()
        for name, gone in self._gone.items():
            other._gone.setdefault(name, GroupTotal()).include(gone)
        return other

    def groups(self, viewers: Iterable[ClientStats]) -> tuple[ClientGroup, ...]:
        """All classes that there were so far, with the viewers that are connected."""
        totals: dict[str, GroupTotal] = {}
        for name, gone in self._gone.items():
            totals.setdefault(name, GroupTotal()).include(gone)
        for viewer in viewers:
            total = totals.setdefault(viewer.group, GroupTotal())
            total.connected += 1
            total.add(viewer)
        return tuple(
            ClientGroup(name, total.connected, total.delivered, total.waiting, total.drops())
            for name, total in totals.items()
        )
