"""Merges the counters of all processes of a run."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from functools import reduce
from itertools import chain
from typing import Any, Final, NamedTuple, TypeVar

from beats.kernel.stats import (
    Amount,
    ClientGroup,
    ClientTotals,
    DropStats,
    Latency,
    QueueStats,
    SinkStats,
    SourceStats,
    Stats,
)

_Counters = TypeVar("_Counters", QueueStats, ClientTotals, ClientGroup)

_IDS: Final = 1_000_000_000
"""Client ids reserved for each process."""


class Report(NamedTuple):
    """The last counters of one worker."""

    worker: int
    """The number of the worker, from 1."""
    process: int
    """The number of its process, counted over all workers and restarts."""
    stats: Stats | None
    """The counters of the worker; None while it does not run."""
    why: str = ""
    """Why the worker is not running."""


def client_id(process: int, client: int) -> int:
    """A client id that is unique among all processes."""
    return process * _IDS + client


def merge(
    parent: Stats, reports: Sequence[Report], served: Iterable[str], gone: Sequence[Stats], restarts: int
) -> Stats:
    """The merged counters.

    Args:
        parent: the counters of the parent, whose own sinks, sources and totals are kept.
        reports: one for each worker.
        served: the sinks that run in the workers.
        gone: the counters of ended workers.
        restarts: how often workers were restarted.
    """
    together = [_together(name, reports, gone, restarts) for name in served]
    return replace(parent, sinks=(*together, *parent.sinks))


def ended(stats: Stats) -> Stats:
    """The final counters of an ended process: no client is connected, and what waited counts as lost."""
    return replace(stats, sinks=tuple(_ended(sink) for sink in stats.sinks))


def added(one: Stats, other: Stats) -> Stats:
    """The sum of the counters of two ended processes."""
    names = dict.fromkeys(sink.name for sink in (*one.sinks, *other.sinks))
    same = [[sink for sink in (*one.sinks, *other.sinks) if sink.name == name] for name in names]
    return replace(one, sinks=tuple(_sum_of_sinks(each) for each in same))


def _together(name: str, reports: Sequence[Report], gone: Sequence[Stats], restarts: int) -> SinkStats:
    found: list[SinkStats] = []
    for report in reports:
        for sink in report.stats.sinks if report.stats else ():
            if sink.name == name:
                ids = (client_id(report.process, client.id) for client in sink.clients)
                clients = (replace(client, id=id_) for client, id_ in zip(sink.clients, ids, strict=True))
                found.append(replace(sink, clients=tuple(clients)))
    before = [sink for stats in gone for sink in stats.sinks if sink.name == name]
    state, why = _state(name, reports)
    if not (found or before):
        nothing = QueueStats(name, Amount(), Amount(), Amount(), Amount(), (), 0)
        found = [SinkStats(name, state, 0, why, nothing)]
    total = _sum_of_sinks([*found, *before])
    running = sum(report.stats is not None for report in reports)
    workers = (("workers", len(reports)), ("workers_running", running))
    return replace(
        total,
        state=state,
        restarts=total.restarts + restarts,
        last_error=why,
        figures=(*workers, *total.figures),
    )


def _ended(sink: SinkStats) -> SinkStats:
    queue, totals = sink.queue, sink.client_totals
    if totals is not None:
        left = tuple(replace(group, connected=0, waiting=Amount()) for group in totals.groups)
        totals = replace(totals, connected=0, groups=left)
    # The kinds that waited are unknown: nearly all that a queue holds are frames.
    waiting = queue.waiting
    lost = (DropStats("failed", "frame", waiting.items, waiting.bytes),) if waiting.items else ()
    queue = replace(
        queue,
        waiting=Amount(),
        dropped=queue.dropped.plus(queue.waiting),
        drops=_drops([*queue.drops, *lost]),
    )
    return replace(sink, queue=queue, clients=(), client_totals=totals)


def _sum_of_sinks(parts: Sequence[SinkStats]) -> SinkStats:
    totals = [sink.client_totals for sink in parts if sink.client_totals is not None]
    latencies = [sink.latency for sink in parts if sink.latency is not None]
    return replace(
        parts[0],
        restarts=sum(sink.restarts for sink in parts),
        queue=_added([sink.queue for sink in parts]),
        clients=tuple(client for sink in parts for client in sink.clients),
        client_totals=_added(totals) if totals else None,
        latency=_latency(latencies) if latencies else None,
        figures=_figures(parts),
    )


def _state(name: str, reports: Sequence[Report]) -> tuple[str, str]:
    """`running` if the sink runs in all workers; else the first other state, with its worker."""
    for report in reports:
        if report.stats is None:
            return "failed", f"worker {report.worker}: {report.why or 'it is not running'}"
        for sink in report.stats.sinks:
            if sink.name == name and sink.state != "running":
                return sink.state, f"worker {report.worker}: {sink.last_error}" if sink.last_error else ""
        for source in report.stats.sources:
            if source.state == "failed":
                return "failed", f"worker {report.worker} gets no stream: {source.last_error}"
    return "running", ""


def _added(parts: Sequence[_Counters]) -> _Counters:
    """The sum of counters, field by field; names are those of the first."""
    first = parts[0]
    return replace(
        first,
        **{each.name: _field(each.name, [getattr(p, each.name) for p in parts]) for each in fields(first)},
    )


def _field(name: str, values: Sequence[Any]) -> Any:
    if name == "high_water":
        return max(values)
    if name == "drops":
        return _drops(chain.from_iterable(values))
    if name == "groups":
        groups: list[ClientGroup] = [group for each in values for group in each]
        names = dict.fromkeys(group.name for group in groups)
        return tuple(_added([group for group in groups if group.name == name]) for name in names)
    if name in ("age", "round_trip"):
        times: list[Latency] = [each for each in values if each is not None]
        return _latency(times) if times else None
    if isinstance(values[0], Amount):
        return reduce(Amount.plus, values)
    return sum(values) if isinstance(values[0], int) else values[0]


def _latency(latencies: Sequence[Latency]) -> Latency:
    counts = zip(*(each.counts for each in latencies), strict=True)
    return Latency(latencies[0].bounds_s, tuple(map(sum, counts)), sum(each.sum_s for each in latencies))


def _figures(parts: Sequence[SinkStats]) -> tuple[tuple[str, float], ...]:
    found: dict[str, float] = {}
    for sink in parts:
        for name, value in sink.figures:
            found[name] = found.get(name, 0) + value
    return tuple(found.items())


def _drops(drops: Iterable[DropStats]) -> tuple[DropStats, ...]:
    found: dict[tuple[str, str], DropStats] = {}
    for drop in drops:
        before = found.get((drop.reason, drop.kind))
        if before is not None:
            drop = replace(drop, items=before.items + drop.items, bytes=before.bytes + drop.bytes)
        found[drop.reason, drop.kind] = drop
    return tuple(found.values())


def aged(stats: Stats, seconds: float) -> Stats:
    """Counters of some seconds ago, with playback positions advanced to now."""
    return replace(stats, sources=tuple(_aged(source, seconds) for source in stats.sources))


def _aged(source: SourceStats, seconds: float) -> SourceStats:
    playback = source.playback
    if playback is None or playback.paused or playback.speed == float("inf"):
        return source
    position_s = min(playback.duration_s, playback.position_s + seconds * playback.speed)
    return replace(source, playback=replace(playback, position_s=position_s))


def totals_only(stats: Stats) -> Stats:
    """The counters without those of single clients."""
    return replace(stats, sinks=tuple(replace(sink, clients=()) for sink in stats.sinks))
