"""Computes rates from two answers of a server. No I/O."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from beats.cli.top.fetch import Answer
from beats.kernel.stats import (
    Amount,
    ClientStats,
    ClientTotals,
    DropStats,
    Latency,
    PictureStats,
    QueueStats,
    SinkStats,
    SourceStats,
)

P50: Final = 0.5
P99: Final = 0.99
_MOST_PROCESSES: Final = 256


class Flow(NamedTuple):
    """The traffic of a queue, or of viewers."""

    taken: int
    """Delivered so far."""
    taken_hz: float | None
    """Rates are None without an earlier answer to compare with."""
    taken_bytes_hz: float | None
    waiting: int
    high_water: int
    """The most that ever waited; 0 if unknown."""
    dropped: int
    dropped_hz: float | None
    why: Mapping[str, int]
    """`dropped` by reason."""


class PictureRow(NamedTuple):
    """One picture."""

    picture: PictureStats
    published_hz: float | None
    published_bytes_hz: float | None


class SourceRow(NamedTuple):
    """One source."""

    source: SourceStats
    published_hz: float | None


class SinkRow(NamedTuple):
    """One sink."""

    sink: SinkStats
    flow: Flow
    viewers: Flow | None
    """All its clients together; None for a sink without clients."""
    p50_s: float | None
    """Time from the bus until written, since the previous answer."""
    p99_s: float | None
    figures_hz: Mapping[str, float]
    """Growth per second of those figures that are totals."""


class ClientRow(NamedTuple):
    """One viewer."""

    sink: str
    client: ClientStats
    flow: Flow
    online_s: float
    """Since it connected."""


class Table(NamedTuple):
    """Everything shown about a server."""

    answer: Answer
    up_s: float
    """Since the run began."""
    frames_hz: float | None
    updates_hz: float | None
    cpu: float | None
    """Processor time used by the process that answered, as a part of one processor."""
    pictures: Sequence[PictureRow]
    sources: Sequence[SourceRow]
    sinks: Sequence[SinkRow]
    clients: Sequence[ClientRow]


class _Span:
    """The time between two answers, for computing rates."""

    def __init__(self, before: Answer | None, now: Answer) -> None:
        elapsed_s = 0.0
        if before is not None and _is_one_run(before, now):
            elapsed_s = (now.time_unix_ns - before.time_unix_ns) / 1e9
        self.elapsed_s: Final = elapsed_s
        """0 if the answers cannot be compared, or the server's clock was set back."""

    def rate(self, before: float | None, now: float) -> float | None:
        """The rate per second; None for a counter that is new or was reset."""
        if before is None or self.elapsed_s <= 0 or now < before:
            return None
        return (now - before) / self.elapsed_s


def _is_one_run(before: Answer, now: Answer) -> bool:
    """Whether the later counters go on from the earlier ones: a new run counts from zero.

    All workers of a run give its counters, so the process that answers does not matter.
    """
    begun = before.stats.started_unix_ns, now.stats.started_unix_ns
    if all(begun):
        return begun[0] == begun[1]
    return before.process.pid == now.process.pid and before.uptime_s < now.uptime_s


class Past:
    """Remembers what later answers are compared with."""

    def __init__(self) -> None:
        self.last: Answer | None = None
        """The previous answer."""
        self._processes: Final[dict[int, _Cost]] = {}
        """By process id, what it had used when it last answered: workers answer in turn."""

    def table(self, now: Answer) -> Table:
        """What to show of an answer, which is the previous one from then on."""
        before, self.last = self.last, now
        cost = _Cost(now.time_unix_ns, now.uptime_s, now.process.cpu_s)
        cost_before = self._processes.pop(now.process.pid, None)
        self._processes[now.process.pid] = cost
        if len(self._processes) > _MOST_PROCESSES:
            del self._processes[next(iter(self._processes))]
        return _table(before, now, None if cost_before is None else cost_before.cpu_until(cost))


class _Cost(NamedTuple):
    """What a process had used when it answered."""

    time_unix_ns: int
    uptime_s: float
    cpu_s: float

    def cpu_until(self, later: "_Cost") -> float | None:
        """Used part of one processor; None for another process of the same id, or if a clock was set back."""
        elapsed_s = (later.time_unix_ns - self.time_unix_ns) / 1e9
        if elapsed_s <= 0 or later.uptime_s <= self.uptime_s or later.cpu_s < self.cpu_s:
            return None
        return (later.cpu_s - self.cpu_s) / elapsed_s


def _table(before: Answer | None, now: Answer, cpu: float | None) -> Table:
    span = _Span(before, now)
    old_sources = {source.name: source for source in before.stats.sources} if before else {}
    old_sinks = {sink.name: sink for sink in before.stats.sinks} if before else {}
    old_pictures = {each.topic: each.published for each in before.stats.pictures} if before else {}
    updates = now.stats.published - now.stats.frames
    old = before.stats if before else None
    return Table(
        now,
        _up_s(now),
        span.rate(old.frames if old else None, now.stats.frames),
        span.rate(old.published - old.frames if old else None, updates),
        cpu,
        [
            PictureRow(each, *_rates(span, old_pictures.get(each.topic), each.published))
            for each in now.stats.pictures
        ],
        [
            SourceRow(source, span.rate(_published(old_sources.get(source.name)), source.published))
            for source in now.stats.sources
        ],
        [_sink_row(span, old_sinks.get(sink.name), sink) for sink in now.stats.sinks],
        [
            row
            for sink in now.stats.sinks
            for row in _client_rows(span, old_sinks.get(sink.name), sink, now.time_unix_ns)
        ],
    )


def _up_s(now: Answer) -> float:
    """Since the run began; a worker that answers may have been restarted since."""
    begun_unix_ns = now.stats.started_unix_ns
    return max(0.0, (now.time_unix_ns - begun_unix_ns) / 1e9) if begun_unix_ns else now.uptime_s


def quantile_s(latency: Latency, before: Latency | None, quantile: float) -> float | None:
    """A quantile of the latencies since `before`, or of all if there are none since.

    Within a class it is interpolated linearly. Of the last class only the lower bound is known.
    """
    counts = list(latency.counts)
    if before is not None and before.bounds_s == latency.bounds_s:
        since = [now - then for now, then in zip(counts, before.counts, strict=False)]
        if len(since) == len(counts) and min(since, default=0) >= 0 and any(since):
            counts = since
    if not any(counts) or len(counts) != len(latency.bounds_s) + 1:
        return None
    wanted = quantile * sum(counts)
    below = 0
    for index, number in enumerate(counts[:-1]):
        if number and below + number >= wanted:
            lower = latency.bounds_s[index - 1] if index else 0.0
            return lower + (latency.bounds_s[index] - lower) * (wanted - below) / number
        below += number
    return latency.bounds_s[-1] if latency.bounds_s else None


def _published(source: SourceStats | None) -> int | None:
    return None if source is None else source.published


def _sink_row(span: _Span, before: SinkStats | None, now: SinkStats) -> SinkRow:
    viewers = None
    if now.client_totals is not None:
        viewers = _viewers(span, before.client_totals if before else None, now.client_totals)
    p50_s = p99_s = None
    if now.latency is not None:
        old = before.latency if before is not None and span.elapsed_s > 0 else None
        p50_s, p99_s = quantile_s(now.latency, old, P50), quantile_s(now.latency, old, P99)
    old_figures = dict(before.figures) if before else {}
    rates = {name: span.rate(old_figures.get(name), value) for name, value in now.figures}
    return SinkRow(
        now,
        _flow(span, before.queue if before else None, now.queue),
        viewers,
        p50_s,
        p99_s,
        {name: hz for name, hz in rates.items() if hz is not None and name.endswith("_total")},
    )


def _client_rows(
    span: _Span, before: SinkStats | None, now: SinkStats, now_unix_ns: int
) -> Iterable[ClientRow]:
    old = {client.id: client for client in before.clients} if before else {}
    for client in now.clients:
        then = old.get(client.id)
        online_s = max(0.0, (now_unix_ns - client.connected_unix_ns) / 1e9)
        yield ClientRow(now.name, client, _flow(span, then.queue if then else None, client.queue), online_s)


def _flow(span: _Span, before: QueueStats | None, now: QueueStats) -> Flow:
    return Flow(
        now.taken.items,
        *_rates(span, before.taken if before else None, now.taken),
        now.waiting.items,
        now.high_water,
        now.dropped.items,
        span.rate(before.dropped.items if before else None, now.dropped.items),
        _reasons(now.drops),
    )


def _viewers(span: _Span, before: ClientTotals | None, now: ClientTotals) -> Flow:
    return Flow(
        now.delivered.items,
        *_rates(span, before.delivered if before else None, now.delivered),
        sum(group.waiting.items for group in now.groups),
        0,
        now.dropped.items,
        span.rate(before.dropped.items if before else None, now.dropped.items),
        _reasons(drop for group in now.groups for drop in group.drops),
    )


def _rates(span: _Span, before: Amount | None, now: Amount) -> tuple[float | None, float | None]:
    items, size = (before.items, before.bytes) if before else (None, None)
    return span.rate(items, now.items), span.rate(size, now.bytes)


def _reasons(drops: Iterable[DropStats]) -> Mapping[str, int]:
    reasons: Counter[str] = Counter()
    for drop in drops:
        reasons[drop.reason] += drop.items
    return dict(reasons.most_common())
