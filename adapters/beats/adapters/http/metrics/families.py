"""Which counters become which metrics: those of the bus, of sources, of sinks and of classes of viewers.

Viewers are counted by class, never one by one: there may be thousands.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final, NamedTuple, TypeVar, get_args

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

Labels = tuple[str, ...]
T = TypeVar("T")
Items = Callable[[Stats], Iterable[tuple[Labels, T]]]
"""What a metric is read from, with the values of its labels. Each combination of labels occurs once:
Prometheus rejects the whole answer otherwise."""


class Family(NamedTuple):
    """A metric: its name, what it means, and where its values are in the counters."""

    type: type[CounterMetricFamily] | type[GaugeMetricFamily]
    name: str
    """A counter's without its `_total`, which the library adds."""
    help: str
    labels: Labels
    rows: Items[float]

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


def counter(name: str, text: str, labels: Labels, items: Items[T], value: Callable[[T], float]) -> Family:
    """A metric that only rises."""
    return Family(CounterMetricFamily, name, text, labels, _each(items, value))


def gauge(name: str, text: str, labels: Labels, items: Items[T], value: Callable[[T], float]) -> Family:
    """A metric that rises and falls."""
    return Family(GaugeMetricFamily, name, text, labels, _each(items, value))


def amounts(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    text: str,
    labels: Labels,
    items: Items[T],
    amount: Callable[[T], Amount],
) -> tuple[Family, Family]:
    """Two metrics, in envelopes and in bytes."""
    in_items, in_bytes = (
        _each(items, lambda item: amount(item).items),
        _each(items, lambda item: amount(item).bytes),
    )
    return (
        Family(kind, f"{name}_envelopes", f"Envelopes {text}", labels, in_items),
        Family(kind, f"{name}_bytes", f"Encoded bytes of envelopes {text}", labels, in_bytes),
    )


def _each(items: Items[T], value: Callable[[T], float]) -> Items[float]:
    return lambda stats: ((labels, value(item)) for labels, item in items(stats))


def causes(drops: Iterable[DropStats]) -> dict[tuple[str, str], Amount]:
    """What was dropped, by kind and reason."""
    found: dict[tuple[str, str], Amount] = {}
    for drop in drops:
        key = (drop.kind, drop.reason)
        found[key] = found.get(key, Amount()).plus(Amount(drop.items, drop.bytes))
    return found


def _published(stats: Stats) -> Iterator[tuple[Labels, float]]:
    yield ("frame",), stats.frames
    yield ("peripheral",), stats.published - stats.frames


def _sources(stats: Stats) -> Iterator[tuple[Labels, SourceStats]]:
    return (((source.name,), source) for source in stats.sources)


def _playing(stats: Stats) -> Iterator[tuple[Labels, Playback]]:
    return (((each.name,), each.playback) for each in stats.sources if each.playback is not None)


def _sinks(stats: Stats) -> Iterator[tuple[Labels, SinkStats]]:
    return (((sink.name,), sink) for sink in stats.sinks)


def _states(parts: Iterable[SourceStats | SinkStats]) -> Iterator[tuple[Labels, bool]]:
    return (((part.name, state), part.state == state) for part in parts for state in STATES)


def _sink_drops(stats: Stats) -> Iterator[tuple[Labels, Amount]]:
    for sink in stats.sinks:
        for cause, amount in causes(sink.queue.drops).items():
            yield (sink.name, *cause), amount


def _viewers(stats: Stats) -> Iterator[tuple[Labels, ClientTotals]]:
    return (((each.name,), each.client_totals) for each in stats.sinks if each.client_totals is not None)


def _groups(stats: Stats) -> Iterator[tuple[Labels, ClientGroup]]:
    for (sink,), totals in _viewers(stats):
        empty = {name: ClientGroup(name, 0, Amount(), Amount(), ()) for name in CLASSES}
        for name, group in (empty | {group.name: group for group in totals.groups}).items():
            yield (sink, name), group


def _connected(stats: Stats) -> Iterator[tuple[Labels, list[ClientStats]]]:
    """The connected viewers of each class."""
    clients = {sink.name: sink.clients for sink in stats.sinks}
    for (sink, name), _ in _groups(stats):
        yield (sink, name), [client for client in clients[sink] if client.group == name]


def _group_offered(group: ClientGroup) -> Amount:
    offered = group.delivered.plus(group.waiting)
    for amount in causes(group.drops).values():
        offered = offered.plus(amount)
    return offered


def _group_drops(stats: Stats) -> Iterator[tuple[Labels, Amount]]:
    for labels, group in _groups(stats):
        for cause, amount in causes(group.drops).items():
            yield (*labels, *cause), amount


def _evicted(stats: Stats) -> Iterator[tuple[Labels, float]]:
    for labels, totals in _viewers(stats):
        yield (*labels, "stalled"), totals.stalled
        yield (*labels, "overflowed"), totals.overflowed
        yield (*labels, "flooded"), totals.flooded


_SOURCE: Final = ("source",)
_SINK: Final = ("sink",)
_CLASS: Final = ("sink", "client_class")
_UP: Final = CounterMetricFamily
_NOW: Final = GaugeMetricFamily

FAMILIES: Final[tuple[Family, ...]] = (
    counter(
        "beats_published_envelopes",
        "Envelopes put on the bus, by sources and by the program that embeds Beats.",
        ("kind",),
        _published,
        float,
    ),
    counter(
        "beats_source_published_envelopes",
        "Envelopes put on the bus by a source.",
        _SOURCE,
        _sources,
        lambda source: source.published,
    ),
    gauge(
        "beats_source_state",
        "1 for the state that a source is in, 0 for the others.",
        ("source", "state"),
        lambda stats: _states(stats.sources),
        float,
    ),
    counter(
        "beats_source_restarts",
        "Attempts to run a source after the first.",
        _SOURCE,
        _sources,
        lambda source: source.restarts,
    ),
    gauge(
        "beats_source_position_seconds",
        "Position of a source that plays something, from its beginning.",
        _SOURCE,
        _playing,
        lambda playback: playback.position_s,
    ),
    gauge(
        "beats_source_duration_seconds",
        "Length of what a source plays.",
        _SOURCE,
        _playing,
        lambda playback: playback.duration_s,
    ),
    gauge(
        "beats_source_speed_ratio",
        "Speed at which a source plays: 1 is as recorded, +Inf as fast as the sinks take it.",
        _SOURCE,
        _playing,
        lambda playback: playback.speed,
    ),
    gauge(
        "beats_source_paused",
        "1 while a source that plays something is paused.",
        _SOURCE,
        _playing,
        lambda playback: playback.paused,
    ),
    counter(
        "beats_source_loops",
        "How often a source that plays something has started over.",
        _SOURCE,
        _playing,
        lambda playback: playback.loops,
    ),
    gauge(
        "beats_sink_state",
        "1 for the state that a sink is in, 0 for the others.",
        ("sink", "state"),
        lambda stats: _states(stats.sinks),
        float,
    ),
    counter(
        "beats_sink_restarts",
        "Attempts to run a sink after the first.",
        _SINK,
        _sinks,
        lambda sink: sink.restarts,
    ),
    *amounts(
        _UP,
        "beats_sink_offered",
        "offered to a sink's queue: delivered, dropped or waiting.",
        _SINK,
        _sinks,
        lambda sink: sink.queue.offered,
    ),
    *amounts(
        _UP,
        "beats_sink_delivered",
        "delivered by a sink. Those whose delivery fails later stay counted until others follow.",
        _SINK,
        _sinks,
        lambda sink: sink.queue.taken,
    ),
    *amounts(
        _UP,
        "beats_sink_dropped",
        "dropped on their way to a sink: by its queue's overflow strategy, or for another reason.",
        ("sink", "kind", "reason"),
        _sink_drops,
        lambda amount: amount,
    ),
    *amounts(
        _NOW,
        "beats_sink_queue",
        "that wait in a sink's queue.",
        _SINK,
        _sinks,
        lambda sink: sink.queue.waiting,
    ),
    gauge(
        "beats_sink_queue_high_water_envelopes",
        "The most envelopes that ever waited in a sink's queue.",
        _SINK,
        _sinks,
        lambda sink: sink.queue.high_water,
    ),
    gauge(
        "beats_connected_clients",
        "Viewers that are connected; client_class is full (the whole stream), chosen (some kinds or topics) "
        "or thinned (max_fps).",
        _CLASS,
        _groups,
        lambda group: group.connected,
    ),
    gauge(
        "beats_behind_clients",
        "Viewers that do not keep up, and read from a queue of their own.",
        _CLASS,
        _connected,
        lambda viewers: sum(viewer.behind for viewer in viewers),
    ),
    counter(
        "beats_accepted_clients", "Viewers that were let in.", _SINK, _viewers, lambda totals: totals.accepted
    ),
    counter(
        "beats_evicted_clients",
        "Viewers that were closed: stalled ones accepted no byte for too long, overflowed ones had a full "
        "queue whose strategy is error, flooded ones sent more than max_messages_per_s.",
        ("sink", "reason"),
        _evicted,
        float,
    ),
    counter(
        "beats_refused_handshakes",
        "Requests for the stream that were refused.",
        _SINK,
        _viewers,
        lambda totals: totals.refused,
    ),
    counter(
        "beats_rejected_tokens",
        "Requests with an invalid token, or with any token that came too soon after several of those.",
        _SINK,
        _viewers,
        lambda totals: totals.rejected_tokens,
    ),
    *amounts(
        _UP,
        "beats_client_offered",
        "that were for viewers, counted for each of them: delivered, dropped or waiting.",
        _CLASS,
        _groups,
        _group_offered,
    ),
    *amounts(
        _UP,
        "beats_client_delivered",
        "written to viewers, counted for each of them, including the state that they get first.",
        _CLASS,
        _groups,
        lambda group: group.delivered,
    ),
    *amounts(
        _UP,
        "beats_client_dropped",
        "that viewers missed, counted for each of them.",
        (*_CLASS, "kind", "reason"),
        _group_drops,
        lambda amount: amount,
    ),
    *amounts(
        _NOW,
        "beats_client_queue",
        "that wait in the queues of viewers that do not keep up.",
        _CLASS,
        _groups,
        lambda group: group.waiting,
    ),
    gauge(
        "beats_client_queue_high_water_envelopes",
        "The most envelopes that ever waited in the queue of a connected viewer.",
        _CLASS,
        _connected,
        lambda viewers: max((viewer.queue.high_water for viewer in viewers), default=0),
    ),
)


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
