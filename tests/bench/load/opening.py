"""A client's way in: connect, handshake, and what a dialect says before its first message."""

import base64
import json
import os
import socket
from typing import Any, Final

_SUBPROTOCOLS: Final = {"plain": "", "foxglove": "Sec-WebSocket-Protocol: foxglove.sdk.v1\r\n"}


class RefusedError(Exception):
    """The server did not let the client in."""


class Opening:
    """Not yet a client: a socket and what it has received so far."""

    __slots__ = ("_dialect", "_received", "_upgraded", "sock")

    def __init__(self, host: str, port: int, dialect: str) -> None:
        self.sock: Final = socket.create_connection((host, port))
        self._dialect: Final = dialect
        self._received = b""
        self._upgraded = False
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{_SUBPROTOCOLS[dialect]}\r\n"
        )
        self.sock.sendall(request.encode())
        self.sock.setblocking(False)

    def feed(self, data: bytes) -> bytes | None:
        """Take what came; when it is let in, the rest, which belongs to the stream.

        Raises:
            RefusedError: the answer is not 101, or the connection was closed.
        """
        if not data:
            raise RefusedError(f"closed after {self._received[:100]!r}")
        self._received += data
        if not self._upgraded:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return None
            if not head.startswith(b"HTTP/1.1 101"):
                raise RefusedError(head[:100].decode("latin-1"))
            self._received = rest
            self._upgraded = True
        if self._dialect == "plain":
            return self._received
        return self._subscribe()

    def _subscribe(self) -> bytes | None:
        """Foxglove: subscribe to each channel that is advertised, which it is once at the beginning."""
        while (text := self._text()) is not None:
            said: Any = json.loads(text)
            if said.get("op") == "advertise":
                wanted = [{"id": index, "channelId": it["id"]} for index, it in enumerate(said["channels"])]
                self.sock.sendall(_masked_text(json.dumps({"op": "subscribe", "subscriptions": wanted})))
                return self._received
        return None

    def _text(self) -> bytes | None:
        """The next text message, whole."""
        received = self._received
        if len(received) < 4:
            return None
        begin, size = 2, received[1]
        if size == 126:
            begin, size = 4, int.from_bytes(received[2:4], "big")
        if len(received) < begin + size:
            return None
        self._received = received[begin + size :]
        return received[begin : begin + size]


def _masked_text(text: str) -> bytes:
    """A client's text frame of less than 126 bytes, with a mask that changes nothing."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text.encode()
