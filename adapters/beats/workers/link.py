"""Messages between the processes of a run: one JSON object per line, over a socket pair."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final, Self, cast

MOST_BYTES: Final = 256 * 1024 * 1024
"""Longest line: enough for the counters of a few hundred thousand clients."""
_MOST_WAITING_BYTES: Final = 8 * 1024 * 1024
"""Unsent bytes beyond which messages are dropped, as the other side is stuck."""

Message = Mapping[str, Any]


class Link:
    """One end of a socket pair, in an asyncio event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use `over`."""
        self._reader: Final = reader
        self._writer: Final = writer

    @classmethod
    async def over(cls, sock: socket.socket) -> Self:
        """A link over one end of a socket pair; takes ownership of the socket."""
        sock.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=sock, limit=MOST_BYTES))

    def send(self, kind: str, **content: object) -> bool:
        """Send a message without waiting; False when it is dropped, as the other side is gone or stuck."""
        transport = self._writer.transport
        if transport.is_closing() or transport.get_write_buffer_size() > _MOST_WAITING_BYTES:
            return False
        self._writer.write(json.dumps({"kind": kind, **content}).encode() + b"\n")
        return True

    async def messages(self) -> AsyncGenerator[Message]:
        """The messages of the other side, until it is gone."""
        while True:
            try:
                line = await self._reader.readuntil()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            yield cast("Message", json.loads(line))

    async def flush(self) -> None:
        """Wait until all messages have left this process, or the other side is gone."""
        try:
            await self._writer.drain()
        except ConnectionError:
            return

    def close(self) -> None:
        """Close the link; messages sent before are still delivered."""
        self._writer.close()
