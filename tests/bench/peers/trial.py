"""One peer with so many clients for a short while: what it cost, and what arrived."""

import time
from typing import Any, NamedTuple

from tests.bench.peers import DIALECTS
from tests.bench.peers.process import Process

_IDLE_S = 3.0
"""Silence after which what has not come will not come."""


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
    with Process(f"tests.bench.peers.{peer}", _peer_arguments(case, pins)) as server:
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
    arguments += ["--dialect", DIALECTS.get(peer, "plain")]
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
        "load_cpu_s": seen["cpu_s"],
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
