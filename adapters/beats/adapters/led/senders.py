"""Which sender's levels a universe has, when packets come late, twice, or from several senders."""

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

MOST_SENDERS: Final = 16
"""Senders of a universe that are told apart; more are left out, so that forged packets cannot fill memory."""
_LATEST_LATE: Final = 20
"""ANSI E1.31-2018, section 6.7.2: a number that is further behind is that of a sender which began again."""


class Levels(NamedTuple):
    """What a packet says about a universe."""

    universe: int
    sender: str
    sequence: int | None
    """0 to 255; None when the sender does not number its packets."""
    data: bytes
    """The channels, at most 512; those behind its end stay as they are."""
    priority: int = 100
    """The highest one wins."""
    sync: str = ""
    """The key of the `Sync` that shows these levels; empty: they are shown at once."""
    is_end: bool = False
    """Whether the sender says that nothing more will come; then there are no levels."""


class Sync(NamedTuple):
    """The levels that came before belong together, and are shown now."""

    sync: str
    """The key, the same as in the levels that this packet shows."""


@dataclass(slots=True)
class _Sender:
    sequence: int | None
    priority: int
    data: bytes
    seen_s: float


class Senders:
    """The senders of some universes.

    The sender with the highest priority wins. Among several, the latest takes precedence: the one whose
    levels came or changed last. A sender is lost when nothing has come from it for a while.
    """

    def __init__(self, universes: Collection[int], timeout_s: float) -> None:
        """Begin without senders.

        Args:
            universes: those that count.
            timeout_s: seconds without a packet after which a sender is lost.
        """
        self._timeout_s: Final = timeout_s
        self._of: Final[dict[int, dict[str, _Sender]]] = {universe: {} for universe in universes}
        self._followed: Final[dict[int, str]] = {}
        """By universe, the sender whose levels are shown; without universes that are lost."""
        self.left_out: Final[Counter[str]] = Counter()
        """How many packets were left out, by reason."""

    @property
    def live(self) -> Collection[int]:
        """The universes that are not lost."""
        return self._followed.keys()

    @property
    def lost_at_s(self) -> float:
        """When the next universe is lost unless a packet comes; infinity if none can be."""
        last = (
            max((sender.seen_s for sender in self._of[universe].values()), default=-math.inf)
            for universe in self._followed
        )
        return min(last, default=math.inf) + self._timeout_s

    def take(self, levels: Levels, now_s: float) -> bool:
        """Take note of a packet; whether the universe has its levels now."""
        senders = self._of.get(levels.universe)
        if senders is None:
            self.left_out["other_universe"] += 1
            return False
        self._forget_lost(senders, now_s)
        known = senders.get(levels.sender)
        if known and _is_late(levels.sequence, known.sequence):
            self.left_out["late"] += 1
            return False
        if levels.is_end:
            senders.pop(levels.sender, None)
            return False
        if known is None and len(senders) >= MOST_SENDERS:
            self.left_out["other_sender"] += 1
            return False
        senders[levels.sender] = _Sender(levels.sequence, levels.priority, levels.data, now_s)
        followed = self._followed.get(levels.universe)
        rival = senders.get(followed) if followed not in (None, levels.sender) else None
        has_changed = known is None or known.data != levels.data
        if levels.priority < max(sender.priority for sender in senders.values()) or (
            rival is not None and rival.priority == levels.priority and not has_changed
        ):
            self.left_out["other_sender"] += 1
            return False
        self._followed[levels.universe] = levels.sender
        return True

    def expire(self, now_s: float) -> list[int]:
        """The universes that are lost since the last call: all their senders have ended or are silent."""
        lost: list[int] = []
        for universe in [*self._followed]:
            self._forget_lost(self._of[universe], now_s)
            if not self._of[universe]:
                del self._followed[universe]
                lost.append(universe)
        return lost

    def _forget_lost(self, senders: dict[str, _Sender], now_s: float) -> None:
        for name in [name for name, each in senders.items() if now_s >= each.seen_s + self._timeout_s]:
            del senders[name]


def _is_late(sequence: int | None, last: int | None) -> bool:
    """Whether a packet is older than the last one, or the same: ANSI E1.31-2018, section 6.7.2."""
    if sequence is None or last is None:
        return False
    ahead = (sequence - last + 128) % 256 - 128
    return -_LATEST_LATE < ahead <= 0
