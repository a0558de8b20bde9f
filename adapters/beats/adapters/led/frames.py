"""Which levels belong together: packets bring one universe each."""

import math
from collections.abc import Collection, Mapping
from typing import Final

from beats.adapters.led.senders import Levels, Sync

QUIET_S: Final = 0.02
"""How long nothing must come until what has come is a frame: most desks send every 23 ms."""
_MOST_SYNCS: Final = 64

Universes = Mapping[int, bytes]
"""The channels of each universe, by its number."""


class Frames:
    """Collects the levels of some universes until they are a frame.

    A frame is complete when its sender says so (`Sync`); without that, when every universe has come, before
    one of them comes again, or when nothing has come for a moment. Universes that did not come keep their
    levels. The newest frame waits to be taken.
    """

    def __init__(self, universes: Collection[int], sync_timeout_s: float) -> None:
        """Begin with no levels.

        Args:
            universes: those that count.
            sync_timeout_s: seconds after which a sender that sends no `Sync` any more does without.
        """
        self._wanted: Final = frozenset(universes)
        self._sync_timeout_s: Final = sync_timeout_s
        self._levels: Final[dict[int, bytes]] = {}
        self._pending: Final[dict[int, bytes]] = {}
        self._syncs: Final[dict[str, float]] = {}
        """By key of a `Sync`, until when levels wait for that `Sync`."""
        self._awaited: Final[set[str]] = set()
        """The `Sync`s that complete what has come."""
        self._due_s = math.inf
        self._complete: Universes | None = None
        self.count = 0
        """How many frames were completed."""

    @property
    def due_s(self) -> float:
        """When what has come becomes a frame unless a packet comes; infinity if nothing has."""
        return self._due_s

    @property
    def is_complete(self) -> bool:
        """Whether a frame waits to be taken."""
        return self._complete is not None

    def add(self, levels: Levels, now_s: float) -> None:
        """Add the levels of one of the universes."""
        held_until_s = self._syncs.get(levels.sync, -math.inf)
        is_held = now_s < held_until_s
        if not is_held and levels.universe in self._pending:
            self._finish()
        before = self._pending.get(levels.universe) or self._levels.get(levels.universe, b"")
        self._pending[levels.universe] = levels.data + before[len(levels.data) :]
        self._awaited.add(levels.sync)
        if is_held:
            self._due_s = held_until_s
        else:
            self._due_s = now_s + QUIET_S
            if self._pending.keys() == self._wanted:
                self._finish()

    def sync(self, sync: Sync, now_s: float) -> None:
        """Complete the levels that wait for this `Sync`; later ones wait for the next."""
        if sync.sync not in self._syncs and len(self._syncs) >= _MOST_SYNCS:
            del self._syncs[next(iter(self._syncs))]
        self._syncs[sync.sync] = now_s + self._sync_timeout_s
        if sync.sync in self._awaited:
            self._finish()

    def darken(self, universes: Collection[int]) -> None:
        """Set universes to 0, at once."""
        for universe in universes:
            self._pending[universe] = bytes(len(self._levels.get(universe, b"")))
        if universes:
            self._finish()

    def take(self, now_s: float) -> Universes | None:
        """The newest complete frame that was not taken."""
        if now_s >= self._due_s:
            self._finish()
        complete, self._complete = self._complete, None
        return complete

    def _finish(self) -> None:
        self._levels.update(self._pending)
        self._pending.clear()
        self._awaited.clear()
        self._due_s = math.inf
        self._complete = dict(self._levels)
        self.count += 1
