"""Which counters become which metrics: those of the bus, of sources, of sinks and of classes of viewers.

Viewers are counted by class, never one by one: there may be thousands.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final, Generic, NamedTuple, TypeVar, get_args

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from beats.kernel.envelope import kind_of_topic
from beats.kernel.run.supervisor import State
from beats.kernel.stats import (
    Amount,
    ClientGroup,
    ClientStats,
    ClientTotals,
    DropStats,
    Latency,
    Playback,
    SinkStats,
    SourceStats,
    Stats,
)

STATES: Final[tuple[str, ...]] = get_args(State)
CLASSES: Final = ("full", "chosen", "thinned", "mjpeg", "foxglove")
"""Classes of viewers that have metrics from the beginning, so that their first rise from 0 is visible."""
LATENCY: Final = "beats_sink_write_latency_seconds"
AGE: Final = "beats_client_age_seconds"
ROUND_TRIP: Final = "beats_client_round_trip_seconds"

_UNIT: Final = re.compile(
    r"bytes|clients|collections|envelopes|fds|files|handshakes|hertz|loops|pixels|ratio|restarts|seconds|tokens"
)
"""The word at the end of a name that says what is counted or measured."""

MetricType = type[CounterMetricFamily] | type[GaugeMetricFamily]
Labels = tuple[str, ...]
T = TypeVar("T")
Items = Callable[[Stats], Iterable[tuple[Labels, T]]]
"""What a metric is read from, with the values of its labels. Each combination of labels occurs once:
Prometheus rejects the whole answer otherwise."""


class Family(NamedTuple):
    """A metric: its name, what it means, and where its values are in the counters."""

    type: MetricType
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
    return last if _UNIT.fullmatch(last) else ""


class Reader(Generic[T]):
    """Makes metrics that are read from the same items."""

    def __init__(self, labels: Labels, items: Items[T]) -> None:
        self._labels: Final = labels
        self._items: Final = items

    def counter(self, name: str, text: str, value: Callable[[T], float]) -> Family:
        """A metric that only rises."""
        return self._family(CounterMetricFamily, name, text, value)

    def gauge(self, name: str, text: str, value: Callable[[T], float]) -> Family:
        """A metric that rises and falls."""
        return self._family(GaugeMetricFamily, name, text, value)

    def amounts(
        self, name: str, text: str, amount: Callable[[T], Amount], kind: MetricType = CounterMetricFamily
    ) -> tuple[Family, Family]:
        """Two metrics, in envelopes and in bytes."""
        in_bytes = f"Encoded bytes of envelopes {text}"
        return (
            self._family(kind, f"{name}_envelopes", f"Envelopes {text}", lambda item: amount(item).items),
            self._family(kind, f"{name}_bytes", in_bytes, lambda item: amount(item).bytes),
        )

    def _family(self, kind: MetricType, name: str, text: str, value: Callable[[T], float]) -> Family:
        items = self._items

        def rows(stats: Stats) -> Iterable[tuple[Labels, float]]:
            return ((labels, value(item)) for labels, item in items(stats))

        return Family(kind, name, text, self._labels, rows)


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


def _given_up(stats: Stats) -> Iterator[tuple[Labels, int]]:
    found: Counter[Labels] = Counter()
    for each in stats.given_up:
        found[kind_of_topic(each.topic), each.reason] += each.items
    return iter(found.items())


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
        yield (*labels, "silent"), totals.silent


_SOURCES: Final = Reader(("source",), _sources)
_PLAYING: Final = Reader(("source",), _playing)
_SINKS: Final = Reader(("sink",), _sinks)
_VIEWERS: Final = Reader(("sink",), _viewers)
_CLASSES: Final = Reader(("sink", "client_class"), _groups)
_CONNECTED: Final = Reader(("sink", "client_class"), _connected)

FAMILIES: Final[tuple[Family, ...]] = (
    Reader(("kind",), _published).counter(
        "beats_published_envelopes",
        "Envelopes put on the bus, by sources and by the program that embeds Beats.",
        float,
    ),
    Reader(("kind", "reason"), _given_up).counter(
        "beats_given_up_envelopes",
        "What producers gave up before it came onto the bus: encoder (newer pixels came before one was "
        "free), failed (they could not be encoded or published), every or on_change (transforms of a source "
        "left them out) or shutdown.",
        float,
    ),
    _SOURCES.counter(
        "beats_source_published_envelopes",
        "Envelopes put on the bus by a source.",
        lambda source: source.published,
    ),
    Reader(("source", "state"), lambda stats: _states(stats.sources)).gauge(
        "beats_source_state", "1 for the state that a source is in, 0 for the others.", float
    ),
    _SOURCES.counter(
        "beats_source_restarts", "Attempts to run a source after the first.", lambda source: source.restarts
    ),
    _PLAYING.gauge(
        "beats_source_position_seconds",
        "Position of a source that plays something, from its beginning.",
        lambda play: play.position_s,
    ),
    _PLAYING.gauge(
        "beats_source_duration_seconds", "Length of what a source plays.", lambda play: play.duration_s
    ),
    _PLAYING.gauge(
        "beats_source_speed_ratio",
        "Speed at which a source plays: 1 is as recorded, +Inf as fast as the sinks take it.",
        lambda play: play.speed,
    ),
    _PLAYING.gauge(
        "beats_source_paused", "1 while a source that plays something is paused.", lambda play: play.paused
    ),
    _PLAYING.counter(
        "beats_source_loops",
        "How often a source that plays something has started over.",
        lambda play: play.loops,
    ),
    Reader(("sink", "state"), lambda stats: _states(stats.sinks)).gauge(
        "beats_sink_state", "1 for the state that a sink is in, 0 for the others.", float
    ),
    _SINKS.counter(
        "beats_sink_restarts", "Attempts to run a sink after the first.", lambda sink: sink.restarts
    ),
    *_SINKS.amounts(
        "beats_sink_offered",
        "offered to a sink's queue: delivered, dropped or waiting.",
        lambda sink: sink.queue.offered,
    ),
    *_SINKS.amounts(
        "beats_sink_delivered",
        "delivered by a sink. Those whose delivery fails later stay counted until others follow.",
        lambda sink: sink.queue.taken,
    ),
    *Reader(("sink", "kind", "reason"), _sink_drops).amounts(
        "beats_sink_dropped",
        "dropped on their way to a sink: by its queue's overflow strategy, or for another reason.",
        lambda amount: amount,
    ),
    *_SINKS.amounts(
        "beats_sink_queue", "that wait in a sink's queue.", lambda sink: sink.queue.waiting, GaugeMetricFamily
    ),
    _SINKS.gauge(
        "beats_sink_queue_high_water_envelopes",
        "The most envelopes that ever waited in a sink's queue.",
        lambda sink: sink.queue.high_water,
    ),
    _CLASSES.gauge(
        "beats_connected_clients",
        "Viewers that are connected; client_class is full (the whole stream), chosen (some kinds or topics), "
        "thinned (max_fps), mjpeg (players of pictures) or foxglove (clients of Foxglove's protocol).",
        lambda group: group.connected,
    ),
    _CONNECTED.gauge(
        "beats_behind_clients",
        "Viewers that do not keep up, and read from a queue of their own.",
        lambda viewers: sum(viewer.behind for viewer in viewers),
    ),
    _VIEWERS.counter("beats_accepted_clients", "Viewers that were let in.", lambda totals: totals.accepted),
    Reader(("sink", "reason"), _evicted).counter(
        "beats_evicted_clients",
        "Viewers that were closed: stalled ones accepted no byte for too long, overflowed ones had a full "
        "queue whose strategy is error, flooded ones sent more than max_messages_per_s, silent ones did not "
        "answer a ping within ping_timeout_s.",
        float,
    ),
    _VIEWERS.counter(
        "beats_refused_handshakes",
        "Requests for the stream that were refused.",
        lambda totals: totals.refused,
    ),
    _VIEWERS.counter(
        "beats_rejected_tokens",
        "Requests with an invalid token, or with any token that came too soon after several of those.",
        lambda totals: totals.rejected_tokens,
    ),
    *_CLASSES.amounts(
        "beats_client_offered",
        "that were for viewers, counted for each of them: delivered, dropped or waiting.",
        _group_offered,
    ),
    *_CLASSES.amounts(
        "beats_client_delivered",
        "written to viewers, counted for each of them, including the state that they get first.",
        lambda group: group.delivered,
    ),
    *Reader(("sink", "client_class", "kind", "reason"), _group_drops).amounts(
        "beats_client_dropped", "that viewers missed, counted for each of them.", lambda amount: amount
    ),
    *_CLASSES.amounts(
        "beats_client_queue",
        "that wait in the queues of viewers that do not keep up.",
        lambda group: group.waiting,
        GaugeMetricFamily,
    ),
    _CONNECTED.gauge(
        "beats_client_queue_high_water_envelopes",
        "The most envelopes that ever waited in the queue of a connected viewer.",
        lambda viewers: max((viewer.queue.high_water for viewer in viewers), default=0),
    ),
)


def latency(stats: Stats) -> HistogramMetricFamily | None:
    """How long envelopes took; None when no sink measures it."""
    rows = (((sink.name,), sink.latency) for sink in stats.sinks)
    return _histogram(LATENCY, "Time from the bus until a sink had written an envelope.", ("sink",), rows)


def age(stats: Stats) -> HistogramMetricFamily | None:
    """How old what viewers read was; None when none has told it."""
    rows = ((labels, group.age) for labels, group in _groups(stats))
    text = "Time from the bus until a viewer had told that it read an envelope, sampled every few seconds."
    return _histogram(AGE, text, ("sink", "client_class"), rows)


def round_trip(stats: Stats) -> HistogramMetricFamily | None:
    """How long viewers' answers took; None when none has answered."""
    rows = ((labels, group.round_trip) for labels, group in _groups(stats))
    text = "Time from a ping until a viewer's pong, with all that was on the way before the ping."
    return _histogram(ROUND_TRIP, text, ("sink", "client_class"), rows)


def _histogram(
    name: str, text: str, labels: Labels, rows: Iterable[tuple[Labels, Latency | None]]
) -> HistogramMetricFamily | None:
    metric = HistogramMetricFamily(name, text, labels=labels, unit=unit_of(name))
    for values, latency in rows:
        if latency is not None:
            bounds = [*(str(bound_s) for bound_s in latency.bounds_s), "+Inf"]
            buckets = list(zip(bounds, accumulate(latency.counts), strict=True))
            metric.add_metric(values, buckets, latency.sum_s)
    return metric if metric.samples else None
