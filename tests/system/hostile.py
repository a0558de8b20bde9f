"""A client that means harm, in a process of its own.

    python -m tests.system.hostile KIND PORT

prints a line when it has begun, goes on until standard input ends, and then prints how many connections it
had. KIND says what it does; when the server ends a connection, it opens another at once:

* `pings`, `pongs`: sends one-byte pings, or unsolicited pongs, without pause, and reads what comes;
* `unread`: sends the largest pings that there are, and reads nothing;
* `idle:N`: keeps N connections open and says nothing;
"""

import contextlib
import resource
import selectors
import socket
import sys
import threading
from typing import Final

from tests.system.soak_crowd import REQUEST

FLOODS: Final = {
    "pings": b"\x89\x81\0\0\0\0x",
    "pongs": b"\x8a\x81\0\0\0\0x",
    "unread": b"\x89\xfd\0\0\0\0" + b"x" * 125,
}
"""Masked frames: RFC 6455, section 5.2."""
_PIECE_BYTES: Final = 200_000


class Told:
    """Whether it is to end."""

    def __init__(self) -> None:
        self.to_end = False
        self.thread: Final = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()

    def _wait(self) -> None:
        sys.stdin.read()
        self.to_end = True


def begun() -> None:
    """Say so."""
    print("begun", flush=True)


def flood(kind: str, port: int, told: Told) -> int:
    """Send what the kind is of; the number of connections."""
    piece = FLOODS[kind] * (_PIECE_BYTES // len(FLOODS[kind]))
    count = 0
    while not told.to_end:
        with socket.socket() as client, contextlib.suppress(OSError):
            if kind == "unread":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            client.settimeout(0.5)
            client.connect(("127.0.0.1", port))
            client.sendall(REQUEST.replace(b"GET / ", b"GET /?kinds=peripheral&snapshot=0 "))
            assert client.recv(4096).startswith(b"HTTP/1.1 101")
            count += 1
            if kind != "unread":
                threading.Thread(target=_drain, args=(client,), daemon=True).start()
            if count == 1:
                begun()
            while not told.to_end:
                client.sendall(piece)
    return count


def _drain(client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while client.recv(1 << 16):
            pass


def idle(number: int, port: int, told: Told) -> int:
    """Keep so many connections open; the number of those that were opened."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = 0
    with selectors.DefaultSelector() as selector:

        def connect() -> None:
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            selector.register(client, selectors.EVENT_READ)

        for _ in range(number):
            connect()
            count += 1
        begun()
        while not told.to_end:
            for key, _ in selector.select(0.1):
                client = key.fileobj
                assert isinstance(client, socket.socket)
                selector.unregister(client)  # nothing is sent to it: it has ended
                client.close()
                connect()
                count += 1
    return count


def main() -> None:
    """Run until standard input ends."""
    kind, port = sys.argv[1], int(sys.argv[2])
    told = Told()
    name, _, number = kind.partition(":")
    count = idle(int(number), port, told) if name == "idle" else flood(name, port, told)
    print(f"connections: {count}", flush=True)


if __name__ == "__main__":
    main()
