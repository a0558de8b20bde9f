"""The answer to Prometheus: all metrics of a process, in the requested format."""

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final, cast

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import InfoMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from beats.adapters.http.metrics.families import (
    AGE,
    FAMILIES,
    LATENCY,
    ROUND_TRIP,
    age,
    latency,
    round_trip,
    unit_of,
)
from beats.adapters.http.metrics.own import own_metrics
from beats.adapters.http.reply import Reply
from beats.kernel.ports import Context
from beats.kernel.stats import Amount, QueueStats, Stats
from beats.kit.process import process

_INFO: Final = "beats"
_TAKEN: Final = frozenset({_INFO, LATENCY, AGE, ROUND_TRIP, *(family.name for family in FAMILIES)})
_PLAIN_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS_TYPE: Final = "application/openmetrics-text"
_untyped: Final = cast("Any", openmetrics)  # its functions have no types


class Monotonic:
    """Keeps counts of delivered envelopes from falling.

    What a sink has taken counts as delivered until it fails or gives it back: then the count falls a little.
    To Prometheus a falling counter means a restart, and it adds the whole count to what came before: a sink
    that fails once would seem to have delivered everything twice. So a count stays where it was until the
    true one has passed it. A new queue, after a reload that replaced its sink, begins again from 0, as
    Prometheus expects.
    """

    def __init__(self) -> None:
        self._before: dict[str, QueueStats] = {}

    def hold(self, stats: Stats) -> Stats:
        """The counters, with those that have fallen replaced by their earlier values."""
        sinks = tuple(replace(sink, queue=self._hold(sink.queue)) for sink in stats.sinks)
        self._before = {sink.name: sink.queue for sink in sinks}
        return replace(stats, sinks=sinks)

    def _hold(self, queue: QueueStats) -> QueueStats:
        before = self._before.get(queue.name)
        if before is None or queue.offered.items < before.offered.items:
            return queue
        taken = Amount(max(queue.taken.items, before.taken.items), max(queue.taken.bytes, before.taken.bytes))
        return replace(queue, taken=taken)


class KernelMetrics(Collector):
    """The counters of the kernel, from one call of `stats()`.

    Labels are names from the settings and fixed words: the number of series does not depend on how many
    viewers or peripherals come and go. The counters of a sink that a reload removed are gone, and those of
    one that it replaced begin again from 0; `rate()` and `increase()` expect that.
    """

    def __init__(self, context: Context) -> None:
        self._context: Final = context
        self._monotonic: Final = Monotonic()

    def collect(self) -> Iterator[Metric]:
        """The metrics now."""
        about = {"version": version("beats"), "profile": self._context.profile}
        yield InfoMetricFamily(_INFO, "The version of Beats, and the profile that it runs.", about)
        stats = self._monotonic.hold(self._context.stats())
        for family in FAMILIES:
            if (metric := family.metric(stats)) is not None:
                yield metric
        for histogram in (latency(stats), age(stats), round_trip(stats)):
            if histogram is not None:
                yield histogram
        yield from own_metrics(stats, _TAKEN)


class ProcessMetrics(Collector):
    """The library's metrics of the process (on Linux) and of Python, with their units."""

    def __init__(self) -> None:
        self._registry: Final = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def collect(self) -> Iterator[Metric]:
        """The metrics now; labelled with the process's name if it is one of several."""
        name = process().name
        for metric in self._registry.collect():
            metric.unit = unit_of(metric.name)
            if name:
                metric.samples = [
                    sample._replace(labels={**sample.labels, "process": name}) for sample in metric.samples
                ]
            yield metric


class Metrics:
    """Answers Prometheus."""

    def __init__(self, context: Context) -> None:
        self._registry: Final = CollectorRegistry()
        self._registry.register(KernelMetrics(context))
        self._registry.register(ProcessMetrics())

    def reply(self, accept: str) -> Reply:
        """All metrics, in the format that the `Accept` header of a request asks for."""
        if wants_openmetrics(accept):
            body: bytes = _untyped.generate_latest(self._registry)
            return Reply(HTTPStatus.OK, body, openmetrics.CONTENT_TYPE_LATEST)
        return Reply(HTTPStatus.OK, generate_latest(self._registry), _PLAIN_TYPE)


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics, which also has units, is preferred to the older text format.

    The weights count (RFC 9110, section 12.5.1). The library's own parser of the header ignores them, fails
    for a version that is no number, and echoes the header to the client.
    """
    weights = {_OPENMETRICS_TYPE: 0.0, "text/plain": 0.0}
    for item in accept.lower().split(","):
        kind, *parameters = [part.strip() for part in item.split(";")]
        if kind in weights:
            weights[kind] = max(weights[kind], _weight(parameters))
    return 0 < weights[_OPENMETRICS_TYPE] >= weights["text/plain"]


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
