"""What all peers share: the command line, the producer thread, the commands on standard input."""

import argparse
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from tests.bench.peers.producer import Producer

_POLL_S: Final = 0.02
_LAST_RESORT_S: Final = 10.0
"""A server that cannot end in this time, because its clients have stalled it, is cut off."""


class Options(NamedTuple):
    """The command line; see the package."""

    size: int
    rate: float
    messages: int | None
    duration: float | None
    port: int
    pin: int | None
    queue: int
    prefill: int
    kind: str | None
    overflow: str
    client_overflow: str | None


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


def options() -> Options:
    """Parse the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--count", type=int, dest="messages")
    parser.add_argument("--duration", type=float)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--pin", type=int)
    parser.add_argument("--queue", type=int, default=256)
    parser.add_argument("--prefill", type=int, default=0)
    parser.add_argument("--kind", choices=("frame", "peripheral"))
    parser.add_argument("--overflow", default="drop_oldest")
    parser.add_argument("--client-overflow")
    return Options(**vars(parser.parse_args()))


def main(serve: Callable[[Options], AbstractContextManager[Peer]]) -> None:
    """Run a peer until it is told to stop."""
    given = options()
    if given.pin is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {given.pin})
    logging.basicConfig(level=logging.CRITICAL)  # clients come and go without a word here
    with serve(given) as peer:
        for _ in range(given.prefill):
            peer.publish()
        _answer({"ready": peer.port, "pid": os.getpid()})
        try:
            _Session(peer, given).run()
        finally:
            # A server whose clients have stopped reading may not be able to end by itself.
            timer = threading.Timer(_LAST_RESORT_S, os._exit, (0,))
            timer.daemon = True
            timer.start()


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
                _answer({"clients": int(arguments[0])})
            elif command == "start":
                self._begin_cpu_s, self._begin_s = time.process_time(), time.monotonic()
                self._producer.start()
                _answer({"started": time.time_ns()})
            elif command == "wait":
                self._producer.wait(float(arguments[0]))
                _answer(self._figures())
            elif command == "stats":
                _answer(self._figures())
            else:
                _answer({"error": f"unknown command {command!r}"})
        self._producer.stop()
        _answer(self._figures())

    def _figures(self) -> dict[str, object]:
        cpu_s, elapsed_s = time.process_time() - self._begin_cpu_s, time.monotonic() - self._begin_s
        return {
            **self._producer.figures(),
            "elapsed_s": elapsed_s,
            "cpu_s": cpu_s,
            "rss_bytes": rss_bytes(),
            "idle_rss_bytes": self._idle_rss,
            "clients": self._peer.clients(),
            "counts": self._peer.counts(),
        }


def rss_bytes() -> int:
    """The memory of this process that is in RAM; 0 where /proc is not."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _answer(message: dict[str, object]) -> None:
    print(json.dumps(message), flush=True)
