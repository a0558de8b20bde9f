"""What sinks tell of themselves, under names that their authors chose."""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from beats.adapters.http.metrics.family import unit_of
from beats.kernel.stats import Stats

PREFIX: Final = "beats_sink_"
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
"""Prometheus has base units only, and spells them out."""
_RESERVED: Final = frozenset({"bucket", "count", "created", "info", "sum", "total"})
"""Last words that parts of other types of metrics have."""


class Figure(NamedTuple):
    """A figure as Prometheus has it."""

    name: str
    """Without `_total`."""
    rises: bool
    value: float


def figure(name: str, value: object) -> Figure | None:
    """A sink's figure as Prometheus has it; None for what it could not take."""
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
    if rises and not 0 <= number < math.inf:  # a counter has no place for them, nor for NaN
        return None
    return Figure(PREFIX + (f"{stem}_{last}" if stem else last), rises, number * factor)


def figures(stats: Stats, taken: Collection[str]) -> Iterator[Metric]:
    """The figures of all sinks: counters where the name ends in `_total`, else gauges.

    A figure whose name is among those in `taken`, or that a sink has twice once it is spelt as Prometheus
    has it, is left out: with one name in two places nothing at all could be read.
    """
    found: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    seen: set[tuple[str, str]] = set()
    for sink in stats.sinks:
        for name, value in sink.figures:
            each = figure(name, value)
            if each is None or each.name in taken or (each.name, sink.name) in seen:
                continue
            make = CounterMetricFamily if each.rises else GaugeMetricFamily
            text = f"What a sink tells of itself as {name}."
            metric = found.setdefault(
                each.name, make(each.name, text, labels=("sink",), unit=unit_of(each.name))
            )
            if type(metric) is make:
                metric.add_metric((sink.name,), each.value)
                seen.add((each.name, sink.name))
    yield from found.values()


def _number(value: object) -> float | None:
    """A value as a number, whatever an adapter gave; None when it is none."""
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None
