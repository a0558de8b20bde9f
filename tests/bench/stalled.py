"""What badly behaved clients do to everyone else, to the producer and to the server's memory; beside peers.

    python -m tests.bench.stalled [--quick] [--only SCENARIO[,SCENARIO]] [--work NAME[,NAME]]
                                  [--peers NAME[,NAME]] [--clients N]

in the root of the repository. Healthy clients watch 1 MB x 30/s or 20 kB x 60/s: 50 of them, or as many as
this machine can serve with half of each of two CPUs, which is said. Each line of a table is a run of its own:
healthy clients alone, then with a crowd of bad ones, twice in a row (peers: once), so that what else the
machine does falls on both; `x` is the ratio of with to without. The line `no crowd` shows how
far from 1 its `x`, and so every other one, may be by chance.

Server and load generator are pinned to a CPU each; the crowd is on that of the load generator, nice. Slow
readers take bytes evenly at a sixth of the stream's rate, through the system's own buffers. A run whose
server grows over 1.5 GB is ended. Ours runs with `--stalled` (see `tests.bench.peers`).

Columns: `missing` messages that healthy clients did not get, all of them together, and `counted`, those
that the server counted (ours); age of messages and cost of a publish call, medians of the phases; `+MB`:
growth of the server's memory over the peak without the crowd; `closed`: clients of the crowd that the
server closed, the first one `after s`. Of slow readers: the age of their frames, the `gaps` in the numbers
of these and of updates (`lost`), and `uncounted`: how far the server's own count is from the gaps.
"""

import argparse
import os
import statistics
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.bench.fanout import Pins, pins, present
from tests.bench.machine import describe
from tests.bench.peers import DIALECTS, PEERS
from tests.bench.peers.ours import FRAMES_PER_UPDATE
from tests.bench.process import AnswerError, Process

_BUDGET_S: Final = 440.0
"""When so much time has passed, the runs that are left are left out."""
_RSS_LIMIT_BYTES: Final = 1_500_000_000
_LOOK_S: Final = 0.05
_WARM_UP_S: Final = 0.7
_SPARE_S: Final = 0.6
_IDLE_S: Final = 1.5
_PROBE: Final = 10
"""Healthy clients by which it is measured how many this machine can serve."""
_NAN: Final = float("nan")


class Work(NamedTuple):
    """What the healthy clients watch."""

    name: str
    size: int
    rate_hz: float


class Scenario(NamedTuple):
    """Who misbehaves while they do."""

    name: str
    title: str
    manner: str
    """As `tests.bench.crowd` calls it; empty for no crowd."""
    clients: int


class Times(NamedTuple):
    """How long the phases are, and how often both are gone through."""

    without_s: float
    with_s: float
    cycles: int


class Phase(NamedTuple):
    """What healthy clients and producer saw for a while."""

    p50_ms: float
    p99_ms: float
    publish_p99_us: float
    publish_cpu_p99_us: float
    peak_bytes: int


class Column(NamedTuple):
    """A figure in the table: where from, how it is headed, how wide and how it is written."""

    key: str
    title: str
    width: int
    form: str


WORKS: Final = (Work("1MB", 1_000_000, 30), Work("20kB", 20_000, 60))
SCENARIOS: Final = (
    Scenario("none", "no crowd", "", 0),
    Scenario("frozen", "1 frozen", "frozen", 1),
    Scenario("slow", "1 slow", "slow", 1),
    Scenario("frozen10", "10 frozen", "frozen", 10),
    Scenario("slow10", "10 slow", "slow", 10),
    Scenario("resetting", "1 resetting", "resetting", 1),
    Scenario("half_open", "50 half-open", "half_open", 50),
    Scenario("churning", "300/s come, go", "churning", 1),
)
PEER_SCENARIOS: Final = ("frozen", "slow", "frozen10", "churning")
"""Peers have no limits whose effect the others would show."""
COLUMNS: Final = (
    Column("healthy_missing", "missing", 8, "{:,.0f}"),
    Column("healthy_counted", "counted", 8, "{:,.0f}"),
    Column("p50_ms", "p50 ms", 9, "{:.2f}"),
    Column("p50_ms_x", "x", 6, "{:.2f}"),
    Column("p99_ms", "p99 ms", 9, "{:.2f}"),
    Column("p99_ms_x", "x", 6, "{:.2f}"),
    Column("publish_p99_us", "publish p99", 13, "{:,.0f} µs"),
    Column("publish_p99_us_x", "x", 6, "{:.2f}"),
    Column("publish_cpu_p99_us_x", "x CPU", 7, "{:.2f}"),
    Column("peak_mb", "+MB", 8, "{:,.0f}"),
    Column("closed", "closed", 8, "{}"),
    Column("closed_after_s", "after s", 9, "{:.1f}"),
    Column("age_p50_ms", "age p50", 9, "{:,.0f} ms"),
    Column("age_p99_ms", "age p99", 9, "{:,.0f} ms"),
    Column("connected", "stay", 6, "{}"),
    Column("gaps", "gaps", 7, "{:,}"),
    Column("lost", "lost", 6, "{:,}"),
    Column("uncounted", "uncounted", 10, "{:,}"),
)


class TooMuchError(Exception):
    """The server takes more memory than it is allowed to take here."""


class Trial:
    """One server with its clients, without and with a crowd, in one run."""

    def __init__(self, peer: str, work: Work, scenario: Scenario, times: Times, pins: Pins) -> None:
        self._peer: Final = peer
        self._work: Final = work
        self._scenario: Final = scenario
        self._times: Final = times
        self._pins: Final = pins
        self._received: list[int] = []
        self._errors: list[str] = []
        self._crowd: dict[str, Any] = {}
        self._missing = 0
        self._closed_s: list[float] = []

    def run(self, clients: int) -> dict[str, Any]:
        """Run it; the figures are named as in `COLUMNS`."""
        without: list[Phase] = []
        with_: list[Phase] = []
        counts: dict[str, int] = {}
        with self._running(clients):
            self._load.ask("begin")
            self._server.ask("start")
            try:
                self._phase(_WARM_UP_S)
                for cycle in range(self._times.cycles):
                    without.append(self._phase(self._times.without_s))
                    counts = self._with_crowd(with_, last=cycle == self._times.cycles - 1)
            except TooMuchError:
                return {**compared(without, with_), "stopped": True, **self._of_closed()}
        result = {**compared(without, with_), **self._of_closed(), "healthy_missing": self._missing}
        if self._errors:
            result["errors"] = self._errors[:3]
        if self._peer == "ours":
            result["healthy_counted"] = self._counted(clients, counts)
        if self._scenario.manner == "slow":
            result |= self._of_slow(counts)
        return result

    def cpu(self, clients: int, duration_s: float) -> tuple[float, float]:
        """The part of a CPU that the server and the load generator take without a crowd."""
        with self._running(clients):
            self._load.ask("begin")
            self._server.ask("start")
            time.sleep(duration_s)
            server, load = self._server.ask("stats"), self._load.ask("stats")
            return server["cpu_s"] / server["elapsed_s"], load["cpu_s"] / server["elapsed_s"]

    @contextmanager
    def _running(self, clients: int) -> Generator[None]:
        cycle_s = self._times.without_s + self._times.with_s + _SPARE_S
        rate = ["--rate", self._work.rate_hz, "--duration", _WARM_UP_S + cycle_s * self._times.cycles]
        arguments = [self._peer, "--size", self._work.size, *rate, *self._pin(self._pins.server), "--stalled"]
        with Process("tests.bench.peers", arguments) as self._server:
            ready = self._server.answer()
            self._port, self._pid = ready["ready"], ready["pid"]
            size = 0 if self._peer == "ours" else self._work.size
            shape = ["--clients", clients, "--size", size, *self._dialect(), *self._pin(self._pins.load)]
            with Process("tests.bench.load", ["--port", self._port, *shape]) as self._load:
                self._load.answer()
                self._server.ask(f"clients {clients}")
                yield

    def _with_crowd(self, phases: list[Phase], *, last: bool) -> dict[str, int]:
        """One phase with the crowd; when it is the last, until the producer ends and all has arrived."""
        manner = self._scenario.manner
        if not manner:
            phases.append(self._phase(self._times.with_s))
            return self._end() if last else {}
        with Process("tests.bench.crowd", self._crowd_arguments()) as crowd:
            crowd.answer()
            phases.append(self._phase(self._times.with_s, watch_closing=manner == "frozen"))
            counts: dict[str, int] = {}
            if last:
                counts = self._end()
                if manner == "slow" and self._peer == "ours":
                    crowd.ask("drain")
                    counts = self._server.ask("stats")["counts"]
            self._crowd = crowd.ask("stop")
            self._closed_s += self._crowd["closed_s"]
        return counts

    def _phase(self, duration_s: float, *, watch_closing: bool = False) -> Phase:
        self._look()
        peak, sockets = 0, descriptors(self._pid)
        begin_s = time.monotonic()
        while (passed_s := time.monotonic() - begin_s) < duration_s:
            time.sleep(_LOOK_S)
            if watch_closing and (now := descriptors(self._pid)) < sockets:
                # A client that reads nothing cannot tell: what it has not read is before the end.
                self._closed_s += [passed_s] * (sockets - now)
                sockets = now
            peak = max(peak, rss_bytes(self._pid))
            if peak > _RSS_LIMIT_BYTES:
                raise TooMuchError
        latency, publish = self._look()
        p50_ms, p99_ms = (latency.get(name, _NAN) for name in ("p50_ms", "p99_ms"))
        wall_us, cpu_us = (publish.get(name, _NAN) / 1e3 for name in ("p99_ns", "cpu_p99_ns"))
        return Phase(p50_ms, p99_ms, wall_us, cpu_us, peak)

    def _look(self) -> tuple[dict[str, float], dict[str, float]]:
        """The ages of messages and the costs of calls since the last look."""
        # In one go, so that nothing falls between the end of one count and the beginning of the next.
        self._load.tell("stats\nbegin")
        seen = self._load.answer()
        self._load.answer()
        self._note(seen)
        return seen["latency"], self._server.ask("fresh")["publish"]

    def _note(self, seen: Mapping[str, Any]) -> None:
        per_client: list[int] = seen["per_client"]
        self._received = self._received or [0] * len(per_client)
        self._received = [old + new for old, new in zip(self._received, per_client, strict=True)]
        self._errors += seen["errors"]

    def _end(self) -> dict[str, int]:
        """Wait for the producer's end, and for what healthy clients get while the crowd is still there."""
        published: int = self._server.ask("wait 30")["published"]
        if self._peer == "ours":
            published += published // FRAMES_PER_UPDATE
        self._look()
        todo = max(0, len(self._received) * published - sum(self._received))
        self._load.tell(f"until {todo} {_IDLE_S:g}")
        self._note(self._load.answer())
        self._missing = sum(abs(published - received) for received in self._received)
        counts: dict[str, int] = self._server.ask("stats")["counts"]
        return counts

    def _counted(self, clients: int, counts: Mapping[str, int]) -> int:
        crowd = {f"missed:{client['port']}" for client in self._crowd.get("clients", ())}
        missed = (n for name, n in counts.items() if name.startswith("missed:") and name not in crowd)
        return counts.get("dropped", 0) * clients + sum(missed)

    def _of_closed(self) -> dict[str, Any]:
        if not self._scenario.manner:
            return {}
        return {"closed": len(self._closed_s), "closed_after_s": min(self._closed_s, default=None)}

    def _of_slow(self, counts: Mapping[str, int]) -> dict[str, Any]:
        slow = self._crowd["clients"]
        ages = self._crowd["ages"]
        result = {"age_p50_ms": ages.get("p50_ms"), "age_p99_ms": ages.get("p99_ms"), "connected": len(slow)}
        if self._peer == "ours":
            result["gaps"] = sum(client["missing"] for client in slow)
            result["lost"] = sum(client["peripherals_missing"] for client in slow)
            apart = (client["missing"] - counts.get(f"missed:{client['port']}", 0) for client in slow)
            result["uncounted"] = sum(map(abs, apart))
        return result

    def _crowd_arguments(self) -> list[object]:
        slow = self._work.size * self._work.rate_hz / 6
        who = ["--manner", self._scenario.manner, "--count", self._scenario.clients, "--bytes-per-s", slow]
        numbered = ["--numbered"] if self._peer == "ours" else []
        return ["--port", self._port, *who, *numbered, *self._dialect(), *self._pin(self._pins.load)]

    def _dialect(self) -> list[object]:
        return ["--dialect", DIALECTS.get(self._peer, "plain")]

    def _pin(self, cpu: int | None) -> list[object]:
        return [] if cpu is None else ["--pin", cpu]


def rss_bytes(pid: int) -> int:
    """The memory of a process that is in RAM.

    Raises:
        AnswerError: the process has ended.
    """
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        raise AnswerError(f"process {pid} has ended") from None


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open.

    Raises:
        AnswerError: the process has ended.
    """
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        raise AnswerError(f"process {pid} has ended") from None


def compared(without: list[Phase], with_: list[Phase]) -> dict[str, Any]:
    """The medians of the phases with a crowd, their ratios to those without, and the growth of memory."""
    result: dict[str, Any] = {}
    for name in Phase._fields[:-1]:
        now = [getattr(phase, name) for phase in with_] or [_NAN]
        base = [getattr(phase, name) for phase in without] or [_NAN]
        result[name] = statistics.median(now)
        result[f"{name}_x"] = result[name] / statistics.median(base)
    base_peak = max((phase.peak_bytes for phase in without), default=0)
    peak = max((phase.peak_bytes for phase in with_), default=_RSS_LIMIT_BYTES)
    return {**result, "peak_mb": (peak - base_peak) / 1e6}


def line(peer: str, scenario: Scenario, figures: Mapping[str, Any]) -> str:
    """One run as a line of the table."""
    cells = [f"{peer:11}{scenario.title:16}"]
    for key, _, width, form in COLUMNS:
        value = figures.get(key)
        known = value is not None and value == value  # not NaN
        cells.append(f"{form.format(value) if known else '-':>{width}}")
    ended = "  ended: over 1.5 GB" if figures.get("stopped") else ""
    return "".join(cells) + ended + (f"  {errors}" if (errors := figures.get("errors")) else "")


def room(work: Work, most: int, where: Pins) -> int:
    """How many healthy clients this machine can serve with half of each CPU."""
    duration_s = 1.5
    trial = Trial("ours", work, SCENARIOS[0], Times(duration_s, 0.1, 1), where)
    server, load = trial.cpu(_PROBE, duration_s)
    clients = max(2, min(most, int(_PROBE * 0.5 / max(server, load, 1e-3))))
    carried = "" if clients == most else f"; {most} are more than this machine can carry"
    print(f"\n{work.size:,} bytes x {work.rate_hz:g}/s x {clients} healthy clients ({_PROBE} take ", end="")
    print(f"{server:.0%} of the server's CPU, {load:.0%} of their own{carried})")
    return clients


def runs(given: argparse.Namespace, peers: list[str]) -> Iterator[tuple[str, Scenario, Times]]:
    """What is to be run for each kind of work."""
    only = given.only.split(",") if given.only else [scenario.name for scenario in SCENARIOS]
    for peer in peers:
        times = Times(1.5, 3.0, 2) if peer == "ours" else Times(1.2, 3.0, 1)
        for scenario in SCENARIOS:
            if scenario.name in only and (peer == "ours" or scenario.name in PEER_SCENARIOS):
                yield peer, scenario, Times(0.5, 0.7, 1) if given.quick else times


def main() -> None:
    """Run the scenarios and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="short phases: does it all run?")
    parser.add_argument("--only", help=f"of {', '.join(scenario.name for scenario in SCENARIOS)}")
    parser.add_argument("--work", help=f"of {', '.join(work.name for work in WORKS)}")
    parser.add_argument("--peers", help=f"of {', '.join(PEERS)}, with commas between")
    parser.add_argument("--clients", type=int, default=50, help="healthy clients, at most")
    given = parser.parse_args()
    begin_s = time.monotonic()
    where = pins()
    print(describe())
    print(f"server on CPU {where.server}, clients on CPU {where.load}", flush=True)
    peers = present(
        given.peers.split(",")
        if given.peers
        else [name for name in PEERS if name not in ("bare", "ours-uvloop")]
    )
    for work in WORKS:
        if given.work and work.name not in given.work.split(","):
            continue
        clients = room(work, given.clients, where)
        print(
            f"{'':11}{'crowd':16}" + "".join(f"{title:>{width}}" for _, title, width, _ in COLUMNS),
            flush=True,
        )
        for peer, scenario, times in runs(given, peers):
            if time.monotonic() - begin_s > _BUDGET_S:
                print(f"{peer:11}{scenario.title:16} left out: the time is over", flush=True)
                continue
            try:
                figures = Trial(peer, work, scenario, times, where).run(clients)
            except AnswerError as error:
                print(f"{peer:11}{scenario.title:16} {error}", flush=True)
            else:
                print(line(peer, scenario, figures), flush=True)
    print(f"\n{time.monotonic() - begin_s:.0f} s in all")


if __name__ == "__main__":
    main()
