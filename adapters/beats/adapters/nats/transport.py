"""The transport of a connection to a NATS server, which can be cut at once."""

import asyncio
import contextlib
import fcntl
import socket
import ssl
import sys
import termios
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Self
from urllib.parse import ParseResult

from beats.kit.sockets import connected_socket

_LINE_BYTES: Final = 64 * 1024
"""Longest line: a server announces its whole cluster in one. Twice as much may wait here."""


class _EncryptedProtocol(asyncio.StreamReaderProtocol):
    def eof_received(self) -> bool:
        """Close the other half too; asyncio logs a warning about encrypted connections that are half open."""
        super().eof_received()
        return False


class Transport:
    """Takes the place of the library's own transport.

    The library's waits without a limit for a server that reads nothing, goes on unencrypted when encryption
    was asked for and the server (or an attacker in between) offers none, and does not limit what the
    operating system buffers.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, must_encrypt: bool
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._bare_writer: Final = writer  # or it would be closed as garbage once it is replaced
        self._must_encrypt: Final = must_encrypt
        self._is_encrypted = self._is_handed_over = False
        self.before_reading: Callable[[int], Awaitable[object]] | None = None
        """Awaited before each read, with the number of bytes that wait in the operating system."""

    @classmethod
    async def open(cls, host: str, port: int, timeout_s: float, *, must_encrypt: bool) -> Self:
        """Connect, to the first address of the host that answers within its share of the time.

        Raises:
            OSError: no address answers.
        """
        sock = await connected_socket(host, port, timeout_s)
        try:
            reader, writer = await asyncio.open_connection(sock=sock, limit=_LINE_BYTES)
        except BaseException:
            sock.close()
            raise
        return cls(reader, writer, must_encrypt=must_encrypt)

    def __bool__(self) -> bool:
        """True, or the library would make its own transport."""
        return True

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: float) -> None:
        """Do nothing: it is connected already."""

    async def connect_tls(
        self, uri: str | ParseResult, ssl_context: ssl.SSLContext, buffer_size: int, connect_timeout: float
    ) -> None:
        """Encrypt what follows."""
        reader = asyncio.StreamReader(_LINE_BYTES)
        protocol = _EncryptedProtocol(reader)
        loop = asyncio.get_running_loop()
        self._is_handed_over = True  # our writer does not learn of its end any more
        transport = await loop.start_tls(
            self._writer.transport,
            protocol,
            ssl_context,
            server_hostname=uri if isinstance(uri, str) else uri.hostname,
            ssl_handshake_timeout=connect_timeout,
        )
        if transport is None:
            raise ConnectionResetError("the connection was lost in the handshake of TLS")
        reader.set_transport(transport)
        self._reader, self._writer = reader, asyncio.StreamWriter(transport, protocol, reader, loop)
        self._is_encrypted, self._is_handed_over = True, False

    def write(self, payload: bytes) -> None:
        """Send bytes soon.

        Raises:
            ConnectionError: encryption is required and the server offers none.
        """
        self._check()
        self._writer.write(payload)

    def writelines(self, payload: Iterable[bytes]) -> None:
        """Send pieces of bytes soon.

        Raises:
            ConnectionError: as `write`.
        """
        # Not `writelines`: in Python 3.12 before 3.12.9 and 3.13 before 3.13.2 it neither bounds what waits
        # (CVE-2024-12254) nor survives the end of the connection.
        self.write(b"".join(payload))

    async def room(self) -> None:
        """Wait until there is room for more.

        Raises:
            OSError: the connection is lost.
        """
        await self._writer.drain()

    async def drain(self) -> None:
        """Wait as `room` does. The library calls this; it learns that the connection is lost when it reads.

        An error here, while it closes, would keep it from reporting the loss.
        """
        with contextlib.suppress(OSError):
            await self.room()

    async def read(self, buffer_size: int) -> bytes:
        """Wait for bytes."""
        if self.before_reading is not None:
            await self.before_reading(self._waiting_bytes())
        return await self._reader.read(buffer_size)

    async def readline(self) -> bytes:
        """Wait for a line."""
        return await self._reader.readline()

    def at_eof(self) -> bool:
        """Whether nothing more will come."""
        return self._reader.at_eof()

    def close(self) -> None:
        """Cut the connection, and discard what has not been sent."""
        self._writer.transport.abort()

    async def wait_closed(self) -> None:
        """Wait until it is gone."""
        if self._is_handed_over:
            return
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def _waiting_bytes(self) -> int:
        sock: socket.socket | None = self._writer.get_extra_info("socket")
        answer = bytearray(4)
        try:
            fcntl.ioctl(-1 if sock is None else sock.fileno(), termios.FIONREAD, answer)
        except (OSError, ValueError):  # the connection is gone
            return 0
        return int.from_bytes(answer, sys.byteorder)

    def _check(self) -> None:
        if self._must_encrypt and not self._is_encrypted:
            raise ConnectionError(
                "the server does not encrypt: set tls in nats-server.conf, or use nats:// and no tls_ca"
            )
