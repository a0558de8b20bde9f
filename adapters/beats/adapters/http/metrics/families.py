"""Which counters become which metrics: those of the bus, of sources, of sinks and of classes of viewers.

Viewers are told about by class, never one by one: there may be thousands.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final, NamedTuple, get_args

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from beats.kernel.run.supervisor import State
from beats.kernel.stats import (
    Amount,
    ClientGroup,
    ClientStats,
    ClientTotals,
    DropStats,
    Playback,
    QueueStats,
    SinkStats,
    SourceStats,
    Stats,
)

STATES: Final[tuple[str, ...]] = get_args(State)
CLASSES: Final = ("full", "chosen", "thinned")
"""Classes of viewers that have metrics from the beginning, so that their first rise from 0 is visible."""
LATENCY: Final = "beats_sink_write_latency_seconds"

UNITS: Final = frozenset(
    {
        "bytes",
        "clients",
        "collections",
        "envelopes",
        "fds",
        "files",
        "handshakes",
        "hertz",
        "loops",
        "pixels",
        "ratio",
        "restarts",
        "seconds",
        "tokens",
    }
)
"""Words at the end of a name that say what is counted or measured."""

Rows = Iterable[tuple[tuple[str, ...], float]]
"""The values of the labels in order, and the value."""


class Family(NamedTuple):
    """A metric: its name, what it means, and where its values are in the counters."""

    type: type[CounterMetricFamily] | type[GaugeMetricFamily]
    name: str
    """A counter's without its `_total`, which the library adds."""
    help: str
    labels: tuple[str, ...]
    rows: Callable[[Stats], Rows]
    """Each combination of labels once: Prometheus rejects the whole answer when one occurs twice."""

    def metric(self, stats: Stats) -> Metric | None:
        """The values now; None when there are none."""
        metric = self.type(self.name, self.help, labels=self.labels, unit=unit_of(self.name))
        for values, value in self.rows(stats):
            metric.add_metric(values, value)
        return metric if metric.samples else None


def unit_of(name: str) -> str:
    """The unit at the end of a name; empty when it has none, such as a state."""
    last = name.rpartition("_")[2]
    return last if last in UNITS else ""


def counter(name: str, text: str, labels: tuple[str, ...], rows: Callable[[Stats], Rows]) -> Family:
    """A metric that only rises."""
    return Family(CounterMetricFamily, name, text, labels, rows)


def gauge(name: str, text: str, labels: tuple[str, ...], rows: Callable[[Stats], Rows]) -> Family:
    """A metric that rises and falls."""
    return Family(GaugeMetricFamily, name, text, labels, rows)


Amounts = Iterable[tuple[tuple[str, ...], Amount]]


def amounts(
    make: Callable[[str, str, tuple[str, ...], Callable[[Stats], Rows]], Family],
    name: str,
    text: str,
    labels: tuple[str, ...],
    rows: Callable[[Stats], Amounts],
) -> tuple[Family, Family]:
    """Two metrics, in envelopes and in bytes; `make` is `counter` or `gauge`."""
    return (
        make(
            f"{name}_envelopes",
            f"Envelopes {text}",
            labels,
            lambda stats: ((values, amount.items) for values, amount in rows(stats)),
        ),
        make(
            f"{name}_bytes",
            f"Encoded bytes of envelopes {text}",
            labels,
            lambda stats: ((values, amount.bytes) for values, amount in rows(stats)),
        ),
    )


def states(parts: Iterable[SourceStats | SinkStats]) -> Rows:
    """For each source or sink and each state: 1 for the state that it is in, 0 for the others."""
    for part in parts:
        for state in STATES:
            yield (part.name, state), float(part.state == state)


def _published(stats: Stats) -> Rows:
    yield ("frame",), stats.frames
    yield ("peripheral",), stats.published - stats.frames


def _playing(stats: Stats) -> Iterator[tuple[tuple[str], Playback]]:
    for source in stats.sources:
        if source.playback is not None:
            yield (source.name,), source.playback


_SOURCES: Final[tuple[Family, ...]] = (
    counter(
        "beats_published_envelopes",
        "Envelopes put on the bus, by sources and by the program that embeds Beats.",
        ("kind",),
        _published,
    ),
    counter(
        "beats_source_published_envelopes",
        "Envelopes put on the bus by a source.",
        ("source",),
        lambda stats: (((source.name,), source.published) for source in stats.sources),
    ),
    gauge(
        "beats_source_state",
        "1 for the state that a source is in, 0 for the others.",
        ("source", "state"),
        lambda stats: states(stats.sources),
    ),
    counter(
        "beats_source_restarts",
        "Attempts to run a source after the first.",
        ("source",),
        lambda stats: (((source.name,), source.restarts) for source in stats.sources),
    ),
    gauge(
        "beats_source_position_seconds",
        "Position of a source that plays something, from its beginning.",
        ("source",),
        lambda stats: ((labels, playback.position_s) for labels, playback in _playing(stats)),
    ),
    gauge(
        "beats_source_duration_seconds",
        "Length of what a source plays.",
        ("source",),
        lambda stats: ((labels, playback.duration_s) for labels, playback in _playing(stats)),
    ),
    gauge(
        "beats_source_speed_ratio",
        "Speed at which a source plays: 1 is as recorded, +Inf as fast as the sinks take it.",
        ("source",),
        lambda stats: ((labels, playback.speed) for labels, playback in _playing(stats)),
    ),
    gauge(
        "beats_source_paused",
        "1 while a source that plays something is paused.",
        ("source",),
        lambda stats: ((labels, float(playback.paused)) for labels, playback in _playing(stats)),
    ),
    counter(
        "beats_source_loops",
        "How often a source that plays something has started over.",
        ("source",),
        lambda stats: ((labels, playback.loops) for labels, playback in _playing(stats)),
    ),
)


def causes(drops: Iterable[DropStats]) -> dict[tuple[str, str], Amount]:
    """What was dropped, by kind and reason."""
    found: dict[tuple[str, str], Amount] = {}
    for drop in drops:
        key = (drop.kind, drop.reason)
        found[key] = found.get(key, Amount()).plus(Amount(drop.items, drop.bytes))
    return found


def _of_sinks(amount: Callable[[QueueStats], Amount]) -> Callable[[Stats], Amounts]:
    """A number of each sink's queue."""
    return lambda stats: (((sink.name,), amount(sink.queue)) for sink in stats.sinks)


def _sink_drops(stats: Stats) -> Amounts:
    for sink in stats.sinks:
        for cause, amount in causes(sink.queue.drops).items():
            yield (sink.name, *cause), amount


_SINKS: Final[tuple[Family, ...]] = (
    gauge(
        "beats_sink_state",
        "1 for the state that a sink is in, 0 for the others.",
        ("sink", "state"),
        lambda stats: states(stats.sinks),
    ),
    counter(
        "beats_sink_restarts",
        "Attempts to run a sink after the first.",
        ("sink",),
        lambda stats: (((sink.name,), sink.restarts) for sink in stats.sinks),
    ),
    *amounts(
        counter,
        "beats_sink_offered",
        "offered to a sink's queue: delivered, dropped or waiting.",
        ("sink",),
        _of_sinks(lambda queue: queue.offered),
    ),
    *amounts(
        counter,
        "beats_sink_delivered",
        "delivered by a sink. Those whose delivery fails later stay counted until others follow.",
        ("sink",),
        _of_sinks(lambda queue: queue.taken),
    ),
    *amounts(
        counter,
        "beats_sink_dropped",
        "dropped on their way to a sink: by its queue's overflow strategy, or for another reason.",
        ("sink", "kind", "reason"),
        _sink_drops,
    ),
    *amounts(
        gauge,
        "beats_sink_queue",
        "that wait in a sink's queue.",
        ("sink",),
        _of_sinks(lambda queue: queue.waiting),
    ),
    gauge(
        "beats_sink_queue_high_water_envelopes",
        "The most envelopes that ever waited in a sink's queue.",
        ("sink",),
        lambda stats: (((sink.name,), sink.queue.high_water) for sink in stats.sinks),
    ),
)


_LABELS: Final = ("sink", "client_class")


def _groups(stats: Stats) -> Iterator[tuple[SinkStats, ClientGroup]]:
    for sink in stats.sinks:
        if sink.client_totals is not None:
            empty = {name: ClientGroup(name, 0, Amount(), Amount(), ()) for name in CLASSES}
            for group in (empty | {group.name: group for group in sink.client_totals.groups}).values():
                yield sink, group


def _of_groups(amount: Callable[[ClientGroup], Amount]) -> Callable[[Stats], Amounts]:
    """A number of each class of viewers."""
    return lambda stats: (((sink.name, group.name), amount(group)) for sink, group in _groups(stats))


def _group_offered(group: ClientGroup) -> Amount:
    offered = group.delivered.plus(group.waiting)
    for amount in causes(group.drops).values():
        offered = offered.plus(amount)
    return offered


def _group_drops(stats: Stats) -> Amounts:
    for sink, group in _groups(stats):
        for cause, amount in causes(group.drops).items():
            yield (sink.name, group.name, *cause), amount


def _of_connected(count: Callable[[list[ClientStats]], int]) -> Callable[[Stats], Rows]:
    """A number of the connected viewers of each class."""

    def rows(stats: Stats) -> Rows:
        for sink, group in _groups(stats):
            yield (sink.name, group.name), count([one for one in sink.clients if one.group == group.name])

    return rows


def _client_totals(stats: Stats) -> Iterator[tuple[tuple[str], ClientTotals]]:
    for sink in stats.sinks:
        if sink.client_totals is not None:
            yield (sink.name,), sink.client_totals


def _evicted(stats: Stats) -> Rows:
    for labels, totals in _client_totals(stats):
        yield (*labels, "stalled"), totals.stalled
        yield (*labels, "overflowed"), totals.overflowed
        yield (*labels, "flooded"), totals.flooded


_CLIENTS: Final[tuple[Family, ...]] = (
    gauge(
        "beats_connected_clients",
        "Viewers that are connected; client_class is full (the whole stream), chosen (some kinds or topics) "
        "or thinned (max_fps).",
        _LABELS,
        lambda stats: (((sink.name, group.name), group.connected) for sink, group in _groups(stats)),
    ),
    gauge(
        "beats_behind_clients",
        "Viewers that do not keep up, and read from a queue of their own.",
        _LABELS,
        _of_connected(lambda viewers: sum(viewer.behind for viewer in viewers)),
    ),
    counter(
        "beats_accepted_clients",
        "Viewers that were let in.",
        ("sink",),
        lambda stats: ((labels, totals.accepted) for labels, totals in _client_totals(stats)),
    ),
    counter(
        "beats_evicted_clients",
        "Viewers that were closed: stalled ones accepted no byte for too long, overflowed ones had a full "
        "queue whose strategy is error, flooded ones sent more than max_messages_per_s.",
        ("sink", "reason"),
        _evicted,
    ),
    counter(
        "beats_refused_handshakes",
        "Requests for the stream that were refused.",
        ("sink",),
        lambda stats: ((labels, totals.refused) for labels, totals in _client_totals(stats)),
    ),
    counter(
        "beats_rejected_tokens",
        "Requests with an invalid token, or with any token that came too soon after several of those.",
        ("sink",),
        lambda stats: ((labels, totals.rejected_tokens) for labels, totals in _client_totals(stats)),
    ),
    *amounts(
        counter,
        "beats_client_offered",
        "that were for viewers, counted for each of them: delivered, dropped or waiting.",
        _LABELS,
        _of_groups(_group_offered),
    ),
    *amounts(
        counter,
        "beats_client_delivered",
        "written to viewers, counted for each of them, including the state that they get first.",
        _LABELS,
        _of_groups(lambda group: group.delivered),
    ),
    *amounts(
        counter,
        "beats_client_dropped",
        "that viewers missed, counted for each of them.",
        (*_LABELS, "kind", "reason"),
        _group_drops,
    ),
    *amounts(
        gauge,
        "beats_client_queue",
        "that wait in the queues of viewers that do not keep up.",
        _LABELS,
        _of_groups(lambda group: group.waiting),
    ),
    gauge(
        "beats_client_queue_high_water_envelopes",
        "The most envelopes that ever waited in the queue of a connected viewer.",
        _LABELS,
        _of_connected(lambda viewers: max((viewer.queue.high_water for viewer in viewers), default=0)),
    ),
)

FAMILIES: Final = (*_SOURCES, *_SINKS, *_CLIENTS)


def latency(stats: Stats) -> HistogramMetricFamily | None:
    """How long envelopes took; None when no sink measures it."""
    metric = HistogramMetricFamily(
        LATENCY,
        "Time from the bus until a sink had written an envelope.",
        labels=("sink",),
        unit=unit_of(LATENCY),
    )
    for sink in stats.sinks:
        if sink.latency is not None:
            bounds = [*(str(bound_s) for bound_s in sink.latency.bounds_s), "+Inf"]
            buckets = list(zip(bounds, accumulate(sink.latency.counts), strict=True))
            metric.add_metric((sink.name,), buckets, sink.latency.sum_s)
    return metric if metric.samples else None
