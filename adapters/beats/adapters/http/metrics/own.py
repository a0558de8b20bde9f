"""Metrics that sinks and sources define themselves, under names that their authors chose."""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from beats.adapters.http.metrics.families import unit_of
from beats.kernel.stats import SinkStats, SourceStats, Stats
from beats.runtime.registry import metric_texts

Role = Literal["sink", "source"]
_TOTAL: Final = "_total"
_FOREIGN: Final = re.compile(r"[^a-z0-9]+")
_WHOLE_UNITS: Final[Mapping[str, tuple[str, float]]] = {
    "hz": ("hertz", 1),
    "ms": ("seconds", 1e-3),
    "ns": ("seconds", 1e-9),
    "percent": ("ratio", 1e-2),
    "px": ("pixels", 1),
    "s": ("seconds", 1),
    "us": ("seconds", 1e-6),
}
"""Prometheus uses base units only, spelled out."""
_RESERVED: Final = frozenset({"bucket", "count", "created", "info", "sum", "total"})
"""Words at the end of a name that Prometheus reserves for parts of other types of metrics."""


class OwnMetric(NamedTuple):
    """A metric of an adapter's own as Prometheus expects it."""

    name: str
    """Without `_total`."""
    rises: bool
    value: float


def own_metric(name: str, value: object, role: Role = "sink") -> OwnMetric | None:
    """A metric of an adapter's own as Prometheus expects it; None when it could not be expressed."""
    words = _FOREIGN.sub("_", name.lower()).strip("_")
    rises = words.endswith(_TOTAL)
    stem, _, last = words.removesuffix(_TOTAL).rpartition("_")
    factor = 1.0
    if last == "s" and f"_{stem}".endswith("_per"):
        last = "second"
    elif stem and last in _WHOLE_UNITS:
        last, factor = _WHOLE_UNITS[last]
    elif last in _RESERVED:
        last = f"{last}_value"
    number = _number(value)
    if not last or number is None:
        return None
    if rises and not 0 <= number < math.inf:  # no value for a counter; neither is NaN
        return None
    return OwnMetric(f"beats_{role}_" + (f"{stem}_{last}" if stem else last), rises, number * factor)


def own_metrics(stats: Stats, taken: Collection[str]) -> Iterator[Metric]:
    """The metrics of all sinks and sources: counters where the name ends in `_total`, otherwise gauges.

    A metric is left out when its name is among those in `taken`, or when an adapter has it twice once it is
    spelled as Prometheus expects: with one name in two places Prometheus would reject the whole answer.
    """
    yield from _of_role("sink", stats.sinks, taken, metric_texts("sinks"))
    yield from _of_role("source", stats.sources, taken, metric_texts("sources"))


def _of_role(
    role: Role,
    adapters: Iterable[SinkStats | SourceStats],
    taken: Collection[str],
    texts: Mapping[str, str],
) -> Iterator[Metric]:
    found: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    seen: set[tuple[str, str]] = set()
    for adapter in adapters:
        for name, value in adapter.figures:
            each = own_metric(name, value, role)
            if each is None or each.name in taken or (each.name, adapter.name) in seen:
                continue
            make = CounterMetricFamily if each.rises else GaugeMetricFamily
            text = texts.get(name) or f"The metric {name} of a {role}, which gives no description."
            metric = found.setdefault(
                each.name, make(each.name, text, labels=(role,), unit=unit_of(each.name))
            )
            if type(metric) is make:
                metric.add_metric((adapter.name,), each.value)
                seen.add((each.name, adapter.name))
    yield from found.values()


def _number(value: object) -> float | None:
    """A value from an adapter as a number; None when it is not a number."""
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None
