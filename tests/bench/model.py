"""What it takes to show one stream to very many viewers, computed from figures that were measured.

    python -m tests.bench.model [--viewers N] [--frame-bytes N] [--rate HZ] …

prints the tables of docs/a-million-viewers.md, for other streams, machines and prices with the options
that `--help` lists. Every formula of that page is a line of `Layout` here. No I/O but the printing.
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
    client_kb: float = 19.0
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


class Layout(NamedTuple):
    """How many machines, and how full they are."""

    assumed: Assumed
    measured: Measured

    @property
    def viewer_mbit(self) -> float:
        """Mbit/s that one viewer takes."""
        return self.assumed.frame_bytes * self.assumed.rate_hz * 8 * self.measured.wire / 1e6

    @property
    def total_gbit(self) -> float:
        """Gbit/s that all viewers take."""
        return self.viewer_mbit * self.assumed.viewers / 1000

    @property
    def delivery_us(self) -> float:
        """CPU for one frame to one viewer."""
        return self.measured.fixed_us + self.measured.per_kb_us * self.assumed.frame_bytes / 1000

    @property
    def per_core(self) -> int:
        """Viewers that would fill a core."""
        return int(1e6 / (self.delivery_us * self.assumed.rate_hz))

    @property
    def stream_load(self) -> float:
        """The stream in units of the one that was measured, 60 frames of 20 kB a second."""
        return self.assumed.frame_bytes * self.assumed.rate_hz / (20_000 * 60)

    @property
    def edge_overhead(self) -> float:
        """Cores that an edge takes before it has a viewer, with a worker for each core."""
        each = self.assumed.edge_cores * self.measured.worker_cores
        return (each + self.measured.parent_cores) * self.stream_load

    @property
    def by_cpu(self) -> int:
        """Viewers that the cores of an edge can serve."""
        cores = self.assumed.edge_cores * self.assumed.fill - self.edge_overhead
        return max(0, int(self.per_core * cores))

    @property
    def by_network(self) -> int:
        """Viewers that the network of an edge can serve."""
        return int(self.assumed.edge_gbit * 1000 * self.assumed.fill / self.viewer_mbit)

    @property
    def by_trial(self) -> int:
        """Viewers of an edge with a worker on each core, none of which has more than was tried."""
        return self.measured.process_clients * self.assumed.edge_cores

    @property
    def limit(self) -> str:
        """What bounds the viewers of an edge."""
        limits = {"network": self.by_network, "CPU": self.by_cpu, "trial": self.by_trial}
        return min(limits, key=lambda name: limits[name])

    @property
    def per_edge(self) -> int:
        """Viewers of one edge."""
        return max(1, min(self.by_cpu, self.by_network, self.by_trial))

    @property
    def edges(self) -> int:
        """How many edges."""
        return math.ceil(self.assumed.viewers / self.per_edge)

    @property
    def edges_per_region(self) -> int:
        """Edges that get the stream from one region's servers."""
        return math.ceil(self.edges / self.assumed.regions)

    @property
    def broker_gbit(self) -> float:
        """Gbit/s that leave the servers of one region, all together."""
        return self.edges_per_region * self.viewer_mbit / 1000

    @property
    def brokers(self) -> int:
        """Servers of one region: as many as its edges need, and never one alone."""
        return max(2, math.ceil(self.broker_gbit / (self.assumed.broker_gbit * self.assumed.fill)))

    @property
    def broker_cores(self) -> float:
        """Cores that the servers of one region take, all together."""
        return self.edges_per_region * self.measured.broker_cores * self.stream_load

    @property
    def viewer_hour_gb(self) -> float:
        """GB that a viewer gets in an hour."""
        return self.viewer_mbit * 3600 / 8000

    @property
    def traffic_cost(self) -> float:
        """For one viewer, one hour."""
        return self.viewer_hour_gb * self.assumed.price_gb

    @property
    def core_cost(self) -> float:
        """For one viewer, one hour."""
        return self.assumed.price_core_hour * self.assumed.edge_cores / self.per_edge


def layout_rows(layout: Layout) -> list[tuple[str, str, str]]:
    """What, how much, and by which formula."""
    given = layout.assumed
    edge_memory_mb = layout.per_edge * layout.measured.client_kb / 1000
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
        ("memory for an edge's viewers", f"{edge_memory_mb:,.0f} MB", "viewers x memory each"),
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
        ("leaves the origin", f"{layout.viewer_mbit:.1f} Mbit/s", "one stream, whoever watches"),
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
