"""What each overflow strategy does to a viewer that reads at a sixth of the rate.

    python -m tests.bench.strategies [--seconds S]

in the root of the repository. A stream of 60 frames of 20 kB and 20 sensor updates a second has one viewer,
in a process of its own with a small receive buffer, that reads a sixth of the bytes and answers pings, as
every client does. For each strategy of its `client_queue`: what it got, how old that was when it had read it,
what the server counted as dropped, and whether it was still connected at the end. The first two seconds, in
which buffers fill, are not counted.
"""

import argparse
import multiprocessing
import socket
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Final, NamedTuple

from beats.app import Stream
from tests.bench.crowd import FRAME
from tests.bench.wire import ParsedStream, Samples
from tests.support import tiny_png

FPS: Final = 60
UPDATES_HZ: Final = 20
PNG: Final = tiny_png() + bytes(20_000 - len(tiny_png()))
READ_BYTES_PER_S: Final = FPS * len(PNG) // 6
WARM_UP_S: Final = 2.0
QUEUES: Final[Mapping[str, Mapping[str, object]]] = {
    "drop_oldest": {"overflow": "drop_oldest"},
    "drop_newest": {"overflow": "drop_newest"},
    "latest": {"overflow": "latest"},
    "error": {"overflow": "error"},
    "drop_oldest, size 16": {"size": 16, "overflow": "drop_oldest"},
    "frames on latest in a lane": {"frame": {"size": 4, "overflow": "latest"}},
}


class Effect(NamedTuple):
    """What became of the viewer."""

    frames_per_s: float
    updates_per_s: float
    age_p50_s: float
    age_p99_s: float
    dropped_per_s: float
    connected: bool


class Seen(ParsedStream):
    """The kind and age of each message."""

    def __init__(self) -> None:
        super().__init__(Samples())
        self.ages: Final[list[tuple[bool, float]]] = []
        """Of each message whether it is a frame, and how many seconds old."""

    def message(self, first: int, tail: bytes, now_ns: int) -> None:
        captured_ns = int.from_bytes(tail[-8:], "little")
        self.ages.append((first == FRAME, (now_ns - captured_ns) / 1e9))


def read_slowly(host: str, port: int, seconds: float, report: Connection) -> None:
    """Read a sixth of the stream's bytes; report the kind and age of each message after the warm-up."""
    seen, read_bytes, connected = Seen(), 0, True
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        raw.connect((host, port))
        raw.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        file = raw.makefile("rb", buffering=0)
        while file.readline() != b"\r\n":
            pass
        begin_s = time.monotonic()
        skipped = 0
        while connected and (passed_s := time.monotonic() - begin_s) < seconds:
            if passed_s < WARM_UP_S:
                skipped = len(seen.ages)
            time.sleep(max(0.0, read_bytes / READ_BYTES_PER_S - passed_s))
            try:
                data = raw.recv(4096)
                if pong := seen.feed(memoryview(data), len(data), time.time_ns()):
                    raw.sendall(pong)
            except ConnectionError:
                data = b""
            connected = bool(data)
            read_bytes += len(data)
    report.send((seen.ages[skipped:], connected))


def measure(queue: Mapping[str, object], seconds: float) -> Effect:
    """Stream for so many seconds to a slow viewer with this queue."""
    sink = {"port": 0, "client_queue": queue, "queue": {"size": 1000}}
    overrides = {"sinks": {"browser": sink}, "sources": {"demo": {"enabled": False}}}
    with Stream.open(overrides=overrides) as stream:
        address = stream.sinks["browser"].address
        ours, theirs = multiprocessing.Pipe()
        viewer = multiprocessing.get_context("spawn").Process(
            target=read_slowly, args=(address.host, address.port, seconds, theirs)
        )
        viewer.start()
        while not stream.stats().sinks[0].clients:
            time.sleep(0.01)
        begin_s, dropped_before = time.monotonic(), 0
        for number in range(int(FPS * seconds)):
            time.sleep(max(0.0, begin_s + number / FPS - time.monotonic()))
            stream.publish_frame(PNG)
            if number % (FPS // UPDATES_HZ) == 0:
                stream.publish_peripheral(f"knob-{number % 5}", {"rotation": number})
            if number == int(FPS * WARM_UP_S):
                dropped_before = _dropped(stream)
        dropped = _dropped(stream) - dropped_before
        seen, connected = ours.recv()
        viewer.join()
    counted_s = seconds - WARM_UP_S
    ages = sorted(age for _, age in seen) or [float("nan")]
    frames = sum(is_frame for is_frame, _ in seen)
    return Effect(
        frames / counted_s,
        (len(seen) - frames) / counted_s,
        ages[len(ages) // 2],
        ages[int(len(ages) * 0.99)],
        dropped / counted_s,
        connected,
    )


def _dropped(stream: Stream) -> int:
    totals = stream.stats().sinks[0].client_totals
    return totals.dropped.items if totals else 0


def main() -> None:
    """Measure every strategy and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=12.0, help="for each strategy")
    options = parser.parse_args()
    effects = {name: measure(queue, options.seconds) for name, queue in QUEUES.items()}
    headings = ("frames/s", "updates/s", "age p50 s", "age p99 s", "dropped/s")
    print(f"{'client_queue':28}" + "".join(f"{heading:>11}" for heading in headings))
    for name, effect in effects.items():
        figures = f"{effect.frames_per_s:11.1f}{effect.updates_per_s:11.1f}{effect.age_p50_s:11.2f}"
        tail = "" if effect.connected else "  closed with 1013"
        print(f"{name:28}{figures}{effect.age_p99_s:11.2f}{effect.dropped_per_s:11.1f}{tail}")


if __name__ == "__main__":
    main()
