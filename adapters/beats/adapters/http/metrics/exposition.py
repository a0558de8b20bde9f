"""All metrics of a process, in the format that is asked for."""

from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final, cast

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import InfoMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from beats.adapters.http.metrics import clients, sinks, sources
from beats.adapters.http.metrics.family import unit_of
from beats.adapters.http.metrics.own import figures
from beats.adapters.http.metrics.steady import Steady
from beats.adapters.http.reply import Reply
from beats.kernel.ports import Context
from beats.kit.process import process

FAMILIES: Final = (*sources.FAMILIES, *sinks.FAMILIES, *clients.FAMILIES)
_INFO: Final = "beats"
_TAKEN: Final = frozenset({_INFO, sinks.LATENCY, *(family.name for family in FAMILIES)})
_PLAIN_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS_TYPE: Final = "application/openmetrics-text"
_untyped: Final = cast("Any", openmetrics)  # its functions have no types


class Counters(Collector):
    """The counters of the kernel, all of them from one call of `stats()`.

    Labels are names from the settings and words of the kernel's own: how many series there are does not
    depend on how many viewers or peripherals come and go. The counters of a sink that a reload removed
    are gone, and those of one that it replaced begin again from 0; `rate()` and `increase()` expect that.
    """

    def __init__(self, context: Context) -> None:
        """Prepare; nothing is asked yet."""
        self._context: Final = context
        self._steady: Final = Steady()

    def collect(self) -> Iterator[Metric]:
        """The metrics now."""
        about = {"version": version("beats"), "profile": self._context.profile}
        yield InfoMetricFamily(_INFO, "The version of Beats, and the profile that it runs.", about)
        stats = self._steady.held(self._context.stats())
        for family in FAMILIES:
            if (metric := family.metric(stats)) is not None:
                yield metric
        if (metric := sinks.latency(stats)) is not None:
            yield metric
        yield from figures(stats, _TAKEN)


class Surroundings(Collector):
    """What the library tells of the process, where it runs on Linux, and of Python: with their units."""

    def __init__(self) -> None:
        """Prepare, with a registry of its own: the library's is the program's that embeds Beats."""
        self._registry: Final = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def collect(self) -> Iterator[Metric]:
        """The metrics now; those of a process that is one of several have its name."""
        name = process().name
        for metric in self._registry.collect():
            metric.unit = unit_of(metric.name)
            if name:
                metric.samples = [
                    sample._replace(labels={**sample.labels, "process": name}) for sample in metric.samples
                ]
            yield metric


class Metrics:
    """What is answered to Prometheus."""

    def __init__(self, context: Context) -> None:
        """Prepare for the kernel that a sink's context knows."""
        self._registry: Final = CollectorRegistry()
        self._registry.register(Counters(context))
        self._registry.register(Surroundings())

    def reply(self, accept: str) -> Reply:
        """All metrics, for the `Accept` header of a request."""
        if wants_openmetrics(accept):
            body: bytes = _untyped.generate_latest(self._registry)
            return Reply(HTTPStatus.OK, body, openmetrics.CONTENT_TYPE_LATEST)
        return Reply(HTTPStatus.OK, generate_latest(self._registry), _PLAIN_TYPE)


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics, which also tells the units, is wanted rather than the older text format.

    The weights count (RFC 9110, section 12.5.1). The library's own look at the header does not know them,
    fails for a version that is no number, and repeats to the other side what it said.
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
