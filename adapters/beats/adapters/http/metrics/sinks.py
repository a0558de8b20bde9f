"""What is told of sinks: of the queue between the bus and each one, and of its writing."""

from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Final

from prometheus_client.metrics_core import HistogramMetricFamily

from beats.adapters.http.metrics.family import (
    Amounts,
    Family,
    amounts,
    counter,
    gauge,
    unit_of,
)
from beats.adapters.http.metrics.sources import states
from beats.kernel.stats import Amount, DropStats, QueueStats, Stats

LATENCY: Final = "beats_sink_write_latency_seconds"


def causes(drops: Iterable[DropStats]) -> dict[tuple[str, str], Amount]:
    """What was given up, by kind and reason."""
    found: dict[tuple[str, str], Amount] = {}
    for drop in drops:
        key = (drop.kind, drop.reason)
        found[key] = found.get(key, Amount()).plus(Amount(drop.items, drop.bytes))
    return found


def _each(amount: Callable[[QueueStats], Amount]) -> Callable[[Stats], Amounts]:
    """A number of every sink's queue."""
    return lambda stats: (((sink.name,), amount(sink.queue)) for sink in stats.sinks)


def _dropped(stats: Stats) -> Amounts:
    for sink in stats.sinks:
        for cause, amount in causes(sink.queue.drops).items():
            yield (sink.name, *cause), amount


FAMILIES: Final[tuple[Family, ...]] = (
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
        _each(lambda queue: queue.offered),
    ),
    *amounts(
        counter,
        "beats_sink_delivered",
        "delivered by a sink. Those that it fails to deliver after all stay counted until others follow.",
        ("sink",),
        _each(lambda queue: queue.taken),
    ),
    *amounts(
        counter,
        "beats_sink_dropped",
        "given up on their way to a sink: by its queue's overflow strategy, or for another reason.",
        ("sink", "kind", "reason"),
        _dropped,
    ),
    *amounts(
        gauge,
        "beats_sink_queue",
        "that wait in a sink's queue.",
        ("sink",),
        _each(lambda queue: queue.waiting),
    ),
    gauge(
        "beats_sink_queue_high_water_envelopes",
        "The most envelopes that ever waited in a sink's queue.",
        ("sink",),
        lambda stats: (((sink.name,), sink.queue.high_water) for sink in stats.sinks),
    ),
)


def latency(stats: Stats) -> HistogramMetricFamily | None:
    """How long envelopes took; None when no sink tells of it."""
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
