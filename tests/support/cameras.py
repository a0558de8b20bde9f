"""Network cameras for tests: HTTP with Motion JPEG, and RTSP with MPEG-TS over TCP."""

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, Self

from tests.support import TIMEOUT_S

Serve = Callable[[socket.socket], None]
"""Serves one connection; it is closed afterwards."""
_TS_PACKETS: Final = 7 * 188
"""Bytes of MPEG-TS in one RTP packet: RFC 2250, section 2."""
_MP2T: Final = 33
"""The payload type of MPEG-TS: RFC 3551, section 6."""


class Camera:
    """A server on 127.0.0.1 that treats each connection as its turn says, and the later ones as the last."""

    def __init__(self, turns: Sequence[Serve]) -> None:
        """Listen; `turns` say what becomes of the first connection, the second and so on."""
        self._turns: Final = list(turns)
        self._listener: Final = socket.create_server(("127.0.0.1", 0))
        self.port: Final[int] = self._listener.getsockname()[1]
        self.ended: Final = threading.Event()
        """Set at the end, for turns that wait."""
        self.connections = 0
        self._thread: Final = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(TIMEOUT_S)

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                turn = self._turns[min(self.connections, len(self._turns) - 1)]
                self.connections += 1
                threading.Thread(target=self._serve, args=(turn, connection), daemon=True).start()

    @staticmethod
    def _serve(turn: Serve, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            turn(connection)


def mjpeg(connection: socket.socket, pictures: Iterable[bytes]) -> None:
    """Answer a request with pictures, as cameras do."""
    connection.recv(65536)
    connection.sendall(
        b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n--frame\r\n"
    )
    for data in pictures:
        head = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data + b"\r\n--frame\r\n")


def rtsp(connection: socket.socket, stream: Iterable[bytes]) -> None:
    """Speak RTSP (RFC 2326) until PLAY, then send pieces of MPEG-TS over the same connection."""
    file = connection.makefile("rb")
    while True:
        request = file.readline().decode()
        fields: dict[str, str] = {}
        while line := file.readline().strip().decode():
            name, _, value = line.partition(": ")
            fields[name.lower()] = value
        if not request:
            return
        method = request.split()[0]
        body, more = "", "Public: OPTIONS, DESCRIBE, SETUP, PLAY\r\nSession: 1\r\n"
        if method == "DESCRIBE":
            body = f"v=0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP {_MP2T}\r\na=control:0\r\n"
            more += "Content-Type: application/sdp\r\n"
        elif method == "SETUP":
            more += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        head = f"RTSP/1.0 200 OK\r\nCSeq: {fields['cseq']}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        connection.sendall((head + body).encode())
        if method == "PLAY":
            break
    number = 0
    for piece in stream:
        for at in range(0, len(piece), _TS_PACKETS):
            payload = piece[at : at + _TS_PACKETS]
            packet = struct.pack(">BBHII", 0x80, _MP2T, number & 0xFFFF, number * 3600, 7) + payload
            connection.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
            number += 1
