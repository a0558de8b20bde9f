"""What it takes to show one stream to very many viewers, computed from figures that were measured.

    python -m tests.bench.model [--viewers N] [--frame-bytes N] [--rate HZ] …

prints the tables of docs/a-million-viewers.md, for other streams, machines and prices with the options
that `--help` lists. Every formula of that page is a line of `Layout` here.
"""

import argparse
import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

GBIT: Final = 1e9
FRAMES: Final = ((20_000, 60.0), (20_000, 30.0), (5_000, 60.0), (5_000, 30.0), (2_000, 10.0))
"""Streams that the page compares: bytes of a frame, and frames a second."""


class Measured(NamedTuple):
    """Figures of the two shared cores that docs/measurements.md speaks of."""

    fixed_us: float = 6.4
    """CPU for each delivery to a viewer, whatever its size; tests/bench/relay.py, `workers`."""
    per_kb_us: float = 0.06
    """What each 1,000 bytes add to that; from the same, with 20 kB and with 2 kB."""
    worker_cores: float = 0.03
    """What a worker takes to receive 60 frames of 20 kB a second; the same script, `edges`."""
    parent_cores: float = 0.075
    """What its parent and the server between them take; the same, `workers`."""
    broker_cores: float = 0.0036
    """What nats-server takes to pass these on to one edge; from the same."""
    client_kb: float = 12.0
    """Memory for each viewer; tests/bench/fanout.py, `many`."""
    process_clients: int = 5000
    """Most viewers that one process was tried with; from the same."""
    wire: float = 1.06
    """Bytes on a wire for each byte of a frame: a packet of Ethernet takes 1,538 for 1,448 of TCP."""


class Assumed(NamedTuple):
    """What depends on the event. Change it."""

    viewers: int = 1_000_000
    frame_bytes: int = 20_000
    rate_hz: float = 60.0
    edge_cores: int = 8
    edge_gbit: float = 25.0
    broker_gbit: float = 25.0
    fill: float = 0.6
    """How much of a machine is used: what is left takes the viewers of one that has died."""
    regions: int = 3
    price_gb: float = 0.01
    """For each 1e9 bytes that leave an edge."""
    price_core_hour: float = 0.04
    """For a core of an edge, an hour."""


class Layout:
    """How many machines, and how full they are."""

    def __init__(self, assumed: Assumed, measured: Measured) -> None:
        """Work it out: each line is a formula of the page."""
        a, m = assumed, measured
        self.assumed: Final = a
        self.viewer_mbit: Final = a.frame_bytes * a.rate_hz * 8 * m.wire / 1e6
        self.total_gbit: Final = self.viewer_mbit * a.viewers / 1000
        # One viewer's frame takes so much CPU, so many viewers fill a core.
        self.delivery_us: Final = m.fixed_us + m.per_kb_us * a.frame_bytes / 1000
        self.per_core: Final = int(1e6 / (self.delivery_us * a.rate_hz))
        # In units of the stream that was measured, 60 frames of 20 kB a second.
        stream_load = a.frame_bytes * a.rate_hz / (20_000 * 60)
        # Cores that an edge takes before it has a viewer, with a worker for each core.
        self.edge_overhead: Final = (a.edge_cores * m.worker_cores + m.parent_cores) * stream_load
        # Viewers of an edge; no worker has more than was tried.
        self.by_cpu: Final = max(0, int(self.per_core * (a.edge_cores * a.fill - self.edge_overhead)))
        self.by_network: Final = int(a.edge_gbit * 1000 * a.fill / self.viewer_mbit)
        self.by_trial: Final = m.process_clients * a.edge_cores
        limits = {"network": self.by_network, "CPU": self.by_cpu, "trial": self.by_trial}
        self.limit: Final = min(limits, key=lambda name: limits[name])
        self.per_edge: Final = max(1, limits[self.limit])
        self.edges: Final = math.ceil(a.viewers / self.per_edge)
        self.edge_memory_mb: Final = self.per_edge * m.client_kb / 1000
        # Each region has as many servers as its edges need, and at least two.
        self.edges_per_region: Final = math.ceil(self.edges / a.regions)
        self.broker_gbit: Final = self.edges_per_region * self.viewer_mbit / 1000
        self.brokers: Final = max(2, math.ceil(self.broker_gbit / (a.broker_gbit * a.fill)))
        self.broker_cores: Final = self.edges_per_region * m.broker_cores * stream_load
        # For one viewer, one hour.
        self.viewer_hour_gb: Final = self.viewer_mbit * 3600 / 8000
        self.traffic_cost: Final = self.viewer_hour_gb * a.price_gb
        self.core_cost: Final = a.price_core_hour * a.edge_cores / self.per_edge


def layout_rows(layout: Layout) -> list[tuple[str, str, str]]:
    """What, how much, and by which formula."""
    given = layout.assumed
    return [
        ("a viewer takes", f"{layout.viewer_mbit:.2f} Mbit/s", "frame x rate x 8 x wire"),
        ("all viewers take", f"{layout.total_gbit:,.0f} Gbit/s", "that x viewers"),
        ("CPU of a delivery", f"{layout.delivery_us:.1f} µs", "fixed + per kB x frame"),
        ("viewers that fill a core", f"{layout.per_core:,}", "1 s / (delivery x rate)"),
        (
            "cores of an edge without viewers",
            f"{layout.edge_overhead:.2f}",
            f"({given.edge_cores} workers x each + parent) x stream",
        ),
        (
            "viewers of an edge, by CPU",
            f"{layout.by_cpu:,}",
            f"those of a core x ({given.edge_cores} cores x fill - these)",
        ),
        (
            "viewers of an edge, by network",
            f"{layout.by_network:,}",
            f"{given.edge_gbit:g} Gbit/s x fill / a viewer's",
        ),
        ("viewers of an edge, as far as was tried", f"{layout.by_trial:,}", "viewers of a process x cores"),
        ("**edges**", f"**{layout.edges:,}**", "viewers / the least of these"),
        ("memory for an edge's viewers", f"{layout.edge_memory_mb:,.0f} MB", "viewers x memory each"),
        ("edges in each region", f"{layout.edges_per_region:,}", f"edges / {given.regions} regions"),
        ("leave a region's servers", f"{layout.broker_gbit:.2f} Gbit/s", "edges x a viewer's"),
        ("cores of a region's servers", f"{layout.broker_cores:.1f}", "edges x for each x stream"),
        (
            "**servers in each region**",
            f"**{layout.brokers}**",
            f"what leaves / ({given.broker_gbit:g} Gbit/s x fill), at least 2",
        ),
        (
            "traffic of all, an hour",
            f"${layout.traffic_cost * given.viewers:,.0f}",
            f"GB x viewers x {given.price_gb:g} $/GB",
        ),
        (
            "cores of all edges, an hour",
            f"${layout.core_cost * given.viewers:,.0f}",
            f"edges x cores x {given.price_core_hour:g} $",
        ),
        ("leaves the origin", f"{layout.viewer_mbit:.1f} Mbit/s", "one stream, however many watch"),
    ]


def stream_rows(assumed: Assumed, measured: Measured) -> list[tuple[str, ...]]:
    """The same for other streams."""
    rows: list[tuple[str, ...]] = []
    for frame_bytes, rate_hz in FRAMES:
        layout = Layout(assumed._replace(frame_bytes=frame_bytes, rate_hz=rate_hz), measured)
        rows.append(
            (
                f"{frame_bytes / 1000:g} kB x {rate_hz:g}/s",
                f"{layout.viewer_mbit:.2f}",
                f"{layout.total_gbit / 1000:.2f}",
                f"{layout.per_edge:,} ({layout.limit})",
                f"{layout.edges:,}",
                f"{layout.brokers * assumed.regions}",
                f"{layout.viewer_hour_gb:.2f}",
                f"{100 * layout.traffic_cost:.2f}",
                f"{100 * layout.core_cost:.4f}",
            )
        )
    return rows


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; all columns but the first to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page(assumed: Assumed, measured: Measured) -> str:
    """Both tables."""
    layout = Layout(assumed, measured)
    return "\n\n".join(
        [
            table(("", "", "formula"), layout_rows(layout)),
            table(
                (
                    "stream",
                    "Mbit/s each",
                    "Tbit/s in all",
                    "viewers of an edge",
                    "edges",
                    "servers",
                    "GB an hour each",
                    "traffic, ¢ an hour each",
                    "cores, ¢ an hour each",
                ),
                stream_rows(assumed, measured),
            ),
        ]
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    for prefix, defaults in (("--", Assumed()), ("--measured-", Measured())):
        for name, value in defaults._asdict().items():
            kind = int if isinstance(value, int) else float
            parser.add_argument(prefix + name.replace("_", "-"), type=kind, default=value, help=f"{value:g}")
    given = vars(parser.parse_args())
    measured = {name: given.pop(f"measured_{name}") for name in Measured._fields}
    print(page(Assumed(**given), Measured(**measured)))


if __name__ == "__main__":
    main()
