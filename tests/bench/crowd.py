"""WebSocket clients that behave badly, all of one kind in one process.

    python -m tests.bench.crowd --port P --manner MANNER --count N [--bytes-per-s R] [--per-s R] [--pin CPU]
                                [--dialect plain|foxglove] [--numbered]

prints `{"ready": N}` once its clients are in place, keeps as many there by sending a new one for each that
the server closes, and prints its figures when standard input says `stop` or ends. `MANNER`:

* `frozen`: connects, and never reads a byte of the stream.
* `slow`: reads `--bytes-per-s`, evenly, for ever, and answers pings as any WebSocket client does. With
  `--numbered` (the messages are Beats' envelopes) it looks at their sequence numbers. `drain` on standard
  input, answered with the figures, lets the clients read without a limit until 0.7 s pass without a byte.
* `resetting`: reads for a second, then resets the connection, and comes again.
* `half_open`: connects, and sends no handshake.
* `churning`: connections come at `--per-s`, each is let in and leaves at once, every other one with a reset.

Figures: `opened`, `closed` (by the server), `closed_s` (after how long, each), `refused`; of `slow` also
`clients`: for each one `port` (its own), `missing` (of frames, from their numbers) and `peripherals_missing`,
and of all of them `ages`: `samples`, `p50_ms`, `p99_ms`, `max_ms` from a message's stamp to its last byte.

Its sockets have the operating system's own buffers, and its process gives way to the healthy clients' (nice).
"""

import argparse
import os
import select
import socket
import struct
import time
from contextlib import suppress
from typing import Final, NamedTuple

from tests.bench.machine import answer, pin
from tests.bench.wire import Opening, ParsedStream, RefusedError, Samples

_STEP_S: Final = 0.004
_PIECE_BYTES: Final = 1 << 16
_HANDSHAKE_S: Final = 10.0
_SILENCE_S: Final = 0.7
_RESET_AFTER_S: Final = 1.0
_MOST_AT_ONCE: Final = 20
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: close sends RST
_SEQUENCE_TAG: Final = b"\xa0\x06"  # field 100, varint
_TIME_TAG: Final = b"\xa9\x06"  # field 101, 64 bits
FRAME: Final = 0x0A  # field 1 of the envelope


class Topic:
    """Sequence numbers of one topic."""

    def __init__(self) -> None:
        self.count = 0
        self.missing = 0
        self.last = 0

    def note(self, number: int) -> None:
        """Take note of the next number.

        Raises:
            ValueError: it is not above the last one.
        """
        if number <= self.last:
            raise ValueError(f"{number} came after {self.last}")
        if self.last:
            self.missing += number - self.last - 1
        self.last = number
        self.count += 1


class Reader(ParsedStream):
    """Reads ages and, when messages are `numbered` envelopes, what is missing of each topic."""

    def __init__(self, ages: Samples, *, numbered: bool) -> None:
        super().__init__(ages)
        self.frames: Final = Topic()
        self.peripherals: Final = Topic()
        self._numbered: Final = numbered

    def read(self, data: bytes) -> bytes:
        """Take the next bytes; returns what is to be answered, a pong or nothing."""
        return self.feed(memoryview(data), len(data), time.time_ns())

    def message(self, first: int, tail: bytes, now_ns: int) -> None:
        """Note the number in an envelope, and the age of a frame."""
        is_frame = not self._numbered or first == FRAME
        if is_frame:
            super().message(first, tail, now_ns)
        if self._numbered:
            (self.frames if is_frame else self.peripherals).note(sequence(tail))


def sequence(tail: bytes) -> int:
    """The sequence number of the envelope that ends with these bytes.

    Raises:
        ValueError: an envelope does not end so.
    """
    if tail[-10:-8] != _TIME_TAG:
        raise ValueError(f"{tail!r} is no end of an envelope")
    begin = tail.rindex(_SEQUENCE_TAG, 0, -11) + 2  # a number has a byte; 800 looks like the tag
    return sum((byte & 0x7F) << 7 * index for index, byte in enumerate(tail[begin:-10]))


class Member(NamedTuple):
    """One client."""

    sock: socket.socket
    since_s: float
    reader: Reader


class Crowd:
    """All clients of the process."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given: Final = given
        self._members: Final[list[Member]] = []
        self._ages: Final = Samples()
        self._opened = self._closed = self._refused = 0
        self._closed_s: Final[list[float]] = []
        self._commands: Final = select.poll()
        self._commands.register(0, select.POLLIN)
        self._due_s = self._allowed = 0.0

    def run(self) -> None:
        """Behave badly until told to stop."""
        steps = {"slow": self._read_slowly, "resetting": self._reset, "churning": self._churn}
        step = steps.get(self._given.manner, self._replace)
        if self._given.manner != "churning":
            self._fill()
        self._due_s = time.monotonic()
        answer({"ready": len(self._members)})
        while not self._commands.poll(_STEP_S * 1000):
            step()
        if os.read(0, 4096).startswith(b"drain"):
            self._drain()
            answer(self.figures())
            os.read(0, 4096)
        answer(self.figures())

    def figures(self) -> dict[str, object]:
        """What was done and seen so far."""
        return {
            "opened": self._opened,
            "closed": self._closed,
            "closed_s": self._closed_s[:100],
            "refused": self._refused,
            "ages": self._ages.figures(),
            "clients": [
                {
                    "port": sock.getsockname()[1],
                    "missing": reader.frames.missing,
                    "peripherals_missing": reader.peripherals.missing,
                }
                for sock, _, reader in self._members
            ],
        }

    def _fill(self) -> None:
        while len(self._members) < self._given.count:
            self._opened += 1
            if self._given.manner == "half_open":
                sock, rest = socket.create_connection(("127.0.0.1", self._given.port)), b""
                sock.setblocking(False)
            else:
                sock, rest = self._let_in()
            reader = Reader(self._ages, numbered=self._given.numbered)
            reader.read(rest)
            self._members.append(Member(sock, time.monotonic(), reader))

    def _let_in(self) -> tuple[socket.socket, bytes]:
        opening = Opening("127.0.0.1", self._given.port, self._given.dialect)
        opening.sock.settimeout(_HANDSHAKE_S)
        rest = None
        while rest is None:
            rest = opening.feed(opening.sock.recv(1024))
        opening.sock.setblocking(False)
        return opening.sock, rest

    def _leave(self, member: Member) -> None:
        self._members.remove(member)
        member.sock.close()

    def _replace(self) -> None:
        """Notice who was closed, without reading, and send new ones."""
        poll = select.poll()
        for member in self._members:
            poll.register(member.sock, select.POLLRDHUP)
        gone = {fd for fd, _ in poll.poll(0)}
        for member in [member for member in self._members if member.sock.fileno() in gone]:
            self._closed += 1
            self._closed_s.append(time.monotonic() - member.since_s)
            self._leave(member)
        self._fill()

    def _read_slowly(self) -> None:
        now_s = time.monotonic()
        self._allowed += (now_s - self._due_s) * self._given.bytes_per_s
        self._due_s = now_s
        piece = min(int(self._allowed), _PIECE_BYTES)
        self._allowed -= piece
        if piece:
            self._read_all(piece)

    def _read_all(self, piece: int) -> bool:
        """Read so many bytes of each; whether any came."""
        some = False
        for member in tuple(self._members):
            try:
                data = member.sock.recv(piece)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data:
                some = True
                if pong := member.reader.read(data):
                    with suppress(OSError):  # it is closed: the next read tells
                        member.sock.send(pong)
            else:
                self._closed += 1
                self._closed_s.append(time.monotonic() - member.since_s)
                self._leave(member)
        return some

    def _drain(self) -> None:
        last_s = time.monotonic()
        while time.monotonic() - last_s < _SILENCE_S:
            if self._read_all(_PIECE_BYTES):
                last_s = time.monotonic()
            else:
                time.sleep(_STEP_S)

    def _reset(self) -> None:
        self._read_all(_PIECE_BYTES)
        for member in tuple(self._members):
            if time.monotonic() - member.since_s > _RESET_AFTER_S:
                member.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self._leave(member)
        self._fill()

    def _churn(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            now_s = time.monotonic()
            if now_s < self._due_s:
                return
            self._due_s = max(self._due_s, now_s - 0.1) + 1 / self._given.per_s
            self._opened += 1
            try:
                sock, _ = self._let_in()
            except (OSError, RefusedError):
                self._refused += 1
                continue
            if self._opened % 2:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.close()


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    manners = ("frozen", "slow", "resetting", "half_open", "churning")
    parser.add_argument("--manner", choices=manners, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--bytes-per-s", type=float, default=1e5)
    parser.add_argument("--per-s", type=float, default=300.0)
    parser.add_argument("--pin", type=int)
    parser.add_argument("--dialect", choices=("plain", "foxglove"), default="plain")
    parser.add_argument("--numbered", action="store_true")
    given = parser.parse_args()
    pin(given.pin)
    os.nice(10)
    Crowd(given).run()


if __name__ == "__main__":
    main()
