"""A metric as an entry of a table: its name, what it means, and where its values stand in the counters."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from beats.kernel.stats import Amount, Stats

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
"""Last words of a name that say what is counted or measured."""

Rows = Iterable[tuple[tuple[str, ...], float]]
"""The values of the labels in their order, and the value."""


class Family(NamedTuple):
    """All values of one name."""

    type: type[CounterMetricFamily] | type[GaugeMetricFamily]
    name: str
    """Of a counter without its `_total`, which the library adds."""
    help: str
    labels: tuple[str, ...]
    rows: Callable[[Stats], Rows]
    """Each combination of labels once: Prometheus takes nothing at all when one is there twice."""

    def metric(self, stats: Stats) -> Metric | None:
        """The values now; None when there are none."""
        metric = self.type(self.name, self.help, labels=self.labels, unit=unit_of(self.name))
        for values, value in self.rows(stats):
            metric.add_metric(values, value)
        return metric if metric.samples else None


def unit_of(name: str) -> str:
    """The unit that a name ends in; empty for what has none, such as a state."""
    last = name.rpartition("_")[2]
    return last if last in UNITS else ""


def counter(name: str, text: str, labels: tuple[str, ...], rows: Callable[[Stats], Rows]) -> Family:
    """What only rises."""
    return Family(CounterMetricFamily, name, text, labels, rows)


def gauge(name: str, text: str, labels: tuple[str, ...], rows: Callable[[Stats], Rows]) -> Family:
    """What rises and falls."""
    return Family(GaugeMetricFamily, name, text, labels, rows)


Amounts = Iterable[tuple[tuple[str, ...], Amount]]


def amounts(
    make: Callable[[str, str, tuple[str, ...], Callable[[Stats], Rows]], Family],
    name: str,
    text: str,
    labels: tuple[str, ...],
    rows: Callable[[Stats], Amounts],
) -> tuple[Family, Family]:
    """The same in envelopes and in bytes; `make` is `counter` or `gauge`."""
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
