"""How much may wait in a queue, and what happens when more comes."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from beats.kernel.envelope import Kind
from beats.kernel.queue.overflow import OVERFLOWS, Overflow

DEFAULT_MAX_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LaneBounds:
    """How much may wait in a lane, and what happens when more comes.

    Raises:
        ValueError: a bound is not positive, or the strategy is unknown.
        TypeError: `size` or `max_bytes` is not an integer.
    """

    size: int = 256
    """Largest number of waiting envelopes, at least 1."""
    max_bytes: int = DEFAULT_MAX_BYTES
    """Largest sum of their encoded bytes, at least 1."""
    overflow: str = "drop_oldest"
    """The name of an overflow strategy."""
    block_timeout_s: float = 1.0
    """Longest time in seconds that `block` makes a producer wait."""

    def __post_init__(self) -> None:
        for name in ("size", "max_bytes"):
            value: object = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} is {value!r}; it must be an integer of at least 1")
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        if not 0 < self.block_timeout_s <= threading.TIMEOUT_MAX:
            raise ValueError(f"block_timeout_s is {self.block_timeout_s}; it must be more than 0 and finite")
        if self.overflow not in OVERFLOWS:
            raise ValueError(f"overflow is {self.overflow!r}; it must be one of {', '.join(OVERFLOWS)}")


@dataclass(frozen=True, slots=True)
class QueueBounds(LaneBounds):
    """The bounds of a queue. Kinds with bounds of their own have a lane each; all others share one lane."""

    per_kind: Mapping[Kind, LaneBounds] = field(default_factory=lambda: MappingProxyType({}))
    """The bounds of each kind that has a lane of its own."""

    def strategies(self) -> list[type[Overflow]]:
        """The overflow strategies of the queue and of its lanes."""
        return [OVERFLOWS[lane.overflow] for lane in (self, *self.per_kind.values())]

    def without_waiting(self, other: str) -> "QueueBounds":
        """The same bounds with another strategy in place of each that makes the producer wait."""

        def changed(overflow: str) -> str:
            return other if OVERFLOWS[overflow].waits else overflow

        own = {kind: replace(lane, overflow=changed(lane.overflow)) for kind, lane in self.per_kind.items()}
        return replace(self, overflow=changed(self.overflow), per_kind=own)
