"""The trials of the benchmark of the relay; each starts what it needs and returns its figures."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

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

_SERVED_MS: Final = 100.0
_SERVED_PART: Final = 0.99
_SERVED_HZ: Final = 0.95 * RATE_HZ


def bare_latency(duration_s: float) -> Figures:
    """What NATS itself takes: nats-py to nats-py through the server.

    Returns:
        `p50_ms`, `p99_ms`; `publisher`, `subscriber` and `broker`: cores.
    """
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
    """How old frames are for a viewer of the origin, and for one of an edge, at the same time.

    Returns:
        `origin_p50_ms`, `origin_p99_ms`, `edge_p50_ms`, `edge_p99_ms`.
    """
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
    """What edges without viewers cost: first the largest number of them, of which some are ended then.

    Args:
        counts: how many edges, rising; 0 is an origin that does not relay.
        duration_s: how long each number is looked at.

    Returns:
        By number `origin`, `broker`, and `edge` (each, if there are any): cores.
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
    """More and more clients of one server, up to the first number that is not served.

    Served means that there are 57 frames a second or more (who publishes them has the same cores), that 99 of
    100 arrive, and that they are less than 0.1 s old at p99.

    Args:
        workers: how many processes serve them; 0 for one that does everything itself.
        counts: of clients, rising.
        duration_s: how long each number is looked at.
        frame_bytes: about the size of each frame.

    Returns:
        For each number of clients `clients`, `served` (0 or 1), `rate_hz` of the frames, `part` of them that
        arrived, `p50_ms`, `p99_ms`, and cores: `serving` (the processes that clients connect to), `parent`,
        `broker`, `load`.
    """
    found: list[Figures] = []
    with stage(frame_bytes) as here:
        server = here.keep(here.workers(workers))
        size = settled_size(server.port)
        groups = family(server.process.pid)
        serving = groups.pop("worker") or groups.pop("parent")
        for count in counts:
            with clients(server.port, count, size) as load:
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
    return {name: float(latency.get(name, "nan")) for name in ("p50_ms", "p99_ms")}
