"""What is told of sinks."""

import pytest

from beats.adapters.http.metrics.sinks import FAMILIES, causes, latency
from beats.kernel.stats import Amount, DropStats, Latency, SinkStats, Stats
from tests.adapters.http.metrics.lint import Samples, faults
from tests.adapters.http.metrics.material import BROWSER, RECORDER, STATS


def told(stats: Stats) -> Samples:
    return Samples(metric for family in FAMILIES if (metric := family.metric(stats)) is not None)


@pytest.mark.parametrize("unit", ["envelopes", "bytes"])
@pytest.mark.parametrize("sink", [BROWSER, RECORDER], ids=lambda sink: sink.name)
def test_every_number_of_a_queue_is_told(sink: SinkStats, unit: str) -> None:
    """In envelopes and in bytes."""
    samples = told(STATS)
    place = 0 if unit == "envelopes" else 1
    for name, amount in (
        ("beats_sink_offered_{}_total", sink.queue.offered),
        ("beats_sink_delivered_{}_total", sink.queue.taken),
        ("beats_sink_queue_{}", sink.queue.waiting),
    ):
        assert samples.value(name.format(unit), sink=sink.name) == amount[place]


def test_drops_are_told_by_kind_and_reason() -> None:
    """A sink that dropped nothing has none."""
    samples = told(STATS)
    assert samples.each("beats_sink_dropped_envelopes_total") == {
        frozenset({("sink", "browser"), ("kind", "frame"), ("reason", "drop_oldest")}): 5,
        frozenset({("sink", "browser"), ("kind", "peripheral"), ("reason", "failed")}): 2,
    }
    assert samples.sum("beats_sink_dropped_bytes_total") == 700


def test_a_cause_that_is_told_twice_is_one() -> None:
    """Two lanes of a queue have each their own count, and Prometheus takes no name twice."""
    drops = [DropStats("latest", "frame", 1, 10), DropStats("latest", "frame", 2, 20)]
    assert causes(drops) == {("frame", "latest"): Amount(3, 30)}


def test_state_restarts_and_high_water_are_told_of_each_sink() -> None:
    """And never the text of an error, which may say anything."""
    samples = told(STATS)
    assert samples.value("beats_sink_state", sink="rec", state="failed") == 1
    assert samples.sum("beats_sink_state", sink="rec") == 1
    assert samples.value("beats_sink_restarts_total", sink="browser") == 1
    assert samples.value("beats_sink_queue_high_water_envelopes", sink="browser") == 8


def test_latency_is_a_whole_histogram() -> None:
    """Each class holds those before it (the counters have each for itself), and the last one all."""
    metric = latency(STATS)
    assert metric is not None
    assert faults([metric]) == []
    samples = Samples([metric])
    name = "beats_sink_write_latency_seconds"
    counts = {le: samples.value(f"{name}_bucket", sink="browser", le=le) for le in ("0.001", "0.1", "+Inf")}
    assert counts == {"0.001": 70, "0.1": 85, "+Inf": 90}
    assert samples.value(f"{name}_count", sink="browser") == 90
    assert samples.value(f"{name}_sum", sink="browser") == 1.25
    assert len(samples.each(f"{name}_sum")) == 1


def test_nothing_is_told_of_a_latency_that_no_sink_knows() -> None:
    """A sink that has written nothing yet has none; one that counted nothing has zeros."""
    assert latency(STATS._replace(sinks=(RECORDER,))) is None
    zeros = latency(STATS._replace(sinks=(RECORDER._replace(latency=Latency((0.5,), (0, 0), 0.0)),)))
    assert zeros is not None
    assert faults([zeros]) == []
