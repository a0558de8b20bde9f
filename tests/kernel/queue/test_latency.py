from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.envelope import Envelope, Frame
from beats.kernel.queue.latency import BOUNDS_S, LatencyHistogram
from beats.kernel.testing import FixedClock
from tests.kernel.support import EXPLORE

NOW_NS = 1_700_000_000_000_000_000


def at(published_unix_ns: int) -> Envelope:
    return Envelope("frame", "frame", 1, published_unix_ns, published_unix_ns, Frame(b""), b"")


def counted(latencies_ns: list[int]) -> tuple[tuple[int, ...], float]:
    histogram = LatencyHistogram(FixedClock(NOW_NS))
    histogram.written([at(NOW_NS - latency_ns) for latency_ns in latencies_ns])
    stats = histogram.stats()
    assert stats.bounds_s == BOUNDS_S
    return stats.counts, stats.sum_s


@EXPLORE
@given(st.lists(st.integers(0, 20_000_000_000), max_size=60))
def test_each_envelope_counts_in_the_class_of_its_latency(latencies_ns: list[int]) -> None:
    """However many there are in a batch, in order of publication; the sum is of all of them."""
    counts, sum_s = counted(sorted(latencies_ns, reverse=True))
    expected = [0] * (len(BOUNDS_S) + 1)
    for latency_ns in latencies_ns:
        expected[bisect_left([round(bound_s * 1e9) for bound_s in BOUNDS_S], latency_ns)] += 1
    assert list(counts) == expected
    assert sum_s == pytest.approx(sum(latencies_ns) / 1e9)


@pytest.mark.parametrize("count", [1, 100], ids=["few", "many"])
@pytest.mark.parametrize(("latency_ns", "counted_s"), [(500_000, 0.0005), (-5_000_000_000, 0.0)])
def test_a_latency_at_a_bound_or_below_zero_is_in_the_class(
    latency_ns: int, counted_s: float, count: int
) -> None:
    """As in a Prometheus histogram (less than or equal); no time is negative after a clock was set back."""
    counts, sum_s = counted([latency_ns] * count)
    assert counts[0] == count
    assert sum_s == pytest.approx(counted_s * count)


def test_the_classes_rise_and_the_last_has_no_bound() -> None:
    """What takes longer than any bound is counted all the same."""
    assert list(BOUNDS_S) == sorted(set(BOUNDS_S))
    counts, _ = counted([3_600_000_000_000])
    assert counts == (*[0] * len(BOUNDS_S), 1)
