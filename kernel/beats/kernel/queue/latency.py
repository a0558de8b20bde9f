"""A histogram of how long envelopes took from the bus until a sink wrote them."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from beats.kernel.envelope import Envelope
from beats.kernel.ports import Clock
from beats.kernel.stats import Latency

BOUNDS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes in seconds, two or three per power of ten; the last class has none."""

_BOUNDS_NS: Final = tuple(round(bound_s * 1e9) for bound_s in BOUNDS_S)
_FEW: Final = 16
"""Up to so many envelopes, looking at each is faster than searching where each class begins."""
_published: Final = attrgetter("published_unix_ns")


class LatencyHistogram:
    """Counts envelopes by the class of their latency.

    Only the sink's event loop adds. Other threads may read: the counts that they see are of nearly one
    instant, and each count only rises.
    """

    def __init__(self, clock: Clock) -> None:
        """Start with nothing counted; the clock is the one that dated the envelopes."""
        self._clock: Final = clock
        self._counts: Final = [0] * (len(BOUNDS_S) + 1)
        self._sum_ns = 0

    def written(self, envelopes: Sequence[Envelope]) -> None:
        """Count envelopes that were written now; they are in order of publication."""
        written_unix_ns = self._clock.steady_unix_ns()
        self._sum_ns += sum(max(0, written_unix_ns - each.published_unix_ns) for each in envelopes)
        if len(envelopes) <= _FEW:
            for each in envelopes:
                self._counts[bisect_left(_BOUNDS_NS, written_unix_ns - each.published_unix_ns)] += 1
            return
        # The later an envelope was published, the less time it took: each class is one slice of the batch.
        end = len(envelopes)
        for index, bound_ns in enumerate(_BOUNDS_NS):
            begin = bisect_left(envelopes, written_unix_ns - bound_ns, hi=end, key=_published)
            self._counts[index] += end - begin
            end = begin
        self._counts[-1] += end

    def add(self, latency_ns: int) -> None:
        """Count one latency."""
        self._sum_ns += latency_ns
        self._counts[bisect_left(_BOUNDS_NS, latency_ns)] += 1

    def stats(self) -> Latency:
        """The counts now."""
        return Latency(BOUNDS_S, tuple(self._counts), self._sum_ns / 1e9)
