"""What `promtool check metrics` finds fault with, on what the library's own parsers read."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_plain

ABBREVIATED: Final = re.compile("s|ms|us|ns|sec|b|kb|mb|gb|tb|pb|m|h|d|hz|px")
NOT_BASE: Final = re.compile(
    "milliseconds|microseconds|nanoseconds|minutes|hours|days|weeks|kilobytes|megabytes|gigabytes|"
    "kibibytes|mebibytes|gibibytes|bits|percents?|kilohertz|fahrenheit|kelvins"
)
TYPES: Final = re.compile("counter|gauge|histogram|summary")
NO_UNIT: Final = re.compile(r"_(state|paused|info)$|^python_gc_objects_")
"""Names of what has no unit: which of some states, whether, what, and things that have no other name."""


def plain(text: str) -> list[Metric]:
    """The metrics that the parser of the text format, version 0.0.4, reads."""
    return list(parse_plain(text))


def openmetrics(text: str) -> list[Metric]:
    """The metrics that the parser of OpenMetrics reads, which also finds duplicate names and samples."""
    return list(cast("Any", openmetrics_parser).text_string_to_metric_families(text))  # it has no types


def faults(metrics: Iterable[Metric]) -> list[str]:
    """Everything that is wrong with them."""
    metrics = list(metrics)
    names = Counter(metric.name for metric in metrics)
    found = [f"{name}: is there twice" for name, count in names.items() if count > 1]
    for metric in metrics:
        found += [f"{metric.name}: {fault}" for fault in _faults(metric)]
    return found


def unit_faults(metrics: Iterable[Metric]) -> list[str]:
    """Metrics without a unit that measure or count something; the older format has no units."""
    return [
        f"{metric.name}: has no unit"
        for metric in metrics
        if not metric.unit and not NO_UNIT.search(metric.name) and metric.type != "info"
    ]


def _faults(metric: Metric) -> Iterator[str]:
    words = metric.name.split("_")
    if not metric.documentation.strip():
        yield "has no help"
    if metric.type not in ("counter", "gauge", "histogram", "info"):
        yield f"is {metric.type}"
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", metric.name):
        yield "is not in snake case"
    for wrong in (ABBREVIATED, NOT_BASE, TYPES):
        yield from (f"has {word} in its name" for word in words if wrong.fullmatch(word))
    if words[-1] in ("total", "bucket", "count", "sum"):
        yield f"ends in {words[-1]}"
    if not metric.samples:
        yield "has no value"
    series = Counter((sample.name, *sorted(sample.labels.items())) for sample in metric.samples)
    yield from (f"{key} is there twice" for key, count in series.items() if count > 1)
    for sample in metric.samples:
        suffix = sample.name.removeprefix(metric.name)
        if metric.type == "counter" and (suffix != "_total" or not sample.value >= 0):
            yield f"{sample} is no sample of a counter"
        if metric.type == "gauge" and suffix:
            yield f"{sample} is no sample of a gauge"
        if metric.type != "histogram" and {"le", "quantile"} & sample.labels.keys():
            yield f"{sample} has a label of histograms"


class Samples:
    """Values by name and labels."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        """Take those of all metrics."""
        self._values: Final = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for metric in metrics
            for sample in metric.samples
        }

    def __getitem__(self, name: str) -> float:
        return self.value(name)

    def value(self, name: str, **labels: str) -> float:
        """The value with exactly these labels."""
        return self._values[name, frozenset(labels.items())]

    def sum(self, name: str, **labels: str) -> float:
        """The sum of all that have these labels among theirs."""
        wanted = set(labels.items())
        return sum(value for (of, have), value in self._values.items() if of == name and wanted <= have)

    def each(self, name: str) -> dict[frozenset[tuple[str, str]], float]:
        """All values of a name, by labels."""
        return {labels: value for (of, labels), value in self._values.items() if of == name}

    def names(self) -> set[str]:
        """The names of all."""
        return {name for name, _ in self._values}

    def risen_only_since(self, before: "Samples") -> list[str]:
        """Counters, and parts of histograms, that have fallen or vanished since then."""
        return [
            f"{name}{dict(labels)}: {value} is now {self._values.get((name, labels))}"
            for (name, labels), value in before._values.items()
            if re.search(r"_(total|bucket|count|sum)$", name) and self._values.get((name, labels), -1) < value
        ]
