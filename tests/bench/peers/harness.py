"""What all peers share: the command line, the producer thread, the commands on standard input."""

import argparse
import logging
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from tests.bench.machine import answer, pin

_POLL_S: Final = 0.02
_LAST_RESORT_S: Final = 10.0
"""A server that cannot end in this time, because its clients have stalled it, is cut off."""
_FLAT_OUT_STRIDE: Final = 64
_MAX_CATCH_UP_NS: Final = 100_000_000
_KEPT: Final = 500_000
"""Calls whose cost is kept, so that a long run stays bounded."""


class Options(NamedTuple):
    """The command line; see the package."""

    size: int
    rate: float
    messages: int | None
    duration: float | None
    pin: int | None
    queue: int
    prefill: int
    stalled: bool
    host: str = "127.0.0.1"
    """Where it listens."""


class Peer(Protocol):
    """A running server."""

    @property
    def port(self) -> int:
        """Where it listens."""
        ...

    def publish(self) -> bool:
        """Stamp and publish one message; False when it was refused."""
        ...

    def clients(self) -> int:
        """How many would get the next message."""
        ...

    def counts(self) -> dict[str, int]:
        """Exact counters, if there are any."""
        ...


def main(serve: Callable[[Options], AbstractContextManager[Peer]]) -> None:
    """Run a peer until it is told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--count", type=int, dest="messages")
    parser.add_argument("--duration", type=float)
    parser.add_argument("--pin", type=int)
    parser.add_argument("--queue", type=int, default=256)
    parser.add_argument("--prefill", type=int, default=0)
    parser.add_argument("--stalled", action="store_true")
    given = Options(**vars(parser.parse_args()))
    pin(given.pin)
    logging.basicConfig(level=logging.CRITICAL)  # clients come and go without a word here
    with serve(given) as peer:
        for _ in range(given.prefill):
            peer.publish()
        answer({"ready": peer.port, "pid": os.getpid()})
        try:
            _Session(peer, given).run()
        finally:
            # A server whose clients have stopped reading may not be able to end by itself.
            timer = threading.Timer(_LAST_RESORT_S, os._exit, (0,))
            timer.daemon = True
            timer.start()


class Producer:
    """Calls `publish` from a thread of its own.

    With a rate it keeps to a timetable: a call that comes late is followed by the next ones without a
    pause, up to 0.1 s of delay; what is later than that is not made up for.
    """

    def __init__(
        self, publish: Callable[[], bool], rate_hz: float, count: int | None, duration_s: float | None
    ) -> None:
        self._publish: Final = publish
        self._period_ns: Final = round(1e9 / rate_hz) if rate_hz else 0
        self._count: Final = count
        self._duration_ns: Final = None if duration_s is None else round(duration_s * 1e9)
        self._stopped = False
        self._error = ""
        self._published = self._refused = 0
        self._cpu_ns = 0
        self._taken_ns: list[int] = []
        self._taken_cpu_ns: list[int] = []
        # A daemon: a peer that blocks its producer for good must still be able to end.
        self._thread: Final = threading.Thread(target=self._run, name="producer", daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Wait for the end."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def stop(self) -> None:
        """Publish nothing more; a call that is stuck is left alone."""
        self._stopped = True
        self.wait(1.0)

    def figures(self) -> dict[str, object]:
        """What was done so far."""
        return {
            "error": self._error,
            "published": self._published,
            "refused": self._refused,
            "producer_cpu_s": self._cpu_ns / 1e9,
            "publish": self._costs(),
        }

    def forget(self) -> None:
        """Take the costs of calls from here on."""
        self._taken_ns, self._taken_cpu_ns = [], []

    def _costs(self) -> dict[str, float]:
        skipped = len(self._taken_cpu_ns) // 10
        taken, cpu = sorted(self._taken_ns[skipped:]), sorted(self._taken_cpu_ns[skipped:])
        if not taken or not cpu:
            return {}
        return {
            "median_ns": statistics.median(taken),
            "p99_ns": taken[int(len(taken) * 0.99)],
            "cpu_median_ns": statistics.median(cpu),
            "cpu_p99_ns": cpu[int(len(cpu) * 0.99)],
        }

    def _run(self) -> None:
        begin_ns = time.thread_time_ns()
        try:
            self._publish_all()
        except Exception as error:
            self._error = repr(error)
        self._cpu_ns = time.thread_time_ns() - begin_ns

    def _publish_all(self) -> None:
        period_ns, publish = self._period_ns, self._publish
        due_ns = time.perf_counter_ns()
        end_ns = None if self._duration_ns is None else due_ns + self._duration_ns
        calls = 0
        while not self._stopped and calls != self._count:
            if period_ns:
                now_ns = time.perf_counter_ns()
                if now_ns < due_ns:
                    time.sleep((due_ns - now_ns) / 1e9)
                elif now_ns - due_ns > _MAX_CATCH_UP_NS:
                    due_ns = now_ns
                due_ns += period_ns
            if end_ns is not None and time.perf_counter_ns() >= end_ns:
                break
            calls += 1
            accepted = self._timed() if period_ns or not calls % _FLAT_OUT_STRIDE else publish()
            if accepted:
                self._published += 1
            else:
                self._refused += 1

    def _timed(self) -> bool:
        begin_cpu_ns, begin_ns = time.thread_time_ns(), time.perf_counter_ns()
        accepted = self._publish()
        end_ns, end_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        if len(self._taken_ns) < _KEPT:
            self._taken_ns.append(end_ns - begin_ns)
            self._taken_cpu_ns.append(end_cpu_ns - begin_cpu_ns)
            self._cpu_ns = end_cpu_ns
        return accepted


class _Session:
    def __init__(self, peer: Peer, given: Options) -> None:
        self._peer: Final = peer
        self._producer: Final = Producer(peer.publish, given.rate, given.messages, given.duration)
        self._idle_rss: Final = rss_bytes()
        self._begin_cpu_s = time.process_time()
        self._begin_s = time.monotonic()

    def run(self) -> None:
        """Answer commands until the last one."""
        for line in sys.stdin:
            command, *arguments = line.split() or [""]
            if command == "stop":
                break
            if command == "clients":
                while self._peer.clients() < int(arguments[0]):
                    time.sleep(_POLL_S)  # before anything is measured; not every server tells
                answer({"clients": int(arguments[0])})
            elif command == "start":
                self._begin_cpu_s, self._begin_s = time.process_time(), time.monotonic()
                self._producer.start()
                answer({"started": time.time_ns()})
            elif command == "wait":
                self._producer.wait(float(arguments[0]))
                answer(self._figures())
            elif command in ("stats", "fresh"):
                answer(self._figures())
                if command == "fresh":
                    self._producer.forget()
            else:
                answer({"error": f"unknown command {command!r}"})
        self._producer.stop()
        answer(self._figures())

    def _figures(self) -> dict[str, object]:
        cpu_s, elapsed_s = time.process_time() - self._begin_cpu_s, time.monotonic() - self._begin_s
        return {
            **self._producer.figures(),
            "elapsed_s": elapsed_s,
            "cpu_s": cpu_s,
            "rss_bytes": rss_bytes(),
            "idle_rss_bytes": self._idle_rss,
            "counts": self._peer.counts(),
        }


def rss_bytes() -> int:
    """The memory of this process that is in RAM; 0 where /proc is not."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
