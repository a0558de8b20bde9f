"""What sinks tell of themselves, as Prometheus reads it."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric

from beats.adapters.http.metrics.own import OwnMetric, own_metric, own_metrics
from beats.kernel.stats import SourceStats, Stats
from beats.runtime.registry import SINKS
from tests.adapters.http.metrics.lint import Samples, faults, plain
from tests.adapters.http.metrics.material import RECORDER, STATS


def with_figures(**sinks: tuple[tuple[str, float], ...]) -> Stats:
    parts = tuple(replace(RECORDER, name=name, figures=each) for name, each in sinks.items())
    return replace(STATS, sinks=parts)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("free_bytes", 5, OwnMetric("beats_sink_free_bytes", False, 5)),
        ("written_bytes_total", 7, OwnMetric("beats_sink_written_bytes", True, 7)),
        ("unflushed_age_s", 1.5, OwnMetric("beats_sink_unflushed_age_seconds", False, 1.5)),
        ("stalled_s_total", 1.5, OwnMetric("beats_sink_stalled_seconds", True, 1.5)),
        ("delay_ms", 250, OwnMetric("beats_sink_delay_seconds", False, 0.25)),
        ("delay_us", 250, OwnMetric("beats_sink_delay_seconds", False, 0.00025)),
        ("delay_ns", 500, OwnMetric("beats_sink_delay_seconds", False, 5e-7)),
        ("load_percent", 50, OwnMetric("beats_sink_load_ratio", False, 0.5)),
        ("rate_hz", 60, OwnMetric("beats_sink_rate_hertz", False, 60)),
        ("messages_per_s", 60, OwnMetric("beats_sink_messages_per_second", False, 60)),
        ("held_upper_s", 6, OwnMetric("beats_sink_held_upper_seconds", False, 6)),
        ("recording", True, OwnMetric("beats_sink_recording", False, 1)),
        ("client_count", 3, OwnMetric("beats_sink_client_count_value", False, 3)),
        ("total", 3, OwnMetric("beats_sink_total_value", False, 3)),
        ("s", 3, OwnMetric("beats_sink_s", False, 3)),
        ("Free Space: /mnt/ö", 3, OwnMetric("beats_sink_free_space_mnt", False, 3)),
        ("gap_s", math.inf, OwnMetric("beats_sink_gap_seconds", False, math.inf)),
    ],
)
def test_a_name_follows_the_rules_of_prometheus(name: str, value: float, expected: OwnMetric) -> None:
    """Whole words, base units, the unit at its end; `_total` marks a counter."""
    found = own_metric(name, value)
    assert found is not None
    assert found._replace(value=0) == expected._replace(value=0)
    assert found.value == pytest.approx(expected.value)


def test_names_and_values_that_prometheus_rejects_are_left_out() -> None:
    """A third-party adapter cannot make the whole answer unreadable."""
    rejected = [("", 1), ("ö", 1), ("a", "text"), ("a", None), ("a", 10**400), ("a_total", -1)]
    for name, value in [*rejected, ("a_total", math.nan), ("a_total", math.inf)]:
        assert own_metric(name, value) is None


def test_a_metric_of_several_sinks_is_one_metric() -> None:
    """With the sink as label. A duplicate name is left out.

    It is one of Beats' own, another spelling of the same, or both a counter and a gauge.
    """
    (metric,) = own_metrics(with_figures(a=(("free_bytes", 1.0),), b=(("free_bytes", 2.0),)), ())
    assert (metric.type, metric.unit) == ("gauge", "bytes")
    found = [(sample.labels, sample.value) for sample in metric.samples]
    assert found == [({"sink": "a"}, 1), ({"sink": "b"}, 2)]
    one = (("restarts_total", 1.0), ("free_ms", 2.0), ("free_s", 3.0), ("x_total", 4.0))
    metrics = list(own_metrics(with_figures(a=one, b=(("x", 5.0),)), {"beats_sink_restarts"}))
    assert {metric.name for metric in metrics} == {"beats_sink_free_seconds", "beats_sink_x"}
    assert [sample.value for metric in metrics for sample in metric.samples] == [0.002, 4]


def test_the_help_of_a_metric_is_what_its_adapter_says() -> None:
    """Of an adapter that explains nothing it says which metric it is."""
    SINKS.find("recorder")
    free, odd = own_metrics(with_figures(a=(("free_bytes", 1.0), ("odd_bytes", 1.0))), ())
    assert free.documentation == "Free space of the disk for this user, looked up each second."
    assert "odd_bytes" in odd.documentation


def test_metrics_of_sources_are_named_after_their_role() -> None:
    """A source and a sink may have the same metric, and the same name."""
    figures = (("reconnects_total", 1.0),)
    stats = with_figures(a=figures)
    metrics = own_metrics(
        replace(stats, sources=(SourceStats("a", "running", 0, "", 1, figures=figures),)), ()
    )
    assert [(metric.name, metric.samples[0].labels) for metric in metrics] == [
        ("beats_sink_reconnects", {"sink": "a"}),
        ("beats_source_reconnects", {"source": "a"}),
    ]


class Told:
    """A collector of sinks' own metrics only."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    def collect(self) -> list[Metric]:
        return list(own_metrics(self._stats, ()))


numbers = st.one_of(st.floats(), st.integers(), st.booleans())
pairs = st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=12), numbers), max_size=8)
awkward = st.sampled_from(
    ["s", "a_s", "a_ms", "A S", "a_total", "a_s_total", "total", "_total", "a_count", "count"]
)


@given(st.lists(st.tuples(awkward, numbers), max_size=8), pairs)
def test_any_metrics_make_a_valid_answer(
    one: list[tuple[str, float]], other: list[tuple[str, float]]
) -> None:
    """Whatever names and values adapters choose, the answer is valid."""
    registry = CollectorRegistry()
    registry.register(Told(with_figures(a=tuple(one), b=tuple(other))))
    metrics = plain(generate_latest(registry).decode())
    assert [fault for fault in faults(metrics) if "in its name" not in fault] == []
    assert all(name.startswith("beats_sink_") for name in Samples(metrics).names())
