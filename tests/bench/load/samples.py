"""Latencies of any number of messages in bounded memory."""

from typing import Final

_KEPT: Final = 100_000


class Samples:
    """Keeps every sample, then every second, then every fourth …: always an even spread over the time."""

    def __init__(self) -> None:
        self._kept: list[int] = []
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._kept.clear()
        self._stride = 1
        self._skip = 0
        self._max = 0

    def add(self, value: int) -> None:
        """Take note of a value."""
        if value > self._max:
            self._max = value
        if self._skip:
            self._skip -= 1
            return
        self._kept.append(value)
        if len(self._kept) >= _KEPT:
            del self._kept[::2]
            self._stride *= 2
        self._skip = self._stride - 1

    def figures(self) -> dict[str, float]:
        """Nanoseconds in, milliseconds out."""
        kept = sorted(self._kept)
        if not kept:
            return {"samples": 0}
        return {
            "samples": len(kept),
            "p50_ms": kept[len(kept) // 2] / 1e6,
            "p99_ms": kept[int(len(kept) * 0.99)] / 1e6,
            "max_ms": self._max / 1e6,
        }
