"""A peer of `tests.bench.peers` as the stalled-client benchmark runs it.

    python -m tests.bench.stalled_server NAME --size BYTES …

The rest of the command line, and the commands, are those of `tests.bench.peers`. Its `counts` also tell of
the producer's calls since they were asked for last: `calls`, `publish_p99_ns`, and `publish_cpu_p99_ns` of
the thread's CPU time. So each phase of a run has figures of its own.

`ours` has its defaults, but for the queue of a client, which keeps the `latest` frame, and for
`stall_timeout_s`, which is short so that a run can see it. Every sixth frame is followed by an update of a
peripheral. `missed:PORT` in its counts are the envelopes that the client with that port missed.
"""

import importlib
import os
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, cast

from beats.app import Stream
from tests.bench.peers.harness import Options, Peer, main
from tests.bench.peers.loop import in_thread
from tests.bench.peers.ours import Ours

STALL_TIMEOUT_S: Final = 2.0
FRAMES_PER_UPDATE: Final = 6
CLIENT_QUEUE: Final = {"frame": {"size": 4, "overflow": "latest"}}


class Timed:
    """A peer whose publish calls are timed."""

    def __init__(self, peer: Peer) -> None:
        self.port: Final = peer.port
        self._peer: Final = peer
        self._taken_ns: list[tuple[int, int]] = []

    def publish(self) -> bool:
        """Publish one message."""
        begin_cpu_ns, begin_ns = time.thread_time_ns(), time.perf_counter_ns()
        accepted = self._peer.publish()
        end_ns, end_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        self._taken_ns.append((end_ns - begin_ns, end_cpu_ns - begin_cpu_ns))
        return accepted

    def clients(self) -> int:
        """As the peer says."""
        return self._peer.clients()

    def counts(self) -> dict[str, int]:
        """Those of the peer, and those of the calls since the last time."""
        taken, self._taken_ns = self._taken_ns, []
        calls = {"calls": len(taken)}
        if taken:
            last = int(len(taken) * 0.99)
            calls["publish_p99_ns"] = sorted(passed for passed, _ in taken)[last]
            calls["publish_cpu_p99_ns"] = sorted(cpu for _, cpu in taken)[last]
        return {**self._peer.counts(), **calls}


class Accounted(Ours):
    """Beats with updates between the frames, and what each client missed."""

    def __init__(self, stream: Stream, given: Options) -> None:
        super().__init__(stream, given)
        self._own: Final = stream
        self._calls = 0

    def publish(self) -> bool:
        """Publish a frame, and now and then an update of a peripheral."""
        accepted = super().publish()
        self._calls += 1
        if self._calls % FRAMES_PER_UPDATE == 0:
            self._own.publish_peripheral("knob", {"rotation": self._calls})
        return accepted

    def counts(self) -> dict[str, int]:
        """What `stats()` says, also of each client that has missed something."""
        missed = {
            f"missed:{client.remote.rpartition(':')[2]}": client.queue.dropped.items
            for client in self._own.stats().sinks[0].clients
            if client.queue.dropped.items
        }
        return {**super().counts(), **missed}


@contextmanager
def _ours(given: Options) -> Generator[Peer]:
    for name in [name for name in os.environ if name.startswith("BEATS_")]:
        del os.environ[name]
    browser = {
        "host": "127.0.0.1",
        "port": given.port,
        "client_queue": CLIENT_QUEUE,
        "stall_timeout_s": STALL_TIMEOUT_S,
    }
    overrides = {"sources": {"demo": {"enabled": False}}, "sinks": {"browser": browser}}
    with (
        tempfile.TemporaryDirectory() as empty,
        Stream.open(profile="default", config_dir=empty, overrides=overrides) as stream,
    ):
        yield Accounted(stream, given)


def _peer(name: str, given: Options) -> AbstractContextManager[Peer]:
    if name == "ours":
        return _ours(given)
    module: Any = importlib.import_module(f"tests.bench.peers.{name}")  # some need an extra
    opened = module.Foxglove(given).serving() if name == "foxglove" else in_thread(module.serving, given)
    return cast("AbstractContextManager[Peer]", opened)


@contextmanager
def _timed(name: str, given: Options) -> Generator[Timed]:
    with _peer(name, given) as peer:
        yield Timed(peer)


if __name__ == "__main__":
    name = sys.argv.pop(1)
    main(lambda given: _timed(name, given))
