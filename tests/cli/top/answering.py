"""A small HTTP server that answers what it is told to: for what a real one cannot be made to say."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from tests.support import TIMEOUT_S

_TLS: Final = b"\x16"
"""What a greeting begins with that asks for encryption: RFC 8446, section 5.1."""
Reply = Callable[[], bytes | None]
"""What to answer next; None for nothing at all, ever."""


def http(
    body: bytes, status: str = "200 OK", content_type: str = "application/json", **headers: str
) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answered(document: Mapping[str, object]) -> bytes:
    """An answer with an object."""
    return http(json.dumps(document).encode())


class Answering:
    """It listens; every connection gets one answer."""

    def __init__(self, reply: Reply, context: ssl.SSLContext | None) -> None:
        self.requests: Final[list[bytes]] = []
        self._reply: Final = reply
        self._context: Final = context
        self._open: Final[list[socket.socket]] = []
        self._listening: Final = socket.create_server(("127.0.0.1", 0))
        self.port: Final[int] = self._listening.getsockname()[1]
        self._thread: Final = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """End it, with all connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        for sock in self._open:
            sock.close()
        self._thread.join(TIMEOUT_S)
        self._listening.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            with suppress(OSError):  # the other side has given up
                self._answer(sock)

    def _answer(self, plain: socket.socket) -> None:
        sock = plain
        self._open.append(plain)
        plain.settimeout(TIMEOUT_S)
        if self._context is not None:
            sock = self._context.wrap_socket(plain, server_side=True)
            self._open.append(sock)
        request = b""
        while b"\r\n\r\n" not in request and not request.startswith(_TLS) and (data := sock.recv(65536)):
            request += data
        self.requests.append(request)
        reply = self._reply()
        if reply is not None:
            sock.sendall(reply)
            sock.close()


@contextmanager
def answering(reply: bytes | Reply | None, context: ssl.SSLContext | None = None) -> Generator[Answering]:
    """A server that answers always the same, or what it is asked each time."""
    server = Answering(reply if callable(reply) else lambda: reply, context)
    try:
        yield server
    finally:
        server.close()
