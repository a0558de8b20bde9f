"""Opens the listening sockets and closes every connection, whatever state it is in."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, cast

import anyio
from websockets.asyncio.server import Server, ServerConnection, serve

from beats.adapters.sinks.websocket.connection import StreamConnection
from beats.adapters.sinks.websocket.listen import BACKLOG, listen
from beats.adapters.sinks.websocket.settings import WebSocketSettings

_library_log: Final = logging.getLogger("beats.adapters.sinks.websocket.library")


def _not_everyday(record: logging.LogRecord) -> bool:
    """The library reports each failed handshake with a traceback; a port scan must not fill the log."""
    return record.levelno >= logging.WARNING and not record.getMessage().startswith(
        "opening handshake failed"
    )


_library_log.addFilter(_not_everyday)


@asynccontextmanager
async def serving(
    settings: WebSocketSettings,
    handler: Callable[[StreamConnection], Awaitable[None]],
    everyone: set[StreamConnection],
) -> AsyncGenerator[int]:
    """Serve until the block ends; gives the port.

    When the block ends by itself, viewers whose buffers are empty get a close frame with code 1001 and
    `close_timeout_s` to answer it; everyone else, and everyone after an error or a cancellation, is cut off.

    Raises:
        OSError: the address cannot be listened on.
    """
    sockets = await listen(settings.host, settings.port)
    port: int = sockets[0].getsockname()[1]
    servers: list[Server] = []
    ended_well = False
    try:
        for sock in sockets:
            server = await serve(
                cast("Callable[[ServerConnection], Awaitable[None]]", handler),
                sock=sock,
                backlog=BACKLOG,
                compression=None,  # a PNG does not compress; 7 ms for each 200 kB and viewer otherwise
                create_connection=cast("Any", partial(StreamConnection, everyone)),
                write_limit=(0, 0),  # see Client
                max_size=settings.max_message_bytes,
                close_timeout=settings.close_timeout_s,
                logger=_library_log,
            )
            servers.append(server)
        yield port
        ended_well = True
    finally:
        with anyio.CancelScope(shield=True):  # bounded: by close_timeout_s, or at once
            for connection in tuple(everyone):
                if not (ended_well and connection.drained):
                    connection.abort()
            for server in servers:
                server.close(close_connections=ended_well)
            for server in servers:
                await server.wait_closed()
        for sock in sockets:
            sock.close()
