"""One scenario of the stalled-client benchmark: healthy clients without and with a crowd, in one run."""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tests.bench.peers import DIALECTS
from tests.bench.peers.process import Process
from tests.bench.peers.trial import Pins
from tests.bench.stalled_phases import (
    RSS_LIMIT_BYTES,
    Phase,
    Scenario,
    Times,
    TooMuchError,
    Work,
    compared,
    descriptors,
    rss_bytes,
)
from tests.bench.stalled_server import FRAMES_PER_UPDATE

_LOOK_S: Final = 0.05
_WARM_UP_S: Final = 0.7
_SPARE_S: Final = 0.6
_IDLE_S: Final = 1.5
_NAN: Final = float("nan")


class Trial:
    """One server with its clients; see `run`."""

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
        """Run it.

        Returns:
            `healthy_missing`: messages that healthy clients did not get, all of them together, and
            `healthy_counted`: those that the server counted for them (ours); `p50_ms`,
            `p99_ms`, `publish_p99_us`, `publish_cpu_p99_us` with the crowd (medians of the phases), `base_…`
            without it and `…_x` the ratio; `peak_mb`: growth of the server's memory over the peak without
            the crowd;
            `closed`, `closed_s`: clients of the crowd that the server closed, and after how long each;
            `opened`, `refused`: of the crowd; `stopped`: it was ended because of its memory. Of slow
            readers: `age_p50_ms`, `age_p99_ms`, `connected`, `missing` frames by their numbers,
            `peripherals_missing`, and `uncounted`: how far the server's own count is from that.
        """
        with self._running(clients):
            return self._measure(clients)

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
        rate = ["--rate", self._work.rate_hz, "--duration", self._duration_s()]
        arguments = [self._peer, "--size", self._work.size, *rate, *self._pin(self._pins.server)]
        with Process("tests.bench.stalled_server", arguments) as self._server:
            ready = self._server.answer()
            self._port, self._pid = ready["ready"], ready["pid"]
            size = 0 if self._peer == "ours" else self._work.size
            shape = ["--clients", clients, "--size", size, *self._dialect(), *self._pin(self._pins.load)]
            with Process("tests.bench.load", ["--port", self._port, *shape]) as self._load:
                self._load.answer()
                self._server.ask(f"clients {clients}")
                yield

    def _measure(self, clients: int) -> dict[str, Any]:
        without: list[Phase] = []
        with_: list[Phase] = []
        stopped = False
        self._load.ask("begin")
        self._server.ask("start")
        counts: dict[str, int] = {}
        try:
            self._phase(_WARM_UP_S)
            for cycle in range(self._times.cycles):
                without.append(self._phase(self._times.without_s))
                counts = self._with_crowd(with_, last=cycle == self._times.cycles - 1)
        except TooMuchError:
            stopped = True
        result = compared(without, with_)
        result |= {"clients": clients, "stopped": stopped, "healthy_missing": _NAN, "healthy_counted": _NAN}
        if not stopped:
            result |= self._of_healthy(clients, counts)
        return result | self._of_crowd(counts, stopped=stopped)

    def _with_crowd(self, phases: list[Phase], *, last: bool) -> dict[str, int]:
        """One phase with the crowd; when it is the last, until the producer ends and all has arrived."""
        if not self._scenario.manner:
            phases.append(self._phase(self._times.with_s))
            return self._end() if last else {}
        with Process("tests.bench.crowd", self._crowd_arguments()) as crowd:
            crowd.answer()
            phases.append(self._phase(self._times.with_s, watch_closing=self._scenario.manner == "frozen"))
            counts: dict[str, int] = {}
            if last:
                counts = self._end()
                if self._scenario.manner == "slow" and self._peer == "ours":
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
            if peak > RSS_LIMIT_BYTES:
                raise TooMuchError
        seen, counts = self._look()
        latency = seen["latency"]
        return Phase(
            latency.get("p50_ms", _NAN),
            latency.get("p99_ms", _NAN),
            counts.get("publish_p99_ns", _NAN) / 1e3,
            counts.get("publish_cpu_p99_ns", _NAN) / 1e3,
            peak,
        )

    def _look(self) -> tuple[dict[str, Any], dict[str, int]]:
        # In one go, so that nothing falls between the end of one count and the beginning of the next.
        self._load.tell("stats\nbegin")
        seen = self._load.answer()
        self._load.answer()
        self._note(seen)
        return seen, self._server.ask("stats")["counts"]

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

    def _of_healthy(self, clients: int, counts: Mapping[str, int]) -> dict[str, Any]:
        crowd = {client["port"] for client in self._crowd.get("clients", ())}
        missed = sum(
            count
            for name, count in counts.items()
            if name.startswith("missed:") and int(name.partition(":")[2]) not in crowd
        )
        return {
            "healthy_missing": self._missing,
            "healthy_counted": counts.get("dropped", 0) * clients + missed,
            "errors": self._errors[:3],
        }

    def _of_crowd(self, counts: Mapping[str, int], *, stopped: bool) -> dict[str, Any]:
        crowd = self._crowd
        result: dict[str, Any] = {key: crowd.get(key, 0) for key in ("opened", "refused")}
        result |= {"closed": len(self._closed_s), "closed_s": self._closed_s}
        if self._scenario.manner != "slow" or stopped or not crowd:
            return result
        result["age_p50_ms"] = crowd["ages"].get("p50_ms", _NAN)
        result["age_p99_ms"] = crowd["ages"].get("p99_ms", _NAN)
        result["connected"] = len(crowd["clients"])
        if self._peer == "ours":
            result["missing"] = sum(client["missing"] for client in crowd["clients"])
            result["peripherals_missing"] = sum(client["peripherals_missing"] for client in crowd["clients"])
            result["uncounted"] = sum(
                abs(client["missing"] - counts.get(f"missed:{client['port']}", 0))
                for client in crowd["clients"]
            )
        return result

    def _duration_s(self) -> float:
        phases_s = (self._times.without_s + self._times.with_s + _SPARE_S) * self._times.cycles
        return _WARM_UP_S + phases_s

    def _crowd_arguments(self) -> list[object]:
        slow = self._work.size * self._work.rate_hz / 6
        who = ["--manner", self._scenario.manner, "--count", self._scenario.clients, "--bytes-per-s", slow]
        numbered = ["--numbered"] if self._peer == "ours" else []
        return ["--port", self._port, *who, *numbered, *self._dialect(), *self._pin(self._pins.load)]

    def _dialect(self) -> list[object]:
        return ["--dialect", DIALECTS.get(self._peer, "plain")]

    def _pin(self, cpu: int | None) -> list[object]:
        return [] if cpu is None else ["--pin", cpu]


def room(work: Work, most: int, pins: Pins, probe: int = 10) -> tuple[int, float, float]:
    """How many healthy clients this machine can serve with half of each CPU; and what `probe` of them take.

    Returns:
        The number, and the part of a CPU that server and load generator need for `probe` clients.
    """
    nobody = Scenario("none", "", "", 0)
    duration_s = 1.5
    trial = Trial("ours", work, nobody, Times(duration_s, 0.1, 1), pins)
    busy = trial.cpu(probe, duration_s)
    return max(2, min(most, int(probe * 0.5 / max(*busy, 1e-3)))), *busy
