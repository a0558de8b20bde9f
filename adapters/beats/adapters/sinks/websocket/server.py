"""Opens the listening sockets and closes every connection, whatever state it is in."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, cast

import anyio
from websockets.asyncio.server import Server, ServerConnection, serve

from beats.adapters.sinks.websocket.accepting import Acceptor
from beats.adapters.sinks.websocket.admission import Admission
from beats.adapters.sinks.websocket.connection import StreamConnection
from beats.adapters.sinks.websocket.handshakes import Handshakes
from beats.adapters.sinks.websocket.listen import BACKLOG, listen
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.adapters.sinks.websocket.tls import Certificate
from beats.kit.descriptors import limits, raise_limit

_library_log: Final = logging.getLogger("beats.adapters.sinks.websocket.library")
_CERTIFICATE_LOOK_S: Final = 2.0
"""How often the certificate's files are looked at."""


def _not_everyday(record: logging.LogRecord) -> bool:
    """The library reports each failed handshake with a traceback; a port scan must not fill the log."""
    failed_handshake = record.getMessage().startswith("opening handshake failed")
    return record.levelno >= logging.WARNING and not failed_handshake


_library_log.addFilter(_not_everyday)


@asynccontextmanager
async def serving(
    settings: WebSocketSettings,
    admission: Admission,
    handler: Callable[[StreamConnection], Awaitable[None]],
    everyone: set[StreamConnection],
) -> AsyncGenerator[list[tuple[Any, ...]]]:
    """Serve until the block ends; gives the addresses listened on, as the sockets tell them.

    When the block ends by itself, viewers whose buffers are empty get a close frame with code 1001 and
    `close_timeout_s` to answer it; everyone else, and everyone after an error or a cancellation, is cut off.

    Raises:
        OSError: the address cannot be listened on, or a file of the settings cannot be read.
    """
    admission.open()
    certificate = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        certificate = Certificate(settings.tls_cert, settings.tls_key)
    encryption: dict[str, Any] = {} if certificate is None else {"ssl": certificate.load()}
    raise_limit()
    sockets = await listen(
        settings.host,
        settings.port,
        reuse_port=settings.reuse_port,
        send_buffer_bytes=settings.send_buffer_bytes,
    )
    servers: list[Server] = []
    ended_well = False
    loop = asyncio.get_running_loop()
    # Where few files may be open, handshakes leave most of them to viewers.
    handshakes = Handshakes(min(settings.max_handshakes, limits()[0] // 4), loop.time)
    connection_type = partial(
        StreamConnection,
        everyone,
        handshakes,
        settings.max_header_bytes,
        admission.allowance,
        admission.leave,
    )
    acceptor = Acceptor(sockets, handshakes, admission.descriptors, settings.handshake_timeout_s)
    # Another event loop (uvloop) can only accept by itself: there, connections count when they are made.
    accepts_itself = not isinstance(loop, asyncio.SelectorEventLoop)
    try:
        for sock in sockets if accepts_itself else [acceptor.feed]:
            server = await serve(
                cast("Callable[[ServerConnection], Awaitable[None]]", handler),
                sock=sock,
                backlog=BACKLOG,
                compression=None,  # a PNG does not compress; 7 ms for each 200 kB and viewer otherwise
                process_request=admission.answer,
                server_header="Beats",
                create_connection=cast("Any", connection_type),
                write_limit=(1, 0),  # see Client; 0 would pause an empty TLS buffer
                max_size=settings.max_message_bytes,
                open_timeout=settings.handshake_timeout_s,
                close_timeout=settings.close_timeout_s,
                ping_interval=settings.ping_interval_s,
                ping_timeout=settings.ping_timeout_s,
                logger=_library_log,
                **encryption,
            )
            servers.append(server)
        if not accepts_itself:
            acceptor.resume()
        async with anyio.create_task_group() as group:
            if certificate is not None:
                group.start_soon(certificate.watch, _CERTIFICATE_LOOK_S)
            yield [sock.getsockname() for sock in sockets]
            group.cancel_scope.cancel()
        ended_well = True
    finally:
        acceptor.close()
        with anyio.CancelScope(shield=True):  # bounded: by close_timeout_s, or at once
            for connection in tuple(everyone):
                if not (ended_well and connection.drained):
                    connection.abort()
            handshakes.limit(0)
            for server in servers:
                server.close(close_connections=ended_well)
            for server in servers:
                await server.wait_closed()
        for sock in (acceptor.feed, *sockets):
            sock.close()
