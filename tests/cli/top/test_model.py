"""Rates, and what else two answers say together."""

import pytest

from beats.cli.top.fetch import Answer
from beats.cli.top.model import Past, quantile_s
from beats.kernel.stats import Latency
from tests.cli.top.answers import BEGUN_NS, LATENCY, answer, client, queue, sink, source, stats, table


def at(at_s: float, count: int, started_unix_ns: int = 0, **fields: object) -> Answer:
    """An answer in which everything that counts has come to `count`."""
    drops = [("latest", count)]
    viewer = client(1, taken=3 * count, waiting=2, high_water=5, drops=drops)
    figures = (("written_bytes_total", float(count * 50)), ("free_bytes", 1e9 - count))
    browser = sink(clients=[viewer], queue=queue(taken=2 * count, drops=drops))
    recorder = sink("recorder", queue=queue(taken=count), figures=figures)
    sources = [source(published=count)]
    counted = stats([browser, recorder], sources, count, count // 2, started_unix_ns=started_unix_ns)
    return answer(counted, at_s, **fields)


def test_rates_are_differences_over_the_servers_own_time() -> None:
    """However long the answers took; of figures, those have rates whose names end in `_total`."""
    found = table(at(10, 100), at(12, 200))
    assert (found.frames_hz, found.updates_hz, found.cpu) == (25, 25, 0.25)
    assert found.sources[0].published_hz == 50
    browser, recorder = found.sinks
    assert (browser.flow.taken_hz, browser.flow.taken_bytes_hz, browser.flow.dropped_hz) == (100, 1000, 50)
    assert browser.viewers is not None
    assert (browser.viewers.taken_hz, browser.viewers.dropped_hz, browser.viewers.waiting) == (150, 50, 2)
    assert (recorder.viewers, recorder.figures_hz) == (None, {"written_bytes_total": 2500})
    viewer = found.clients[0]
    assert (viewer.flow.taken_hz, viewer.flow.dropped_hz, viewer.flow.high_water) == (150, 50, 5)
    assert (viewer.sink, viewer.online_s, viewer.flow.why) == ("browser", 12, {"latest": 200})


@pytest.mark.parametrize(
    "before",
    [
        None,
        at(10, 300),
        at(12, 100),
        at(14, 100),
        at(10, 100, process={"pid": 8, "cpu_s": 0}),
        at(10, 100, uptime_s=9999),
        at(10, 100, started_unix_ns=BEGUN_NS - 1),
    ],
    ids=["first", "counters fell", "same time", "set back", "another process", "began again", "another run"],
)
def test_without_a_time_between_them_nothing_has_a_rate(before: Answer | None) -> None:
    """No rate is invented, and nothing is divided by zero."""
    found = table(before, at(12, 200, BEGUN_NS if before and before.stats.started_unix_ns else 0))
    assert (found.frames_hz, found.sources[0].published_hz) == (None, None)
    for flow in (found.sinks[0].flow, found.sinks[0].viewers, found.clients[0].flow):
        assert flow is not None
        assert (flow.taken_hz, flow.taken_bytes_hz, flow.dropped_hz) == (None, None, None)
    assert found.sinks[1].figures_hz == {}


def test_the_counters_of_a_run_go_on_whichever_of_its_workers_answers() -> None:
    """The run's counters have rates at each answer; the used processor is that of the one that answers."""
    first, second = (
        [
            at(at_s, 100 * at_s, BEGUN_NS, process={"name": name, "pid": pid, "cpu_s": at_s / pid})
            for at_s in (1, 2, 3, 4)
        ]
        for name, pid in (("worker 1", 10), ("worker 2", 20))
    )
    past = Past()
    answers = [first[0], second[1], first[2], second[3]]
    found = [past.table(each) for each in answers]
    assert [each.frames_hz for each in found] == [None, 50, 50, 50]
    assert [each.cpu for each in found] == [None, None, pytest.approx(1 / 10), pytest.approx(1 / 20)]
    assert [each.up_s for each in found] == [1, 2, 3, 4]


def test_who_has_just_come_has_no_rate_yet() -> None:
    """A sink, source or viewer that is new in this answer; the others have rates."""
    before = answer(stats([sink(clients=[client(1, taken=10)])], [source()]), 1)
    viewers = [client(1, taken=30), client(2, taken=5)]
    now = stats([sink(clients=viewers), sink("new")], [source(), source("more")])
    found = table(before, answer(now, 2))
    assert [row.flow.taken_hz for row in found.clients] == [20, None]
    assert [row.flow.taken_hz for row in found.sinks] == [0, None]
    assert [row.published_hz for row in found.sources] == [0, None]


def test_reasons_are_added_up_over_kinds_and_classes() -> None:
    """The most frequent first."""
    one = client(1, drops=[("latest", 1), ("left", 7)])
    other = client(2, group="thinned", drops=[("latest", 2)])
    found = table(None, answer(stats([sink(clients=[one, other])])))
    assert found.sinks[0].viewers is not None
    assert list(found.sinks[0].viewers.why.items()) == [("left", 7), ("latest", 3)]


def histogram(*counts: int) -> Latency:
    return Latency(bounds_s=LATENCY.bounds_s, counts=counts, sum_s=0)


@pytest.mark.parametrize(
    ("counts", "quantile", "expected"),
    [
        ((100, 0, 0, 0), 0.5, 0.0005),
        ((0, 100, 0, 0), 0.5, 0.0055),
        ((50, 50, 0, 0), 0.5, 0.001),
        ((99, 0, 1, 0), 0.99, 0.001),
        ((0, 0, 0, 5), 0.5, 0.1),
        ((0, 0, 0, 0), 0.5, None),
    ],
)
def test_a_quantile_lies_within_its_class(
    counts: tuple[int, ...], quantile: float, expected: float | None
) -> None:
    """It is interpolated; above all bounds, only the bound is known."""
    assert quantile_s(histogram(*counts), None, quantile) == pytest.approx(expected)


def test_quantiles_are_of_what_came_since() -> None:
    """Of new latencies, or of all without new ones; of a histogram whose parts do not fit, there are none."""
    before, now = histogram(0, 0, 1000, 0), histogram(100, 0, 1000, 0)
    assert quantile_s(now, before, 0.99) == pytest.approx(0.00099)
    assert quantile_s(before, before, 0.5) == pytest.approx(0.055)
    assert quantile_s(before, now, 0.5) == pytest.approx(0.055)  # it began again
    assert quantile_s(Latency(bounds_s=(1.0,), counts=(1,), sum_s=0), None, 0.5) is None
    assert quantile_s(Latency(bounds_s=(), counts=(5,), sum_s=0), None, 0.5) is None
    other = Latency(bounds_s=(1.0,), counts=(5, 5), sum_s=0)
    assert quantile_s(histogram(100, 0, 0, 0), other, 0.5) == pytest.approx(0.0005)
