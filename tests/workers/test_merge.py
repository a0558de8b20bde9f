from dataclasses import replace
from math import inf

import pytest

from beats.kernel.stats import (
    Amount,
    ClientGroup,
    ClientStats,
    ClientTotals,
    DropStats,
    Latency,
    Playback,
    QueueStats,
    SinkStats,
    SourceStats,
    Stats,
)
from beats.workers.merge import Report, added, aged, client_id, ended, merge, totals_only
from tests.adapters.sinks.websocket.support import exact

PARENT = Stats(
    10,
    4,
    (SourceStats("demo", "running", 0, "", 10),),
    (SinkStats("tape", "running", 0, "", QueueStats("tape", Amount(), Amount(), Amount(), Amount(), (), 0)),),
)
GONE = SourceStats("workers", "failed", 1, "gone", 0)


def queue(name: str, taken: int, dropped: int, waiting: int) -> QueueStats:
    drops = (DropStats("drop_oldest", "frame", dropped, dropped * 10),) if dropped else ()

    def amount(items: int) -> Amount:
        return Amount(items, items * 10)

    offered = amount(taken + dropped + waiting)
    return QueueStats(name, offered, amount(taken), amount(dropped), amount(waiting), drops, waiting)


def of_worker(
    taken: int = 5, dropped: int = 1, waiting: int = 2, state: str = "running", error: str = ""
) -> Stats:
    """A worker with one viewer, who got as much as its sink."""
    viewer = ClientStats(1, "host:1", 0, False, queue("host:1", taken, dropped, 0), "full")
    ages = Latency((0.1, 1.0), (0, taken, 1), 0.75) if taken else None
    group = ClientGroup("full", 1, viewer.queue.taken, Amount(), viewer.queue.drops, ages, ages)
    totals = ClientTotals(1, 3, 1, 1, 0, viewer.queue.taken, viewer.queue.dropped, (group,), 2, 3)
    latency = Latency((0.1, 1.0), (taken, 0, 1), 0.5)
    own, figures = queue("browser", taken, dropped, waiting), (("age_s", 2.0),)
    browser = SinkStats("browser", state, 0, error, own, (viewer,), totals, latency, figures)
    return Stats(8, 3, (SourceStats("workers", "running", 0, "", 8),), (browser,))


def together(*reports: Report, gone: tuple[Stats, ...] = (), restarts: int = 0) -> SinkStats:
    return merge(PARENT, reports, ["browser"], gone, restarts).sinks[0]


def test_what_only_the_parent_has_is_the_parents() -> None:
    """Its sources, other sinks and what it published; a summary costs the same for any number of clients."""
    merged = merge(PARENT, [Report(1, 1, of_worker())], ["browser"], [], 0)
    assert replace(merged, sinks=merged.sinks[1:]) == PARENT
    assert [sink.clients for sink in totals_only(of_worker()).sinks] == [()]


def test_counters_of_workers_are_added() -> None:
    """Sums are exact; the high-water mark is the highest of any."""
    sink = together(Report(1, 1, of_worker(5, 1, 2)), Report(2, 2, of_worker(7, 0, 0)))
    assert exact(sink.queue)
    assert (sink.queue.taken.items, sink.queue.dropped.items, sink.queue.high_water) == (12, 1, 2)
    drops = (DropStats("drop_oldest", "frame", 1, 10),)
    ages = Latency((0.1, 1.0), (0, 12, 2), 1.5)
    groups = (ClientGroup("full", 2, Amount(12, 120), Amount(), drops, ages, ages),)
    assert sink.client_totals == ClientTotals(2, 6, 2, 2, 0, Amount(12, 120), Amount(1, 10), groups, 4, 6)
    assert sink.latency == Latency((0.1, 1.0), (12, 0, 2), 1.0)
    assert dict(sink.figures) == {"workers": 2, "workers_running": 2, "age_s": 4.0}
    assert (sink.state, sink.last_error) == ("running", "")


def test_clients_have_different_ids_and_silent_sinks_are_there() -> None:
    """Also before and after a restart; a sink that no worker has reported yet has counters of zero."""
    sink = together(Report(1, 1, of_worker()), Report(2, 5, of_worker()))
    assert [client.id for client in sink.clients] == [client_id(1, 1), client_id(5, 1)]
    sink = together(Report(1, 0, None, "it has not started yet"))
    assert (sink.state, sink.queue.offered, sink.client_totals) == ("failed", Amount(), None)


@pytest.mark.parametrize(
    ("bad", "state", "why"),
    [
        (Report(2, 2, None, "was killed (signal 9)"), "failed", "worker 2: was killed (signal 9)"),
        (Report(2, 2, of_worker(state="failed", error="OSError: no")), "failed", "worker 2: OSError: no"),
        (Report(2, 2, of_worker(state="starting")), "starting", ""),
        (Report(2, 2, replace(of_worker(), sources=(GONE,))), "failed", "worker 2 gets no stream: gone"),
    ],
    ids=["killed", "sink", "starting", "source"],
)
def test_a_sink_runs_only_if_it_runs_in_all_workers(bad: Report, state: str, why: str) -> None:
    """The error names the worker."""
    sink = together(Report(1, 1, of_worker()), bad)
    assert (sink.state, sink.last_error) == (state, why)


def test_what_a_worker_had_counted_stays_counted_when_it_has_ended() -> None:
    """Its viewers are gone and what waited is lost, but no counter decreases."""
    left = added(ended(of_worker(5, 1, 2)), ended(of_worker(1, 1, 1)))
    sink = together(Report(1, 3, of_worker(2, 0, 0)), gone=(left,), restarts=2)
    assert exact(sink.queue)
    assert (sink.queue.taken.items, sink.queue.dropped.items, sink.queue.waiting.items) == (8, 5, 0)
    assert sink.client_totals is not None
    assert (sink.client_totals.connected, sink.client_totals.accepted) == (1, 9)
    assert sink.restarts == 2
    assert len(sink.clients) == 1
    reasons = {drop.reason: drop.items for drop in sink.queue.drops}
    assert reasons == {"drop_oldest": 2, "failed": 3}


def test_what_plays_is_shown_where_it_is_by_now() -> None:
    """A playback position is advanced by the age of the counters, but not past the end."""

    def after(seconds: float, playback: Playback) -> float:
        playing = SourceStats("replay", "running", 0, "", 0, playback)
        moved = aged(replace(PARENT, sources=(playing,)), seconds).sources[0].playback
        assert moved is not None
        return moved.position_s

    assert after(0.5, Playback(1.0, 10.0, 2.0, False, 0)) == 2.0
    assert after(0.5, Playback(1.0, 10.0, 2.0, True, 0)) == 1.0
    assert after(60.0, Playback(1.0, 10.0, 1.0, False, 0)) == 10.0
    assert after(0.5, Playback(1.0, 10.0, inf, False, 0)) == 1.0
