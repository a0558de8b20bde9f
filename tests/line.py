"""What a line between machines does to what goes over it. Decides without I/O."""

import math
import random
from collections.abc import Callable
from typing import Final

PACKET_BYTES: Final = 1500
_BUFFER_S: Final = 0.2
"""What waits before a line that is too slow; more is lost."""


class Line:
    """One machine's line to all others: the same both ways. Its settings may change at any time."""

    def __init__(
        self, delay_s: float = 0.0, jitter_s: float = 0.0, loss: float = 0.0, bytes_per_s: float = math.inf
    ) -> None:
        """Lay a line.

        Args:
            delay_s: how long everything is on its way, in each direction.
            jitter_s: how much longer or shorter that may be, evenly spread; nothing overtakes.
            loss: the part of all packets that never arrives.
            bytes_per_s: how much goes through.
        """
        self.delay_s = delay_s
        self.jitter_s = jitter_s
        self.loss = loss
        self.bytes_per_s = bytes_per_s
        self._is_cut = False
        self._watchers: Final[list[Callable[[], object]]] = []

    @property
    def is_cut(self) -> bool:
        """Whether nothing goes through."""
        return self._is_cut

    def cut(self) -> None:
        """From here on nothing arrives, and nobody is told."""
        self._change(is_cut=True)

    def mend(self) -> None:
        """It is as before."""
        self._change(is_cut=False)

    def watch(self, watcher: Callable[[], object]) -> None:
        """Call this after each cut and each repair, in the thread that did it."""
        self._watchers.append(watcher)

    def _change(self, *, is_cut: bool) -> None:
        self._is_cut = is_cut
        for watcher in self._watchers:
            watcher()


class Way:
    """One direction of a line."""

    def __init__(self, line: Line, seed: int) -> None:
        self.line: Final = line
        self._chance: Final = random.Random(seed)
        self._free_s = 0.0
        """When the last byte that was let in has left the buffer."""
        self._last_s = 0.0

    def arrival_s(self, now_s: float, size: int) -> float | None:
        """When `size` bytes that are sent now arrive; None when they never do."""
        is_full = self._free_s - now_s > _BUFFER_S
        return None if is_full or self.is_lost(size) else self.passage_s(now_s, size)

    def is_lost(self, size: int) -> bool:
        """Whether any packet of these is lost on its way."""
        packets = math.ceil(size / PACKET_BYTES)
        return self.line.is_cut or self._chance.random() >= (1 - self.line.loss) ** packets

    def passage_s(self, now_s: float, size: int) -> float:
        """When they arrive, if nothing is lost."""
        line = self.line
        self._free_s = max(now_s, self._free_s) + size / line.bytes_per_s
        delay_s = line.delay_s + self._chance.uniform(-line.jitter_s, line.jitter_s)
        self._last_s = max(self._last_s, self._free_s + max(0.0, delay_s))
        return self._last_s
