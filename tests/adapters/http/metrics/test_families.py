"""Which counters become which metrics."""

from dataclasses import replace

import pytest

from beats.adapters.http.metrics.families import (
    CLASSES,
    FAMILIES,
    STATES,
    Reader,
    age,
    causes,
    latency,
    round_trip,
    unit_of,
)
from beats.kernel.stats import Amount, ClientGroup, DropStats, Latency, Stats
from tests.adapters.http.metrics.lint import Samples, faults
from tests.adapters.http.metrics.material import BROWSER, GROUPS, RECORDER, STATS

NOTHING = Stats(0, 0, (), ())


def test_the_unit_is_the_last_word_of_a_name() -> None:
    """A state has none."""
    names = ("beats_free_bytes", "beats_sink_restarts", "beats_sink_state", "bytes", "")
    assert [unit_of(name) for name in names] == ["bytes", "restarts", "", "bytes", ""]


def test_a_counter_ends_in_total_and_a_gauge_does_not() -> None:
    """The library completes the names, so that its two formats agree. Without values there is no metric."""
    reader = Reader(("b",), lambda stats: [(("x",), 1), (("y",), 2)])
    for kind, suffix in (("counter", "_total"), ("gauge", "")):
        metric = getattr(reader, kind)("a_bytes", "Some.", float).metric(NOTHING)
        assert [(each.name, each.labels, each.value) for each in metric.samples] == [
            (f"a_bytes{suffix}", {"b": "x"}, 1),
            (f"a_bytes{suffix}", {"b": "y"}, 2),
        ]
        assert (metric.type, metric.unit) == (kind, "bytes")
    empty: Reader[float] = Reader(("b",), lambda stats: [])
    assert empty.counter("a_bytes", "Some.", float).metric(NOTHING) is None


def test_amounts_are_two_metrics() -> None:
    """Envelopes and bytes are never added up, so they are not labels of one."""
    both = Reader((), lambda stats: [((), Amount(2, 300))]).amounts("a_queue", "that wait.", lambda it: it)
    metrics = [family.metric(NOTHING) for family in both]
    assert [(each.name, each.documentation, each.samples[0].value) for each in metrics if each] == [
        ("a_queue_envelopes", "Envelopes that wait.", 2),
        ("a_queue_bytes", "Encoded bytes of envelopes that wait.", 300),
    ]


def told(stats: Stats) -> Samples:
    return Samples(metric for family in FAMILIES if (metric := family.metric(stats)) is not None)


MISSED = {"full frame drop_oldest": 6, "thinned frame max_fps": 30, "thinned peripheral left": 1}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("beats_published_envelopes_total", {"kind=frame": 60, "kind=peripheral": 47}),
        ("beats_given_up_envelopes_total", {"frame encoder": 9, "frame failed": 1}),
        ("beats_source_published_envelopes_total", {"source=demo": 40, "source=tape": 60}),
        ("beats_source_restarts_total", {"source=demo": 0, "source=tape": 2}),
        ("beats_source_position_seconds", {"source=tape": 1.5}),  # only sources that play something have one
        ("beats_source_duration_seconds", {"source=tape": 60}),
        ("beats_source_speed_ratio", {"source=tape": float("inf")}),
        ("beats_source_paused", {"source=tape": 1}),
        ("beats_source_loops_total", {"source=tape": 3}),
        ("beats_sink_restarts_total", {"sink=browser": 1, "sink=rec": 0}),
        ("beats_sink_queue_high_water_envelopes", {"sink=browser": 8, "sink=rec": 8}),
        ("beats_sink_offered_envelopes_total", {"sink=browser": 100, "sink=rec": 100}),
        ("beats_sink_offered_bytes_total", {"sink=browser": 10_000, "sink=rec": 10_000}),
        ("beats_sink_delivered_envelopes_total", {"sink=browser": 90, "sink=rec": 90}),
        ("beats_sink_delivered_bytes_total", {"sink=browser": 9_000, "sink=rec": 9_000}),
        ("beats_sink_queue_envelopes", {"sink=browser": 3, "sink=rec": 3}),
        ("beats_sink_queue_bytes", {"sink=browser": 300, "sink=rec": 300}),
        ("beats_sink_dropped_envelopes_total", {"frame drop_oldest": 5, "peripheral failed": 2}),
        ("beats_sink_dropped_bytes_total", {"frame drop_oldest": 500, "peripheral failed": 200}),
        ("beats_accepted_clients_total", {"sink=browser": 12}),
        ("beats_refused_handshakes_total", {"sink=browser": 5}),
        ("beats_rejected_tokens_total", {"sink=browser": 6}),
        ("beats_evicted_clients_total", {"stalled": 2, "overflowed": 1, "flooded": 4, "silent": 0}),
        # An empty class has zeros, so that its first viewer is a visible rise.
        ("beats_connected_clients", {"full": 2, "chosen": 0, "thinned": 1, "mjpeg": 0, "foxglove": 0}),
        ("beats_behind_clients", {"full": 1, "chosen": 0, "thinned": 1, "mjpeg": 0, "foxglove": 0}),
        (
            "beats_client_queue_high_water_envelopes",
            {"full": 9, "chosen": 0, "thinned": 2, "mjpeg": 0, "foxglove": 0},
        ),
        (
            "beats_client_offered_envelopes_total",
            {"full": 60, "chosen": 0, "thinned": 41, "mjpeg": 0, "foxglove": 0},
        ),
        ("beats_client_dropped_envelopes_total", MISSED),
    ],
)
def test_each_counter_is_a_metric(name: str, expected: dict[str, float]) -> None:
    """By source or sink; drops by kind and reason; those of viewers by their class."""
    found: dict[str, float] = {}
    for labels, value in told(replace(STATS, published=107)).each(name).items():
        have = dict(labels)
        words = [have[each] for each in ("client_class", "kind", "reason") if each in have]
        assert len(have) == 1 or have.get("sink", "browser") == "browser"
        found[" ".join(words) if len(have) > 1 else "=".join(next(iter(labels)))] = value
    assert found == expected


def test_a_source_or_sink_is_in_one_of_all_states() -> None:
    """Each state has a value from the beginning, so that alerts on any state work."""
    samples = told(STATS)
    for kind, several in (("source", STATS.sources), ("sink", STATS.sinks)):
        for each in several:
            of = {kind: each.name}
            values = {state: samples.value(f"beats_{kind}_state", state=state, **of) for state in STATES}
            assert values == {state: float(state == each.state) for state in STATES}
    assert set(STATES) == {"starting", "running", "failed", "ended", "stopped"}


def test_the_same_cause_of_two_lanes_is_added_up() -> None:
    """Prometheus rejects an answer with one combination of labels twice."""
    drops = [DropStats("latest", "frame", 1, 10), DropStats("latest", "frame", 2, 20)]
    assert causes(drops) == {("frame", "latest"): Amount(3, 30)}


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
    assert len(samples.each(f"{name}_sum")) == 1  # a sink without a latency has none
    assert latency(replace(STATS, sinks=(RECORDER,))) is None
    zeros = latency(replace(STATS, sinks=(replace(RECORDER, latency=Latency((0.5,), (0, 0), 0.0)),)))
    assert zeros is not None
    assert faults([zeros]) == []


def test_ages_of_viewers_are_a_histogram_of_each_class_that_has_told_some() -> None:
    """A class whose viewers have told nothing has none: its ages are unknown, and not 0."""
    assert BROWSER.client_totals is not None
    told = replace(BROWSER.client_totals.groups[0], age=Latency((0.1, 1.0), (7, 2, 1), 3.5))
    totals = replace(BROWSER.client_totals, groups=(told, *BROWSER.client_totals.groups[1:]))
    metric = age(replace(STATS, sinks=(replace(BROWSER, client_totals=totals),)))
    assert metric is not None
    assert faults([metric]) == []
    samples = Samples([metric])
    of_class = {"sink": "browser", "client_class": "full"}
    counts = [samples.value("beats_client_age_seconds_bucket", **of_class, le=le) for le in ("0.1", "+Inf")]
    assert counts == [7, 10]
    assert len(samples.each("beats_client_age_seconds_sum")) == 1
    assert age(STATS) is None


def test_round_trips_of_viewers_are_a_histogram_of_each_class() -> None:
    """As their ages are."""
    assert BROWSER.client_totals is not None
    answered = replace(BROWSER.client_totals.groups[1], round_trip=Latency((0.1,), (7, 2), 1.5))
    totals = replace(BROWSER.client_totals, groups=(BROWSER.client_totals.groups[0], answered))
    metric = round_trip(replace(STATS, sinks=(replace(BROWSER, client_totals=totals),)))
    assert metric is not None
    assert faults([metric]) == []
    of_class = {"sink": "browser", "client_class": answered.name}
    assert Samples([metric]).value("beats_client_round_trip_seconds_count", **of_class) == 9
    assert round_trip(STATS) is None


def test_what_viewers_were_offered_is_delivered_dropped_or_waits() -> None:
    """In every class, in envelopes and in bytes."""
    samples = told(STATS)
    for unit in ("envelopes", "bytes"):
        for client in CLASSES:
            labels = {"sink": "browser", "client_class": client}
            assert samples.value(f"beats_client_offered_{unit}_total", **labels) == (
                samples.value(f"beats_client_delivered_{unit}_total", **labels)
                + samples.sum(f"beats_client_dropped_{unit}_total", **labels)
                + samples.value(f"beats_client_queue_{unit}", **labels)
            )


def test_an_unknown_class_is_counted_too() -> None:
    """A third-party sink may have its own classes."""
    totals = BROWSER.client_totals
    assert totals is not None
    groups = (*GROUPS, ClientGroup("mirrored", 1, Amount(4, 40), Amount(), ()))
    browser = replace(BROWSER, client_totals=replace(totals, groups=groups))
    samples = told(replace(STATS, sinks=(browser,)))
    assert samples.value("beats_connected_clients", sink="browser", client_class="mirrored") == 1


def test_no_label_names_a_single_viewer() -> None:
    """There may be thousands, and each would leave its series behind. A sink without viewers has none."""
    samples = told(STATS)
    labels = {value for name in samples.names() for each in samples.each(name) for _, value in each}
    names = {each.name for each in STATS.sinks} | {each.name for each in STATS.sources}
    closed = {"stalled", "overflowed", "flooded", "silent"}
    reasons = {"drop_oldest", "encoder", "failed", "max_fps", "left", *closed}
    assert labels == {*names, *STATES, *CLASSES, "frame", "peripheral", *reasons}
    of_viewers = [name for name in samples.names() if "client" in name or "tokens" in name]
    assert len(of_viewers) > 5
    assert not any(("sink", "rec") in each for name in of_viewers for each in samples.each(name))
