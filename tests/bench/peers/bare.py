"""A bare socket loop: for each message, one `send` of the framed bytes to each client, and nothing else.

The floor that the others are measured against, as far as Python goes: the producer thread itself writes to
blocking sockets, after a handshake by hand. No late joiner, no slow client, no close frame is thought of;
who stops reading stops everyone.
"""

import base64
import contextlib
import hashlib
import re
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from beats.adapters.sinks.websocket.framing import header
from tests.bench.peers.harness import Options, main
from tests.bench.peers.loop import Stamped

_KEY: Final = re.compile(rb"^sec-websocket-key: *(\S+)", re.IGNORECASE | re.MULTILINE)
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class Bare:
    """Sockets in a list."""

    def __init__(self, listener: socket.socket, given: Options) -> None:
        self.port: Final[int] = listener.getsockname()[1]
        self.sockets: Final[list[socket.socket]] = []
        self._stamped: Final = Stamped(given.size, header(given.size))
        self._listener: Final = listener

    def publish(self) -> bool:
        """Write to every client."""
        data = self._stamped()
        for client in self.sockets:
            client.sendall(data)  # on a blocking socket one `send`, which takes all
        return True

    def clients(self) -> int:
        """Connections."""
        return len(self.sockets)

    def counts(self) -> dict[str, int]:
        """It counts nothing."""
        return {}

    def accept(self) -> None:
        """Welcome clients until the listening socket is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                request = b""
                while b"\r\n\r\n" not in request:
                    request += client.recv(4096)
                client.sendall(_response(request))
                self.sockets.append(client)


def _response(request: bytes) -> bytes:
    match = _KEY.search(request)
    assert match is not None
    accept = base64.b64encode(hashlib.sha1(match[1] + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


@contextmanager
def serve(given: Options) -> Generator[Bare]:
    """Listen until the block ends."""
    with socket.create_server(("127.0.0.1", given.port), backlog=4096) as listener:
        peer = Bare(listener, given)
        threading.Thread(target=peer.accept, name="accept", daemon=True).start()
        yield peer
        listener.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main(serve)
