"""Which counters become which metrics."""

from dataclasses import replace

import pytest
from prometheus_client.metrics_core import GaugeMetricFamily

from beats.adapters.http.metrics.families import (
    CLASSES,
    FAMILIES,
    STATES,
    amounts,
    causes,
    counter,
    gauge,
    latency,
    unit_of,
)
from beats.kernel.stats import Amount, ClientGroup, DropStats, Latency, SinkStats, Stats
from tests.adapters.http.metrics.lint import Samples, faults
from tests.adapters.http.metrics.material import BROWSER, GROUPS, RECORDER, STATS

NOTHING = Stats(0, 0, (), ())


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("beats_free_bytes", "bytes"),
        ("beats_sink_restarts", "restarts"),
        ("beats_sink_state", ""),
        ("bytes", "bytes"),
        ("", ""),
    ],
)
def test_the_unit_is_the_last_word_of_a_name(name: str, unit: str) -> None:
    """A state has none."""
    assert unit_of(name) == unit


def test_a_counter_ends_in_total_and_a_gauge_does_not() -> None:
    """The library completes the names, so that its two formats agree."""
    for make, suffix in ((counter, "_total"), (gauge, "")):
        metric = make("a_bytes", "Some.", ("b",), lambda stats: [(("x",), 1), (("y",), 2)], float).metric(
            NOTHING
        )
        assert metric is not None
        assert [(each.name, each.labels, each.value) for each in metric.samples] == [
            (f"a_bytes{suffix}", {"b": "x"}, 1),
            (f"a_bytes{suffix}", {"b": "y"}, 2),
        ]
        assert (metric.type, metric.unit) == (make.__name__, "bytes")


def test_a_metric_without_values_is_left_out() -> None:
    """A help line without a value is useless."""
    assert counter("a_bytes", "Some.", ("b",), lambda stats: [], float).metric(NOTHING) is None


def test_amounts_are_two_metrics() -> None:
    """Envelopes and bytes are never added up, so they are not labels of one."""
    both = amounts(
        GaugeMetricFamily,
        "a_queue",
        "that wait.",
        (),
        lambda stats: [((), Amount(2, 300))],
        lambda amount: amount,
    )
    metrics = [family.metric(NOTHING) for family in both]
    assert [(each.name, each.documentation, each.samples[0].value) for each in metrics if each] == [
        ("a_queue_envelopes", "Envelopes that wait.", 2),
        ("a_queue_bytes", "Encoded bytes of envelopes that wait.", 300),
    ]


def told(stats: Stats) -> Samples:
    return Samples(metric for family in FAMILIES if (metric := family.metric(stats)) is not None)


def test_published_envelopes_are_counted_by_kind_and_by_source() -> None:
    """What the embedding program published is in the first and not in the second."""
    samples = told(replace(STATS, published=107))
    assert samples.value("beats_published_envelopes_total", kind="frame") == 60
    assert samples.value("beats_published_envelopes_total", kind="peripheral") == 47
    assert samples.sum("beats_source_published_envelopes_total") == 100
    assert samples.value("beats_source_published_envelopes_total", source="demo") == 40


def test_a_source_is_in_one_of_all_states() -> None:
    """Each state has a value from the beginning, so that alerts on any state work."""
    samples = told(STATS)
    for source in STATS.sources:
        values = {
            state: samples.value("beats_source_state", source=source.name, state=state) for state in STATES
        }
        assert values == {state: float(state == source.state) for state in STATES}
    assert set(STATES) == {"starting", "running", "failed", "ended", "stopped"}
    assert samples.value("beats_source_restarts_total", source="tape") == 2


def test_only_sources_that_play_something_have_a_position() -> None:
    """A speed without limit is +Inf."""
    samples = told(STATS)
    labels = frozenset({("source", "tape")})
    assert samples.each("beats_source_position_seconds") == {labels: 1.5}
    assert samples.each("beats_source_duration_seconds") == {labels: 60}
    assert samples.each("beats_source_speed_ratio") == {labels: float("inf")}
    assert samples.each("beats_source_paused") == {labels: 1}
    assert samples.each("beats_source_loops_total") == {labels: 3}


@pytest.mark.parametrize("unit", ["envelopes", "bytes"])
@pytest.mark.parametrize("sink", [BROWSER, RECORDER], ids=lambda sink: sink.name)
def test_every_number_of_a_queue_is_a_metric(sink: SinkStats, unit: str) -> None:
    """In envelopes and in bytes."""
    samples = told(STATS)
    place = "items" if unit == "envelopes" else "bytes"
    for name, amount in (
        ("beats_sink_offered_{}_total", sink.queue.offered),
        ("beats_sink_delivered_{}_total", sink.queue.taken),
        ("beats_sink_queue_{}", sink.queue.waiting),
    ):
        assert samples.value(name.format(unit), sink=sink.name) == getattr(amount, place)


def test_drops_are_counted_by_kind_and_reason() -> None:
    """A sink that dropped nothing has none."""
    samples = told(STATS)
    assert samples.each("beats_sink_dropped_envelopes_total") == {
        frozenset({("sink", "browser"), ("kind", "frame"), ("reason", "drop_oldest")}): 5,
        frozenset({("sink", "browser"), ("kind", "peripheral"), ("reason", "failed")}): 2,
    }
    assert samples.sum("beats_sink_dropped_bytes_total") == 700


def test_the_same_cause_of_two_lanes_is_added_up() -> None:
    """Prometheus rejects an answer with one combination of labels twice."""
    drops = [DropStats("latest", "frame", 1, 10), DropStats("latest", "frame", 2, 20)]
    assert causes(drops) == {("frame", "latest"): Amount(3, 30)}


def test_each_sink_has_state_restarts_and_high_water() -> None:
    """Each state is a row of its own."""
    samples = told(STATS)
    assert samples.value("beats_sink_state", sink="rec", state="failed") == 1
    assert samples.sum("beats_sink_state", sink="rec") == 1
    assert samples.value("beats_sink_restarts_total", sink="browser") == 1
    assert samples.value("beats_sink_queue_high_water_envelopes", sink="browser") == 8


def test_latency_is_a_complete_histogram() -> None:
    """Prometheus buckets are cumulative; those of the counters are not."""
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


def test_a_sink_without_latency_has_no_histogram() -> None:
    """A histogram that counted nothing yet has zeros."""
    assert latency(replace(STATS, sinks=(RECORDER,))) is None
    zeros = latency(replace(STATS, sinks=(replace(RECORDER, latency=Latency((0.5,), (0, 0), 0.0)),)))
    assert zeros is not None
    assert faults([zeros]) == []


def of_class(samples: Samples, name: str) -> dict[str, float]:
    return {client: samples.value(name, sink="browser", client_class=client) for client in CLASSES}


def test_viewers_are_counted_by_class() -> None:
    """An empty class has zeros, so that its first viewer is a visible rise."""
    samples = told(STATS)
    assert of_class(samples, "beats_connected_clients") == {"full": 2, "chosen": 0, "thinned": 1}
    assert of_class(samples, "beats_behind_clients") == {"full": 1, "chosen": 0, "thinned": 1}
    high_water = of_class(samples, "beats_client_queue_high_water_envelopes")
    assert high_water == {"full": 9, "chosen": 0, "thinned": 2}


def test_what_viewers_were_offered_is_delivered_dropped_or_waits() -> None:
    """In every class, in envelopes and in bytes."""
    samples = told(STATS)
    assert of_class(samples, "beats_client_offered_envelopes_total") == {
        "full": 60,
        "chosen": 0,
        "thinned": 41,
    }
    for unit in ("envelopes", "bytes"):
        for client in CLASSES:
            labels = {"sink": "browser", "client_class": client}
            assert samples.value(f"beats_client_offered_{unit}_total", **labels) == (
                samples.value(f"beats_client_delivered_{unit}_total", **labels)
                + samples.sum(f"beats_client_dropped_{unit}_total", **labels)
                + samples.value(f"beats_client_queue_{unit}", **labels)
            )


def test_what_viewers_missed_is_counted_by_class_kind_and_reason() -> None:
    """What a viewer left out by `max_fps` is separate from what it was too slow for."""
    missed = told(STATS).each("beats_client_dropped_envelopes_total")
    assert {tuple(sorted(dict(labels).items())): value for labels, value in missed.items()} == {
        (("client_class", "full"), ("kind", "frame"), ("reason", "drop_oldest"), ("sink", "browser")): 6,
        (("client_class", "thinned"), ("kind", "frame"), ("reason", "max_fps"), ("sink", "browser")): 30,
        (("client_class", "thinned"), ("kind", "peripheral"), ("reason", "left"), ("sink", "browser")): 1,
    }


def test_accepted_refused_and_evicted_viewers_are_counted() -> None:
    """All reasons of an eviction are there from the beginning."""
    samples = told(STATS)
    assert samples.value("beats_accepted_clients_total", sink="browser") == 12
    assert samples.value("beats_refused_handshakes_total", sink="browser") == 5
    assert samples.value("beats_evicted_clients_total", sink="browser", reason="stalled") == 2
    assert samples.value("beats_evicted_clients_total", sink="browser", reason="overflowed") == 1
    assert samples.value("beats_evicted_clients_total", sink="browser", reason="flooded") == 4
    assert samples.value("beats_rejected_tokens_total", sink="browser") == 6


def test_an_unknown_class_is_counted_too() -> None:
    """A third-party sink may have its own classes."""
    totals = BROWSER.client_totals
    assert totals is not None
    groups = (*GROUPS, ClientGroup("mirrored", 1, Amount(4, 40), Amount(), ()))
    browser = replace(BROWSER, client_totals=replace(totals, groups=groups))
    samples = told(replace(STATS, sinks=(browser,)))
    assert samples.value("beats_connected_clients", sink="browser", client_class="mirrored") == 1


def test_a_sink_without_viewers_has_no_metrics_of_them() -> None:
    """Not even zeros: it will never have any."""
    samples = told(STATS)
    names = [name for name in samples.names() if "client" in name or "tokens" in name]
    assert len(names) > 5
    assert not any(("sink", "rec") in labels for name in names for labels in samples.each(name))


def test_no_label_names_a_single_viewer() -> None:
    """There may be thousands, and each would leave its series behind."""
    samples = told(STATS)
    labels = {value for name in samples.names() for each in samples.each(name) for _, value in each}
    names = {each.name for each in STATS.sinks} | {each.name for each in STATS.sources}
    reasons = {"drop_oldest", "failed", "max_fps", "left", "stalled", "overflowed", "flooded"}
    assert labels == {*names, *STATES, *CLASSES, "frame", "peripheral", *reasons}
