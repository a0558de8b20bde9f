"""A metric from an entry of a table."""

import pytest

from beats.adapters.http.metrics.family import amounts, counter, gauge, unit_of
from beats.kernel.stats import Amount, Stats

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
    """If it is one; a state has none."""
    assert unit_of(name) == unit


def test_a_counter_ends_in_total_and_a_gauge_does_not() -> None:
    """The names are the library's to complete, so that its two formats agree."""
    for make, suffix in ((counter, "_total"), (gauge, "")):
        metric = make("a_bytes", "Some.", ("b",), lambda stats: [(("x",), 1), (("y",), 2)]).metric(NOTHING)
        assert metric is not None
        assert [(each.name, each.labels, each.value) for each in metric.samples] == [
            (f"a_bytes{suffix}", {"b": "x"}, 1),
            (f"a_bytes{suffix}", {"b": "y"}, 2),
        ]
        assert (metric.type, metric.unit) == (make.__name__, "bytes")


def test_a_metric_without_values_is_not_told_of() -> None:
    """A help line without a value tells nothing."""
    assert counter("a_bytes", "Some.", ("b",), lambda stats: []).metric(NOTHING) is None


def test_amounts_are_two_metrics() -> None:
    """Envelopes and bytes are never added up, so they are no labels of one."""
    both = amounts(gauge, "a_queue", "that wait.", (), lambda stats: [((), Amount(2, 300))])
    metrics = [family.metric(NOTHING) for family in both]
    assert [(each.name, each.documentation, each.samples[0].value) for each in metrics if each] == [
        ("a_queue_envelopes", "Envelopes that wait.", 2),
        ("a_queue_bytes", "Encoded bytes of envelopes that wait.", 300),
    ]
