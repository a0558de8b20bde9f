"""What the benchmark of the relay starts: a NATS server, origins, edges, workers, and clients."""

import os
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Final

from PIL import Image
from websockets.sync.client import connect

from beats.proto.streaming_pb2 import StreamEnvelope
from tests.bench.process import Process
from tests.support import BEATS, TIMEOUT_S, Program, clean_environment
from tests.support.nats import READY, shipped_command

FRAME_BYTES: Final = 20_000
RATE_HZ: Final = 60
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
_LEVEL_FROM: Final = 128
"""From this sequence number on, and up to 16,383, all envelopes have one size."""
_CROWD: Final = 100_000
_WALL: Final = """
extends = "origin"

[sources.demo]
enabled = false

[sources.wall]
type = "images"
path = "{pictures}"
fps = {rate}

[sinks.browser]
max_clients = {crowd}
max_clients_per_address = {crowd}
max_handshakes = {crowd}
"""
"""The profile of what publishes."""


class Stage:
    """Starts what is asked for."""

    def __init__(self, folder: Path, broker: Program, url: str, stack: ExitStack) -> None:
        self.broker: Final = broker
        self.url: Final = url
        """Of the NATS server."""
        self._folder: Final = folder
        self._stack: Final = stack

    def keep(self, program: Program) -> Program:
        """Let a program run as long as everything here."""
        return self._stack.enter_context(program)

    def origin(self, *, relays: bool = True) -> Program:
        """What publishes 20 kB, 60 times a second, to its own viewers and, if it `relays`, to the server."""
        return self._run("wall", "--set", f"sinks.nats.enabled={'true' if relays else 'false'}")

    def edge(self) -> Program:
        """One that gets it from the server."""
        return self._run("edge")

    def workers(self, count: int) -> Program:
        """An origin whose viewers are served by so many workers; by itself when 0."""
        arguments = ["--set", "sinks.nats.enabled=false"]
        return self._run("wall", *arguments, *(("--workers", str(count)) if count else ()))

    def process(self, module: str, *arguments: object) -> Process:
        """Another process that answers."""
        process = self._stack.enter_context(Process(module, arguments))
        process.answer()
        return process

    def _run(self, profile: str, *arguments: str) -> Program:
        loopback = ("--set", "sinks.browser.port=0", "--set", "sinks.browser.host=127.0.0.1")
        arguments = ("run", "--profile", profile, *loopback, *arguments)
        environment = clean_environment(BEATS_NATS_URL=self.url)
        return Program([*BEATS, *arguments], self._folder, environment)


@contextmanager
def stage(frame_bytes: int = FRAME_BYTES) -> Generator[Stage]:
    """A NATS server, settings and a picture; nothing else runs yet."""
    with tempfile.TemporaryDirectory(prefix="beats-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        broker = stack.enter_context(Program(shipped_command(folder), folder, clean_environment()))
        port = broker.err.wait_for(READY)[1]
        pictures = folder / "pictures"
        pictures.mkdir()
        side_px = round((frame_bytes / 3) ** 0.5)  # noise of three colours does not become smaller as a PNG
        noise = Random(1).randbytes(side_px * side_px * 3)
        Image.frombytes("RGB", (side_px, side_px), noise).save(pictures / "noise.png")
        profile = folder / "config" / "wall.toml"
        profile.parent.mkdir()
        profile.write_text(_WALL.format(pictures=pictures, rate=RATE_HZ, crowd=_CROWD))
        yield Stage(folder, broker, f"nats://127.0.0.1:{port}", stack)


@contextmanager
def clients(port: int, count: int, size: int, sampled: int = 0) -> Generator[Process]:
    """So many who watch, once all are connected; one process knows what they get.

    With `sampled`, only so many are really read: see `tests.bench.load`.
    """
    arguments = ["--port", port, "--clients", count, "--size", size, "--sampled", sampled]
    with Process("tests.bench.load", arguments) as load:
        load.answer()
        yield load


def settled_size(port: int) -> int:
    """The size of all messages from now on, once the numbers in them have their length."""
    with connect(f"ws://127.0.0.1:{port}", max_size=None, proxy=None) as viewer:
        while True:
            message = viewer.recv(timeout=TIMEOUT_S)
            assert isinstance(message, bytes), "the stream is binary"
            if StreamEnvelope.FromString(message).sequence >= _LEVEL_FROM:
                return len(message)


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time of processes so far, all threads."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_A_SECOND


def family(pid: int) -> dict[str, list[int]]:
    """A process and those that it has started, by what they are: `parent`, `worker`, `broker`."""
    found: dict[str, list[int]] = {"parent": [pid], "worker": [], "broker": []}
    for child in _children(pid):
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        found["broker" if b"nats-server" in command else "worker"].append(child)
    return found


def _children(pid: int) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:  # it has ended meanwhile
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid:
            yield int(path.parent.name)


class CpuClock:
    """How many cores groups of processes took since it was made."""

    def __init__(self, **groups: Iterable[int]) -> None:
        self._groups: Final = {name: list(pids) for name, pids in groups.items()}
        self._begin_s: Final = time.monotonic()
        self._begin_cpu_s: Final = {name: cpu_s(pids) for name, pids in self._groups.items()}

    def cores(self) -> dict[str, float]:
        """Seconds of CPU for each second, by group."""
        passed_s = time.monotonic() - self._begin_s
        return {
            name: (cpu_s(pids) - self._begin_cpu_s[name]) / passed_s for name, pids in self._groups.items()
        }
