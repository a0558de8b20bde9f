"""What a delivery costs the server, how many it can make, and how that grows with the clients; beside peers.

    python -m tests.bench.fanout [--quick] [--only ROW[,ROW]] [--peers NAME[,NAME]] [--rounds N]

in the root of the repository. Server and load generator are processes of their own, each pinned to one CPU
(the first and the last that this one may use). In each round every peer has its turn at the same work, one
after the other, so that what else the machine does falls on all of them; figures are medians over the rounds,
and `x` is the median of the ratios within the rounds.

Ours is measured through the whole pipeline: a producer thread calls `Stream.publish_frame` or
`publish_peripheral`, and its encoding is in the CPU per delivery; peers are given bytes that are made up
already. CPU per delivery is user and system time of the server's process from the first publish to the last
arrival, divided by what the clients got. A message is lost if it had not arrived 3 s after the last one that
did. Flat out, peers without a bound of their own make the producer wait (see `tests.bench.peers`).
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from tests.bench.machine import describe, rest_factor
from tests.bench.peers import DIALECTS, OURS, PEERS, missing
from tests.bench.process import AnswerError, Process

_BUDGET_S: Final = 420.0
"""When so much time has passed, the rows that are left get one round each."""
_IDLE_S: Final = 3.0
"""Silence after which what has not come will not come."""
_FLAT_OUT: Final = {"ours": 10, "ours-uvloop": 10, "foxglove": 5}
"""Who gets so many times more messages flat out, so that a run takes seconds for each of them: a short burst
shows how fast a server can buffer, not how fast it can send."""


Figures = dict[str, float]
Round = dict[tuple[str, int], Figures]
"""By peer and number of clients."""


class Case(NamedTuple):
    """What is asked of a peer."""

    size: int
    """Bytes of each message."""
    rate_hz: float
    """Messages a second; 0 is flat out."""
    clients: int
    messages: int
    queue: int = 1024
    joining: bool = False
    """The clients come all at once, to a stream that has a state, and nothing is published after that."""
    sampled: int = 0
    """How many clients are really read, all when 0: see `tests.bench.load`."""


class Pins(NamedTuple):
    """CPUs of the server and of the load generator."""

    server: int | None
    load: int | None


def run(peer: str, case: Case, pins: Pins) -> dict[str, float]:
    """Run a trial.

    Returns:
        `cpu_us`: CPU of the server process, user and system, for each delivery; `producer_us`: the producer
        thread's part of it. For `ours` both hold the encoding. `per_s`: deliveries a second from the first
        to the last. `p50_ms`, `p99_ms`: from publishing to the client. `lost`: the part that never arrived,
        and `uncounted`: deliveries that the server's counters do not explain, for `ours`. `publish_us`,
        `publish_p99_us`: a publish call; `publish_cpu_us`, `publish_cpu_p99_us`: its CPU time in the
        producer thread. `client_kb`: growth of the server's memory for each client. `connect_s`, `first_s`:
        until all were connected, until all had a first message.

    Raises:
        AnswerError: the peer or the load generator failed.
    """
    with Process("tests.bench.peers", [peer, *_peer_arguments(case, pins)]) as server:
        port = server.answer()["ready"]
        with Process("tests.bench.load", _load_arguments(peer, case, pins, port)) as load:
            ready = load.answer()
            server.ask(f"clients {case.clients}")
            load.ask("begin")
            expected = 0
            if not case.joining:
                expected = case.clients * case.messages
                server.ask("start")
            load.tell(f"until {expected} {_IDLE_S:g}")
            seen = load.answer()
            figures = server.ask("stats")
            # A server counts what it has written just after it has; the clients may be quicker than that.
            deadline_s = time.monotonic() + _IDLE_S
            while _uncounted(case, seen, figures) and time.monotonic() < deadline_s:
                figures = {**figures, "counts": server.ask("stats")["counts"]}
            load.ask("stop")
        server.ask("stop")
    if seen["errors"]:
        raise RuntimeError(f"{peer}: clients got something else than expected: {seen['errors']}")
    return _evaluated(case, ready, seen, figures)


def _peer_arguments(case: Case, pins: Pins) -> list[object]:
    arguments: list[object] = ["--size", case.size, "--rate", case.rate_hz, "--count", case.messages]
    arguments += ["--queue", case.queue, "--prefill", int(case.joining)]
    return arguments if pins.server is None else [*arguments, "--pin", pins.server]


def _load_arguments(peer: str, case: Case, pins: Pins, port: int) -> list[object]:
    arguments: list[object] = ["--port", port, "--clients", case.clients, "--size", case.size]
    arguments += ["--dialect", DIALECTS.get(peer, "plain"), "--sampled", case.sampled]
    if case.joining:
        arguments += ["--first", "--connecting", case.clients]
    return arguments if pins.load is None else [*arguments, "--pin", pins.load]


def _evaluated(
    case: Case, ready: dict[str, Any], seen: dict[str, Any], figures: dict[str, Any]
) -> dict[str, float]:
    received: int = seen["received"]
    grown_bytes = figures["rss_bytes"] - figures["idle_rss_bytes"]
    result: dict[str, float] = {
        "client_kb": grown_bytes / case.clients / 1000,
        "connect_s": ready["connect_s"],
        "first_s": ready["first_s"],
    }
    if case.joining:
        return result
    publish = figures["publish"]
    result |= {
        "cpu_us": figures["cpu_s"] * 1e6 / max(1, received),
        "producer_us": figures["producer_cpu_s"] * 1e6 / max(1, received),
        "per_s": received * 1e9 / max(1, seen["last_unix_ns"] - seen["first_unix_ns"]),
        "p50_ms": seen["latency"].get("p50_ms", float("nan")),
        "p99_ms": seen["latency"].get("p99_ms", float("nan")),
        "lost": 1 - received / (case.clients * case.messages),
        "publish_us": publish["median_ns"] / 1e3,
        "publish_p99_us": publish["p99_ns"] / 1e3,
        "publish_cpu_us": publish["cpu_median_ns"] / 1e3,
        "publish_cpu_p99_us": publish["cpu_p99_ns"] / 1e3,
    }
    if figures["counts"]:
        result["uncounted"] = _uncounted(case, seen, figures)
    return result


def _uncounted(case: Case, seen: dict[str, Any], figures: dict[str, Any]) -> int:
    """Deliveries that the server's own counters do not explain."""
    counts: dict[str, int] = figures["counts"]
    if not counts or case.joining:
        return 0
    explained = counts["delivered"] + counts["missed"] + counts["dropped"] * case.clients
    offered: int = figures["published"] * case.clients
    received: int = seen["received"]
    return abs(offered - explained) + abs(counts["delivered"] - received)


class Column(NamedTuple):
    """A figure in the table: where from, how it is headed, how it is written."""

    key: str
    title: str
    form: str = "{:.2f}"
    scale: float = 1.0


class Row(NamedTuple):
    """One kind of work."""

    name: str
    title: str
    peers: tuple[str, ...]
    cases: tuple[Case, ...]
    columns: tuple[Column, ...]
    base: str | None = None
    """The peer that `cpu_us`, or `per_s` when flat out, is compared with in the same round: `times_base`."""

    def case_for(self, peer: str, case: Case) -> Case:
        """The same work; more of it for a peer that would be done too soon."""
        times = 1 if case.rate_hz or case.joining else _FLAT_OUT.get(peer, 1)
        return case._replace(messages=case.messages * times)


_LATENCY: Final = (Column("p50_ms", "p50 ms"), Column("p99_ms", "p99 ms"))
_LOST: Final = Column("lost", "lost %", "{:.1f}", 100.0)
_CPU: Final = (
    Column("cpu_us", "CPU µs/delivery"),
    Column("producer_us", "of it producer"),
    Column("times_base", "x bare"),
)


def rows(*, quick: bool) -> list[Row]:
    """All rows; small ones for a first look."""

    def seconds(rate_hz: float, duration_s: float) -> int:
        return round(rate_hz * (0.4 if quick else duration_s))

    many = (10, 50, 100) if quick else (50, 1000, 5000)
    viewers = (1, 10, 50) if quick else (1, 10, 100, 1000)
    flat_out = 1000 if quick else 20_000
    joining = 50 if quick else 1000
    return [
        Row(
            "frames",
            "20 kB x 60/s x 50 clients",
            PEERS,
            (Case(20_000, 60, 50, seconds(60, 2.5)),),
            (*_CPU, *_LATENCY, _LOST),
            "bare",
        ),
        Row(
            "updates",
            "120 B x 2,000/s x 50 clients",
            PEERS,
            (Case(120, 2000, 50, seconds(2000, 2)),),
            (*_CPU, *_LATENCY, _LOST),
            "bare",
        ),
        Row(
            "flatout",
            "120 B flat out x 20 clients",
            PEERS,
            (Case(120, 0, 20, flat_out, queue=flat_out * max(_FLAT_OUT.values())),),
            (
                Column("per_s", "M deliveries/s", "{:.3f}", 1e-6),
                Column("times_base", "x bare"),
                Column("cpu_us", "CPU µs/delivery"),
                Column("publish_us", "publish µs", "{:.1f}"),
                _LOST,
                Column("uncounted", "uncounted", "{:.0f}"),
            ),
            "bare",
        ),
        Row(
            "publish",
            "what a publish call costs, 20 kB x 60/s",
            tuple(OURS),
            tuple(Case(20_000, 60, clients, seconds(60, 3)) for clients in viewers),
            (
                Column("publish_us", "median µs", "{:.1f}"),
                Column("publish_p99_us", "p99 µs", "{:.1f}"),
                Column("publish_cpu_us", "CPU median µs", "{:.1f}"),
                Column("publish_cpu_p99_us", "CPU p99 µs", "{:.1f}"),
                Column("cpu_us", "CPU µs/delivery"),
                _LOST,
            ),
        ),
        Row(
            "many",
            "1 kB x 10/s, many clients",
            (*OURS, "bare", "broadcast"),
            tuple(Case(1000, 10, clients, seconds(10, 3)) for clients in many),
            (
                *_LATENCY,
                Column("cpu_us", "CPU µs/delivery"),
                Column("times_base", "x bare"),
                Column("client_kb", "kB/client", "{:.1f}"),
                Column("connect_s", "connect s"),
                _LOST,
            ),
            "bare",
        ),
        Row(
            "storm",
            "clients that come at once, until all have the latest message",
            (*OURS, "broadcast"),
            (Case(1000, 0, joining, 0, joining=True),),
            (Column("connect_s", "all connected s"), Column("first_s", "all have it s")),
        ),
    ]


def pins() -> Pins:
    """The first CPU for the server, the last one for the load generator; none where there is only one."""
    if not hasattr(os, "sched_getaffinity"):
        return Pins(None, None)
    cpus = sorted(os.sched_getaffinity(0))
    return Pins(cpus[0], cpus[-1]) if len(cpus) > 1 else Pins(None, None)


def run_round(row: Row, peers: Iterable[str], where: Pins) -> Round:
    """Each peer once with each case; one that fails is said to, and left out."""
    results: Round = {}
    for case in row.cases:
        for peer in peers:
            try:
                results[peer, case.clients] = run(peer, row.case_for(peer, case), where)
            except AnswerError as error:
                print(f"  {peer}, {case.clients} clients: {error}", flush=True)
        _compare(results, row, case)
    return results


def _compare(results: Round, row: Row, case: Case) -> None:
    base = results.get((row.base or "", case.clients))
    key = "per_s" if case.rate_hz == 0 else "cpu_us"
    for (_, clients), figures in results.items():
        if base is not None and clients == case.clients:
            figures["times_base"] = figures[key] / base[key]


def medians_of(rounds: list[Round]) -> Round:
    """The median of each figure."""
    merged: dict[tuple[str, int], dict[str, float]] = {}
    for name in dict.fromkeys(name for results in rounds for name in results):
        found = [results[name] for results in rounds if name in results]
        merged[name] = {key: statistics.median(one[key] for one in found) for key in found[0]}
    return merged


def show(row: Row, medians: Round, rounds: int) -> None:
    """Print a row's table and targets."""
    print(f"\n{row.title} ({row.name}; medians of {rounds})")
    print(f"{'':12}{'clients':>8}" + "".join(f"{column.title:>17}" for column in row.columns))
    for (peer, clients), figures in medians.items():
        cells = (
            column.form.format(figures[column.key] * column.scale) if column.key in figures else "-"
            for column in row.columns
        )
        print(f"{peer:12}{clients:8,}" + "".join(f"{cell:>17}" for cell in cells))


def present(wanted: Iterable[str]) -> list[str]:
    """The peers that are installed; the others are said to be left out."""
    found: list[str] = []
    for peer in wanted:
        if (package := missing(peer)) is None:
            found.append(peer)
        else:
            print(f"{peer} is left out: {package} is not installed")
    return found


def main() -> None:
    """Run the rows and print them."""
    given = _arguments()
    begin_s = time.monotonic()
    wanted: list[str] = given.peers.split(",") if given.peers else list(PEERS)
    chosen: list[str] = given.only.split(",") if given.only else []
    where = pins()
    print(describe())
    print(f"server on CPU {where.server}, load generator on CPU {where.load}")
    print(f"after 1/60 s of rest the same Python takes {rest_factor():.1f} times as long as without")
    wanted = present(wanted)

    for row in rows(quick=given.quick):
        if chosen and row.name not in chosen:
            continue
        peers = [peer for peer in row.peers if peer in wanted]
        results: list[Round] = []
        while peers and len(results) < given.rounds:
            if results and time.monotonic() - begin_s > _BUDGET_S:
                break
            results.append(run_round(row, peers, where))
        medians = medians_of(results)
        if medians:
            show(row, medians, len(results))
    print(f"\n{time.monotonic() - begin_s:.0f} s in all")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="one short round: does it all run?")
    parser.add_argument("--only", help="names of rows, with commas between")
    parser.add_argument("--peers", help=f"of {', '.join(PEERS)}, with commas between")
    parser.add_argument("--rounds", type=int, help="3, or 1 with --quick")
    given = parser.parse_args()
    given.rounds = given.rounds or (1 if given.quick else 3)
    return given


if __name__ == "__main__":
    main()
