"""How old the frames are that a viewer gets over a slow line, or that it reads slowly.

    python -m tests.bench.freshness [--seconds S] [--only NAME[,NAME]] [--query QUERY] [--peers]

in the root of the repository, with root's rights. A producer publishes 60 frames of 20 kB a second; viewers'
queues are on `latest`. The viewer is on a host of its own (`tests.support.hosts`), at the end of a line of
20 ms each way, and reads at once; it answers pings as any WebSocket client does. The reader on loopback takes
bytes evenly, a sixth of the stream's, through the system's own buffers. Ages are from the time of capture
until the last byte was read; the first seconds, in which buffers fill, are not counted. With `--peers`, other
servers (`tests.bench.peers`) have a row for each line too, if they are installed.

To compare two states of the code, let `PYTHONPATH` name the packages of the other one (`kernel`, `config`,
`proto`, `adapters`).
"""

import argparse
import json
import os
import random
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from beats.app import Stream
from tests.bench.machine import describe
from tests.bench.peers import missing
from tests.bench.peers.harness import Options, Producer
from tests.bench.peers.servers import SERVERS
from tests.bench.wire import Opening, ParsedStream, Samples
from tests.support import clean_environment, tiny_png
from tests.support.hosts import MAKERS
from tests.support.lines import Line

FPS: Final = 60
PNG: Final = tiny_png() + bytes(20_000 - len(tiny_png()))
WARM_UP_S: Final = 3.0
_SPARE_S: Final = 2.0
"""How long the producer goes on when the viewer has left."""
_PIECE_BYTES: Final = 1 << 16
_STEP_S: Final = 0.004
_PORT: Final = 8765
_PONG_BYTES: Final = 2 + 4 + 8
"""Head, mask, and the content of a ping of ours."""
_OURS: Final = "ours"
_PEERS: Final = ("broadcast", "picows")


class Case(NamedTuple):
    """A line, or a way to read."""

    name: str
    line: Line | None
    """None for loopback."""
    read_bytes_per_s: float = 0.0
    """0 reads at once."""
    late_s: tuple[float, float] = (0.0, 0.0)
    """How late it answers pings, evenly spread."""
    answers_each: int = 1
    """It answers the first of so many pings."""


_ANSWERS: Final[Mapping[str, tuple[tuple[float, float], int]]] = {
    "pongs 0.15 to 0.3 s late": ((0.15, 0.3), 1),
    "each second ping": ((0.0, 0.0), 2),
}
CASES: Final = (
    *(
        Case(f"{kb} kB/s queue {buffer_s:g} s", Line(0.02, bytes_per_s=1000 * kb, buffer_s=buffer_s))
        for kb in (250, 600, 2000)
        for buffer_s in (0.2, 4.0)
    ),
    Case("1 % loss and 20 ms jitter", Line(delay_s=0.02, jitter_s=0.02, loss=0.01)),
    Case("loopback at a sixth", None, FPS * len(PNG) / 6),
    Case("long, 600 kB/s queue 1 s", Line(0.3, bytes_per_s=600e3, buffer_s=1.0)),
    Case("long, 1 MB/s", Line(0.1, bytes_per_s=1e6)),
    *(Case(f"{name}, 600 kB/s", Line(0.02, bytes_per_s=600e3), 0.0, *how) for name, how in _ANSWERS.items()),
    Case("40 kB/s queue 4 s", Line(0.02, bytes_per_s=40e3, buffer_s=4.0)),
    Case("reads 5 kB/s", None, 5e3),
)


class Seen(ParsedStream):
    """The age of each message, and when it was there."""

    def __init__(self) -> None:
        super().__init__(Samples())
        self.ages: Final[list[tuple[float, float]]] = []
        """When each message had been read, in seconds of the monotonic clock, and its age in seconds."""

    def message(self, first: int, tail: bytes, now_ns: int) -> None:
        age_s = (now_ns - int.from_bytes(tail[-8:], "little")) / 1e9
        self.ages.append((time.monotonic(), age_s))


def serve_peer(name: str, host: str, seconds: float) -> None:
    """Stream for so many seconds with another server."""
    size = len(PNG)
    given = Options(size, FPS, None, None, None, queue=256, prefill=0, stalled=False, host=host)
    with SERVERS[name](given) as peer:
        print("ready", peer.port, flush=True)
        while not peer.clients():
            time.sleep(0.01)
        producer = Producer(peer.publish, FPS, None, seconds + _SPARE_S)
        producer.start()
        producer.wait(seconds + 10)
        print(json.dumps({"told": (None, None)}), flush=True)
    os._exit(0)  # some do not end while a viewer's buffers are full


def serve(host: str, seconds: float) -> None:
    """Stream for so many seconds."""
    sink = {"host": host, "port": _PORT, "client_queue": {"overflow": "latest"}, "queue": {"size": 1000}}
    overrides = {"sinks": {"browser": sink}, "sources": {"demo": {"enabled": False}}}
    with Stream.open(overrides=overrides) as stream:
        print("ready", _PORT, flush=True)
        while not stream.stats().sinks[0].clients:
            time.sleep(0.01)
        told: tuple[float | None, ...] = (None, None)
        begin_s = time.monotonic()
        for number in range(int(FPS * (seconds + _SPARE_S))):
            time.sleep(max(0.0, begin_s + number / FPS - time.monotonic()))
            stream.publish_frame(PNG)
            if viewers := stream.stats().sinks[0].clients if number % FPS == 0 else ():
                told = tuple(getattr(viewers[0], name, None) for name in ("age_s", "round_trip_s"))
        print(json.dumps({"told": told}), flush=True)


class Answers:
    """Answers pings, late or not all of them if told so."""

    def __init__(self, sock: socket.socket, late_s: tuple[float, float], answers_each: int) -> None:
        self._sock: Final = sock
        self._late_s: Final = late_s
        self._answers_each: Final = answers_each
        self._chance: Final = random.Random(1)
        self._asked = 0
        self._due: Final[deque[tuple[float, bytes]]] = deque()

    def put(self, pongs: bytes) -> None:
        """Take the answers to some pings, each of the same size."""
        for begin in range(0, len(pongs), _PONG_BYTES):
            self._asked += 1
            if (self._asked - 1) % self._answers_each == 0:
                due_s = time.monotonic() + self._chance.uniform(*self._late_s)
                due_s = max(due_s, self._due[-1][0] if self._due else 0.0)
                self._due.append((due_s, pongs[begin : begin + _PONG_BYTES]))

    def send(self) -> None:
        """Send those that are due."""
        while self._due and self._due[0][0] <= time.monotonic():
            self._sock.setblocking(True)
            self._sock.sendall(self._due.popleft()[1])
            self._sock.setblocking(False)

    def wait_s(self) -> float:
        """How long until the next is due, 0.1 s at most."""
        return min(0.1, max(0.0, self._due[0][0] - time.monotonic())) if self._due else 0.1


def read(given: argparse.Namespace) -> None:
    """Read for so many seconds, and print what was seen after the warm-up."""
    host, port, seconds, bytes_per_s, query = (
        given.read,
        given.port,
        given.seconds,
        given.bytes_per_s,
        given.query,
    )
    opening = Opening(host, port, "plain", f"/?{query}" if query else "/")
    opening.sock.settimeout(10)
    rest = None
    while rest is None:
        rest = opening.feed(opening.sock.recv(1024))
    sock, seen = opening.sock, Seen()
    answers = Answers(sock, (given.late_s[0], given.late_s[1]), given.answers_each)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as browsers and asyncio have it
    sock.setblocking(False)
    begin_s = time.monotonic()
    seen.feed(memoryview(rest), len(rest), time.time_ns())
    read_bytes = 0.0
    while (passed_s := time.monotonic() - begin_s) < seconds:
        piece = _PIECE_BYTES
        if bytes_per_s:
            time.sleep(_STEP_S)
            piece = min(piece, int(bytes_per_s * passed_s - read_bytes))
        else:
            select.select([sock], [], [], answers.wait_s())
        answers.send()
        try:
            data = sock.recv(piece) if piece > 0 else b""
        except BlockingIOError:
            read_bytes = bytes_per_s * passed_s  # what it did not find it does not make up for
            continue
        read_bytes += len(data)
        answers.put(seen.feed(memoryview(data), len(data), time.time_ns()))
        answers.send()
    counted = [(at_s, age_s) for at_s, age_s in seen.ages if at_s - begin_s > WARM_UP_S]
    ages = sorted(age_s for _, age_s in counted) or [float("nan")]
    times = [begin_s + WARM_UP_S, *(at_s for at_s, _ in counted), begin_s + seconds]
    print(
        json.dumps(
            {
                "fps": len(counted) / (seconds - WARM_UP_S),
                "p50_s": ages[len(ages) // 2],
                "p99_s": ages[int(len(ages) * 0.99)],
                "longest_gap_s": max(b - a for a, b in pairwise(times)),
            }
        )
    )


def measure(case: Case, server_name: str, seconds: float, query: str) -> dict[str, Any]:
    """Run one case."""
    this = [sys.executable, "-m", "tests.bench.freshness", "--seconds", str(seconds)]
    environment = clean_environment() | {key: os.environ[key] for key in ("PYTHONPATH",) if key in os.environ}
    with ExitStack() as stack:
        make = MAKERS["namespaces"]
        hosts = stack.enter_context(make(server=case.line or Line(), viewer=Line()))
        server, viewer = hosts["server"], hosts["server"] if case.line is None else hosts["viewer"]
        arguments = [*this, "--serve", server.address, "--server", server_name]
        serving = stack.enter_context(server.start(arguments, Path.cwd(), environment))
        port = serving.out.wait_for("^ready (.*)")[1]
        arguments = [*this, "--read", server.address, "--port", port, "--query", query]
        arguments += ["--bytes-per-s", str(case.read_bytes_per_s), "--answers-each", str(case.answers_each)]
        arguments += ["--late-s", *map(str, case.late_s)]
        reading = stack.enter_context(viewer.start(arguments, Path.cwd(), environment))
        if reading.process.wait(seconds + 30):
            raise RuntimeError(reading.err.text())
        serving.process.wait(30)
        told: Mapping[str, Any] = json.loads(serving.out.text().splitlines()[-1])
        return {**json.loads(reading.out.text()), **told}


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="for each case")
    parser.add_argument("--only", default="", help="cases whose names contain one of these, with commas")
    parser.add_argument("--query", default="", help="what the viewer asks for")
    parser.add_argument("--peers", action="store_true", help="measure other servers as well")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--server", default=_OURS, help=argparse.SUPPRESS)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=_PORT, help=argparse.SUPPRESS)
    parser.add_argument("--bytes-per-s", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--late-s", type=float, nargs=2, default=(0.0, 0.0), help=argparse.SUPPRESS)
    parser.add_argument("--answers-each", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve and given.server == _OURS:
        serve(given.serve, given.seconds)
    elif given.serve:
        serve_peer(given.server, given.serve, given.seconds)
    elif given.read:
        read(given)
    else:
        show(given)


def show(given: argparse.Namespace) -> None:
    """Measure, and print a row for each line and server."""
    print(describe())
    print(f"{'':38}{'frames/s':>10}{'p50 s':>8}{'p99 s':>8}{'gap s':>8}{'told s':>8}{'trip s':>8}")
    servers = [_OURS, *(name for name in _PEERS if given.peers and missing(name) is None)]
    for case in CASES:
        for server in servers if any(part in case.name for part in given.only.split(",")) else ():
            found = measure(case, server, given.seconds, given.query)
            age_s, trip_s = (float("nan") if each is None else each for each in found["told"])
            cells = (
                f"{found['fps']:10.1f}{found['p50_s']:8.3f}{found['p99_s']:8.3f}{found['longest_gap_s']:8.2f}"
            )
            print(f"{case.name:28}{server:10}{cells}{age_s:8.3f}{trip_s:8.3f}", flush=True)


if __name__ == "__main__":
    main()
