"""Messages between the processes of a run, one JSON object a line, over a pair of sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final, Self, cast

MOST_BYTES: Final = 256 * 1024 * 1024
"""Longest line: the counters of a few hundred thousand clients."""
_MOST_WAITING_BYTES: Final = 8 * 1024 * 1024
"""What may wait to be sent before commands of clients are given up: the other side is stuck."""

Message = Mapping[str, Any]


class Link:
    """One end. Lives in an event loop of asyncio."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use `over`."""
        self._reader: Final = reader
        self._writer: Final = writer

    @classmethod
    async def over(cls, sock: socket.socket) -> Self:
        """A link over one of a pair of sockets, which it then owns."""
        sock.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=sock, limit=MOST_BYTES))

    def send(self, kind: str, **content: object) -> bool:
        """Send a message soon, without waiting; False when the other side is gone, or takes nothing."""
        transport = self._writer.transport
        if transport.is_closing() or transport.get_write_buffer_size() > _MOST_WAITING_BYTES:
            return False
        self._writer.write(json.dumps({"kind": kind, **content}).encode() + b"\n")
        return True

    async def messages(self) -> AsyncGenerator[Message]:
        """What the other side sends, until it is gone."""
        while True:
            try:
                line = await self._reader.readuntil()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            yield cast("Message", json.loads(line))

    async def flush(self) -> None:
        """Wait until what was sent has left this process, or the other side is gone."""
        try:
            await self._writer.drain()
        except ConnectionError:
            return

    def close(self) -> None:
        """Hang up; what was sent before still goes."""
        self._writer.close()
