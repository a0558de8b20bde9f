"""What is told of sources, and of the bus."""

from beats.adapters.http.metrics.sources import FAMILIES, STATES
from beats.kernel.stats import Stats
from tests.adapters.http.metrics.lint import Samples
from tests.adapters.http.metrics.material import STATS


def told(stats: Stats) -> Samples:
    return Samples(metric for family in FAMILIES if (metric := family.metric(stats)) is not None)


def test_what_is_on_the_bus_is_told_by_kind_and_by_source() -> None:
    """What the program that embeds Beats published is in the first and not in the second."""
    samples = told(STATS._replace(published=107))
    assert samples.value("beats_published_envelopes_total", kind="frame") == 60
    assert samples.value("beats_published_envelopes_total", kind="peripheral") == 47
    assert samples.sum("beats_source_published_envelopes_total") == 100
    assert samples.value("beats_source_published_envelopes_total", source="demo") == 40


def test_a_source_is_in_one_of_all_states() -> None:
    """Each state has a value from the beginning: an alert on one that never was would hear of nothing."""
    samples = told(STATS)
    for source in STATS.sources:
        values = {
            state: samples.value("beats_source_state", source=source.name, state=state) for state in STATES
        }
        assert values == {state: float(state == source.state) for state in STATES}
    assert set(STATES) == {"starting", "running", "failed", "ended", "stopped"}
    assert samples.value("beats_source_restarts_total", source="tape") == 2


def test_what_plays_tells_where_it_is_and_others_do_not() -> None:
    """A speed without limit is infinite, which Prometheus can hold."""
    samples = told(STATS)
    labels = frozenset({("source", "tape")})
    assert samples.each("beats_source_position_seconds") == {labels: 1.5}
    assert samples.each("beats_source_duration_seconds") == {labels: 60}
    assert samples.each("beats_source_speed_ratio") == {labels: float("inf")}
    assert samples.each("beats_source_paused") == {labels: 1}
    assert samples.each("beats_source_loops_total") == {labels: 3}
