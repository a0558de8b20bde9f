"""What it costs to pass a stream on to other machines, and to the other cores of one.

    python -m tests.bench.relay [--quick] [--only TRIAL[,TRIAL]] [--rounds N]

in the root of the repository, with nats-server on the path. Everything is on loopback, each part a process of
its own and free to run on every core: figures are for comparison with others of the same run. 20 kB frames,
60 a second, all the way through the real commands; CPU is what /proc says of each process.

* `latency`: how old frames are when a viewer of an edge has them, and one of the origin at the same time; and
  nats-py to nats-py through the same server.
* `edges`: cores that the origin, the server and each edge take with 0 (the origin does not relay), 1, 2, 4, 8
  edges; beside a publisher and a subscriber made of nats-py alone.
* `workers`: how many clients are served (57 frames a second or more, 99 of 100 arrive, p99 of their age below
  50 ms) by a plain run and by `--workers` 1 and 2, and what that takes; one round. The clients are on the
  same cores: who serves them has what they leave. That is most of the cores, since only 50 clients are really
  read; the operating system discards what comes for the others. "us each" is the CPU of the server, all its
  processes, for each delivery.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from tests.bench.machine import describe
from tests.bench.process import Process
from tests.bench.relay_stage import (
    FRAME_BYTES,
    RATE_HZ,
    CpuClock,
    Stage,
    clients,
    family,
    settled_size,
    stage,
)
from tests.support import Program

Figures = dict[str, float]

_SERVED_MS: Final = 50.0
_SAMPLED: Final = 50
_SETTLE_S: Final = 1.0
"""What came while clients connected may wait for some of them."""
_SERVED_PART: Final = 0.99
_SERVED_HZ: Final = 0.95 * RATE_HZ
_AGES: Final = ("p50_ms", "p99_ms")
_EDGES: Final = (0, 1, 2, 4, 8)
_CROWDS: Final = (250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 4000)
_SERVERS: Final = (
    ("plain run", 0, FRAME_BYTES),
    ("--workers 1", 1, FRAME_BYTES),
    ("--workers 2", 2, FRAME_BYTES),
    ("plain run, 2 kB", 0, FRAME_BYTES // 10),
)
"""What serves, by how many workers (0: it does everything itself), and how large its frames are."""


def bare_latency(duration_s: float) -> Figures:
    """Ages from nats-py to nats-py through the server, and cores of `publisher`, `subscriber`, `broker`."""
    with stage() as here:
        arguments = (here.url, FRAME_BYTES, RATE_HZ)
        subscriber = here.process("tests.bench.relay_bare", "subscribe", *arguments)
        publisher = here.process("tests.bench.relay_bare", "publish", *arguments)
        clock = CpuClock(
            publisher=[publisher.pid], subscriber=[subscriber.pid], broker=[here.broker.process.pid]
        )
        (latency,) = _watched(duration_s, subscriber)
        return {**_ages(latency), **clock.cores()}


def relay_latency(duration_s: float) -> Figures:
    """How old frames are for a viewer of the origin (`origin_…`), and for one of an edge (`edge_…`)."""
    with stage() as here:
        origin, edge = here.keep(here.origin()), here.keep(here.edge())
        size = settled_size(edge.port)
        with clients(origin.port, 1, size) as near, clients(edge.port, 1, size) as far:
            at_origin, at_edge = (_ages(seen) for seen in _watched(duration_s, near, far))
        return {
            **{f"origin_{name}": value for name, value in at_origin.items()},
            **{f"edge_{name}": value for name, value in at_edge.items()},
        }


def edges_cpu(counts: Sequence[int], duration_s: float) -> dict[int, Figures]:
    """Cores of `origin`, `broker` and each `edge` by the number of edges; 0 is an origin that does not relay.

    The largest number of edges comes first, of which some are ended then.
    """
    found: dict[int, Figures] = {}
    with stage() as here:
        if 0 in counts:
            with here.origin(relays=False) as program:
                settled_size(program.port)
                found[0] = _cores(duration_s, here, program, [])
        origin = here.keep(here.origin())
        edges = [here.keep(here.edge()) for _ in range(max(counts))]
        for program in (origin, *edges):
            settled_size(program.port)
        for count in sorted({*counts} - {0}, reverse=True):
            while len(edges) > count:
                edges.pop().interrupt()
            found[count] = _cores(duration_s, here, origin, edges)
    return dict(sorted(found.items()))


def _cores(duration_s: float, here: Stage, origin: Program, edges: Sequence[Program]) -> Figures:
    pids = [program.process.pid for program in edges]
    clock = CpuClock(origin=[origin.process.pid], broker=[here.broker.process.pid], edge=pids)
    time.sleep(duration_s)
    cores = clock.cores()
    all_edges = cores.pop("edge")
    return {**cores, **({"edge": all_edges / len(edges)} if edges else {})}


def crowd(
    workers: int, counts: Iterable[int], duration_s: float, frame_bytes: int = FRAME_BYTES
) -> list[Figures]:
    """More and more clients of one server, up to the first number that is not served, as the module says.

    For each number of clients `clients`, `served` (0 or 1), `rate_hz` of the frames, `part` of them that
    arrived, their ages, and cores: `serving` (those that clients connect to), `parent`, `broker`, `load`.
    """
    found: list[Figures] = []
    with stage(frame_bytes) as here:
        server = here.keep(here.workers(workers))
        size = settled_size(server.port)
        groups = family(server.process.pid)
        serving = groups.pop("worker") or groups.pop("parent")
        for count in counts:
            with clients(server.port, count, size, _SAMPLED) as load:
                time.sleep(_SETTLE_S)
                begin_s = time.monotonic()
                clock = CpuClock(serving=serving, load=[load.pid], **groups)
                (seen,) = _watched(duration_s, load)
                cores = clock.cores()
                passed_s = time.monotonic() - begin_s
            most = max(seen["per_client"]) or 1
            figures: Figures = {
                "clients": count,
                "rate_hz": most / passed_s,
                "part": 0.0 if seen["errors"] or seen["closed"] else seen["received"] / (most * count),
                **_ages(seen),
                **cores,
            }
            is_served = (
                figures["part"] >= _SERVED_PART
                and figures["rate_hz"] >= _SERVED_HZ
                and figures["p99_ms"] < _SERVED_MS
            )
            found.append({**figures, "served": float(is_served)})
            if not is_served:
                break
    return found


def _watched(duration_s: float, *watchers: Process) -> list[dict[str, Any]]:
    for watcher in watchers:
        watcher.ask("begin")
    time.sleep(duration_s)
    return [watcher.ask("stats") for watcher in watchers]


def _ages(seen: dict[str, Any]) -> Figures:
    latency = seen["latency"]
    return {name: float(latency.get(name, "nan")) for name in _AGES}


def medians(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def latency(*, quick: bool, rounds: int) -> None:
    """How old frames of 20 kB, 60 a second, are when a viewer has them."""
    duration_s = 2.0 if quick else 10.0
    bare: list[Figures] = []
    relay: list[Figures] = []
    for _ in range(rounds):  # by turns, so that what else the machine does falls on both
        bare.append(bare_latency(duration_s))
        relay.append(relay_latency(duration_s))
        for part in _AGES:
            relay[-1][f"added_{part}"] = relay[-1][f"edge_{part}"] - relay[-1][f"origin_{part}"]
    _print("ms", "p50", "p99")
    _print("nats-py to nats-py", *(medians(bare)[part] for part in _AGES))
    for row in ("origin", "edge", "added"):
        _print(row, *(medians(relay)[f"{row}_{part}"] for part in _AGES))


def edges(*, quick: bool, rounds: int) -> None:
    """How many per cent of a core it takes, with more and more edges that have no viewers."""
    duration_s = 2.0 if quick else 6.0
    bare = medians([bare_latency(duration_s) for _ in range(rounds)])
    by_count = [edges_cpu(_EDGES, duration_s) for _ in range(rounds)]
    found = {f"{count}": medians([each[count] for each in by_count]) for count in _EDGES}
    _print("% of a core", "origin", "server", "each edge")
    _print("nats-py to nats-py", *(100 * bare[part] for part in ("publisher", "broker", "subscriber")))
    for count, figures in found.items():
        parts = ("origin",) if count == "0" else ("origin", "broker", "edge")
        name = "does not relay" if count == "0" else f"{count} edges"
        _print(name, *(100 * figures[part] for part in parts))
    times = found["8"]["origin"] / found["1"]["origin"]
    print(f"the origin with 8 edges: {times:.2f} x with 1")
    print(f"an edge: {found['1']['edge'] / bare['subscriber']:.2f} x a subscriber")


def workers(*, quick: bool, rounds: int) -> None:
    """How many clients are served, and how many cores that takes."""
    duration_s = 1.0 if quick else 4.0
    counts = _CROWDS[:1] if quick else _CROWDS
    parts = ("rate_hz", "part", "p50_ms", "p99_ms", "serving", "parent", "broker", "load")
    _print("", "clients", "Hz", "arrive", "p50 ms", "p99 ms", *parts[-4:], "us each", "served")
    for name, count, frame_bytes in _SERVERS:
        for each in crowd(count, counts, duration_s, frame_bytes):
            cores = sum(each.get(part, 0.0) for part in ("serving", "parent", "broker"))
            each["delivery_us"] = cores * 1e6 / (each["clients"] * each["rate_hz"] * each["part"])
            cells = (each.get(part, 0.0) for part in (*parts, "delivery_us"))
            _print(name, f"{each['clients']:,.0f}", *cells, "yes" if each["served"] else "no")


def _print(name: str, *cells: str | float) -> None:
    texts = (cell if isinstance(cell, str) else f"{cell:.2f}" for cell in cells)
    print(f"{name:20}" + "".join(f"{text:>9}" for text in texts), flush=True)


TRIALS: Final[Mapping[str, Callable[..., object]]] = {"latency": latency, "edges": edges, "workers": workers}


def main() -> None:
    """Run the trials and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="one short round: does it all run?")
    parser.add_argument("--only", help=f"of {', '.join(TRIALS)}, with commas between")
    parser.add_argument("--rounds", type=int, help="3, or 1 with --quick")
    given = parser.parse_args()
    given.rounds = given.rounds or (1 if given.quick else 3)
    begin_s = time.monotonic()
    print(describe())
    for name in given.only.split(",") if given.only else TRIALS:
        print(f"\n{name}: {(TRIALS[name].__doc__ or '').strip()}", flush=True)
        TRIALS[name](quick=given.quick, rounds=given.rounds)
    print(f"\n{time.monotonic() - begin_s:.0f} s in all")


if __name__ == "__main__":
    main()
