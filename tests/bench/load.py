"""Thousands of WebSocket clients in one process that read, count and take the time, and do nothing else.

    python -m tests.bench.load --port P --clients N --size BYTES [--pin CPU] [--dialect plain|foxglove]
                               [--connecting N] [--first] [--path PATH] [--sampled N]

connects N clients to 127.0.0.1 (at most `--connecting` at a time, 100 by default) and prints one line when
all are connected: `{"ready": N, "connect_s": S}`; with `--first`, when all have got a first message too:
`"first_s"` says when the last one had it. `--size` is that of every message, as the peers are told; with 0
sizes vary and every header is read. Then each line on standard input is answered with one line of JSON:

* `begin`: counts and times from here; answers `{"begun": true}`.
* `stats`: the figures below.
* `until TOTAL S`: the figures once all clients together have TOTAL messages, or nothing came for S seconds.
* `stop`, or the end of its input: the figures for the last time, then it ends.

Figures: `received`, `per_client`, `closed` (connections that ended), `errors` (bytes that were not
what they had to be), `first_unix_ns` and `last_unix_ns` (of what was received), `cpu_s` (its own), and
`latency`: `samples`, `p50_ms`, `p99_ms`, `p999_ms`, `max_ms` from the times in the messages' last 8 bytes.
One message is sampled of each read: the first that it completes, which has waited longest.

With `--sampled N`, only N clients, spread over all, are read when something comes. The others let the
operating system discard what waits for them, 20 times a second, and answer no pings: that takes a fraction of
the CPU, as if they were on other machines. What they got is counted from the bytes.

It takes one `epoll` for all and one `recv_into` for what a client has waiting, into one buffer; the number of
messages follows from the number of bytes, and a header in each piece is looked at to see that it does. So
plain Python reads more than 2 million messages of 120 bytes a second. Linux alone has `epoll`.
"""

import argparse
import gc
import os
import resource
import select
import socket
import sys
import time
from typing import Final

from tests.bench.machine import answer, pin
from tests.bench.wire import (
    Counted,
    DiscardedStream,
    FixedStream,
    Opening,
    ParsedStream,
    RefusedError,
    Samples,
    Stream,
    UnexpectedError,
)

_BUFFER_BYTES: Final = 1 << 20
_STDIN: Final = 0
_CONNECT_TIMEOUT_S: Final = 60.0
_DISCARD_S: Final = 0.05


class Load:
    """All clients of the process."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given: Final = given
        self._poll: Final = select.epoll()
        self._buffer: Final = memoryview(bytearray(_BUFFER_BYTES))
        self._clients: Final[dict[int, tuple[socket.socket, Stream]]] = {}
        self._streams: Final[list[Counted]] = []
        self._samples = Samples()
        self._until: tuple[int, float] | None = None
        self._received = self._closed = 0
        self._errors: list[str] = []
        self._first_ns = self._last_ns = 0
        self._begin_cpu_s = time.process_time()
        self._base: list[int] = []
        self._discarding: Final[list[tuple[socket.socket, DiscardedStream]]] = []
        self._discard_at_s = 0.0
        sampled: int = given.sampled or given.clients
        self._stride: Final = max(1, given.clients // sampled)

    def connect(self) -> dict[str, object]:
        """Open all connections.

        Raises:
            RefusedError: the server did not let a client in.
            TimeoutError: it takes too long.
        """
        begin_s = time.monotonic()
        openings: dict[int, Opening] = {}
        todo: int = self._given.clients
        while todo or openings:
            while todo and len(openings) < self._given.connecting:
                opening = Opening("127.0.0.1", self._given.port, self._given.dialect, self._given.path)
                openings[opening.sock.fileno()] = opening
                self._poll.register(opening.sock, select.EPOLLIN)
                todo -= 1
            for fd, _ in self._poll.poll(1):
                opened = openings.get(fd)
                if opened is None:
                    self._read(fd)
                    continue
                rest = opened.feed(opened.sock.recv(65536))
                if rest is not None:
                    del openings[fd]
                    self._add(opened.sock, rest)
            self._discard_if_due()
            if time.monotonic() - begin_s > _CONNECT_TIMEOUT_S:
                raise TimeoutError(f"{len(openings)} clients are not connected yet")
        connect_s = time.monotonic() - begin_s
        while self._given.first and not all(stream.count for stream in self._streams):
            for fd, _ in self._poll.poll(1):
                self._read(fd)
            if time.monotonic() - begin_s > _CONNECT_TIMEOUT_S:
                raise TimeoutError(f"{self._received} of {len(self._streams)} first messages came")
        return {"ready": len(self._clients), "connect_s": connect_s, "first_s": time.monotonic() - begin_s}

    def serve(self) -> None:
        """Read, and answer commands, until the last one."""
        self._poll.register(_STDIN, select.EPOLLIN)
        commands = b""
        while True:
            for fd, _ in self._poll.poll(_DISCARD_S / 5 if self._discarding else 0.5):
                if fd != _STDIN:
                    self._read(fd)
                    continue
                told = os.read(_STDIN, 4096)
                *lines, commands = (commands + told).split(b"\n")
                if not told or not all(self._command(line.decode()) for line in lines):
                    answer(self.figures())
                    return
            self._discard_if_due()
            if self._until is not None:
                total, idle_s = self._until
                if self._received >= total or time.time_ns() - self._last_ns > idle_s * 1e9:
                    self._until = None
                    answer(self.figures())

    def figures(self) -> dict[str, object]:
        """What came since `begin`."""
        self._discard()
        return {
            "received": self._received,
            "per_client": [s.count - base for s, base in zip(self._streams, self._base, strict=False)],
            "closed": self._closed,
            "errors": self._errors[:10],
            "first_unix_ns": self._first_ns,
            "last_unix_ns": self._last_ns,
            "cpu_s": time.process_time() - self._begin_cpu_s,
            "latency": self._samples.figures(),
        }

    def begin(self) -> None:
        """Count from zero."""
        self._discard()
        self._samples.clear()
        self._received = 0
        self._first_ns = 0
        self._last_ns = time.time_ns()
        self._base = [stream.count for stream in self._streams]
        self._begin_cpu_s = time.process_time()

    def _command(self, line: str) -> bool:
        """Carry a command out; False for the last one."""
        command, *arguments = line.split() or [""]
        if command == "begin":
            self.begin()
            answer({"begun": True})
        elif command == "stats":
            answer(self.figures())
        elif command == "until":
            self._until = int(arguments[0]), float(arguments[1])
            self._last_ns = time.time_ns()
        elif command != "stop":
            answer({"error": f"unknown command {command!r}"})
        return command != "stop"

    def _add(self, sock: socket.socket, rest: bytes) -> None:
        size: int = self._given.size
        if len(self._streams) % self._stride:
            self._poll.unregister(sock)
            discarded = DiscardedStream(size, len(rest))
            self._discarding.append((sock, discarded))
            self._streams.append(discarded)
            return
        stream: Stream = FixedStream(size, self._samples) if size else ParsedStream(self._samples)
        self._clients[sock.fileno()] = sock, stream
        self._streams.append(stream)
        if rest:
            stream.feed(memoryview(rest), len(rest), time.time_ns())

    def _discard_if_due(self) -> None:
        if self._discarding and time.monotonic() >= self._discard_at_s:
            self._discard()

    def _discard(self) -> None:
        """Let the operating system discard what waits for those that are not sampled."""
        self._discard_at_s = time.monotonic() + _DISCARD_S
        ended: list[tuple[socket.socket, DiscardedStream]] = []
        for sock, stream in self._discarding:
            try:
                size = sock.recv_into(self._buffer, 0, socket.MSG_TRUNC)  # as in tcp(7): nothing is copied
            except BlockingIOError:
                continue
            except OSError:
                size = 0
            if not size:
                ended.append((sock, stream))
                continue
            before = stream.count
            stream.discard(size)
            self._received += stream.count - before
            self._last_ns = time.time_ns()
        for each in ended:
            self._closed += 1
            self._discarding.remove(each)
            each[0].close()

    def _read(self, fd: int) -> None:
        sock, stream = self._clients[fd]
        try:
            size = sock.recv_into(self._buffer)
            if size:
                before = stream.count
                pong = stream.feed(self._buffer, size, now_ns := time.time_ns())
                self._received += stream.count - before
                self._last_ns = now_ns
                if not self._first_ns:
                    self._first_ns = now_ns
                if pong:
                    sock.sendall(pong)
                return
        except (OSError, UnexpectedError) as error:
            self._errors.append(repr(error))
        self._closed += 1
        self._poll.unregister(fd)
        sock.close()
        del self._clients[fd]


def main() -> None:
    """Connect, then serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--path", default="/")
    parser.add_argument("--pin", type=int)
    parser.add_argument("--dialect", choices=("plain", "foxglove"), default="plain")
    parser.add_argument("--connecting", type=int, default=100)
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--sampled", type=int, default=0)
    given = parser.parse_args()
    pin(given.pin)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    load = Load(given)
    try:
        ready = load.connect()
    except (OSError, RefusedError) as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        sys.exit(1)
    gc.freeze()
    gc.disable()  # nothing here is a cycle, and a pause would count as latency
    load.begin()
    answer(ready)
    load.serve()


if __name__ == "__main__":
    main()
