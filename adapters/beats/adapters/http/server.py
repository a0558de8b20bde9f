"""Runs the server: opens the sockets, keeps the certificate fresh, and closes every connection at the end."""

import logging
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import anyio
from websockets.asyncio.server import Server, ServerConnection, serve

from beats.adapters.http.admission import Admission
from beats.adapters.http.connection import HttpConnection
from beats.adapters.http.limits import Handshakes
from beats.adapters.http.listener import Acceptor, listen
from beats.adapters.http.settings import ServerSettings
from beats.kit.addresses import is_wildcard
from beats.kit.certificates import load_pair
from beats.kit.descriptors import limits, raise_limit
from beats.kit.event_loop import asyncio_loop
from beats.kit.paths import stamp

log = logging.getLogger(__name__)

_library_log: Final = logging.getLogger("beats.adapters.http.library")
_CERTIFICATE_CHECK_S: Final = 2.0
"""How often the certificate's files are checked for changes."""


def _is_unusual(record: logging.LogRecord) -> bool:
    """The library logs each failed handshake with a traceback; a port scan must not fill the log."""
    failed_handshake = record.getMessage().startswith("opening handshake failed")
    return record.levelno >= logging.WARNING and not failed_handshake


_library_log.addFilter(_is_unusual)


class Certificate:
    """A certificate and its key, in files that another program renews."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._files: Final = (cert, key)
        self._context: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._seen: object = None

    def load(self) -> ssl.SSLContext:
        """Read the files.

        Raises:
            OSError: a file cannot be read, or is no certificate or key; says which.
        """
        seen = self._stamps()
        # Into a context that may fail first: a failure half-way must not spoil the one in use.
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *self._files)
        self._context.load_cert_chain(*self._files)
        self._seen = seen
        return self._context

    def refresh(self) -> bool:
        """Read the files if they have changed, and say whether that worked.

        If the new files cannot be used, the error is logged and the old certificate stays in use.
        """
        seen = self._stamps()
        if seen == self._seen:
            return False
        try:
            self.load()
        except OSError as error:
            self._seen = seen
            log.error("the new certificate cannot be read, the old one stays in use: %s", error)  # noqa: TRY400
            return False
        log.info("certificate %s reloaded", self._files[0])
        return True

    async def watch(self, interval_s: float) -> None:
        """Check the files regularly; new connections get the certificate that they hold then."""
        while True:
            await anyio.sleep(interval_s)
            self.refresh()

    def _stamps(self) -> object:
        return [stamp(path) for path in self._files]


async def _nothing_more(connection: ServerConnection) -> None:
    """A server without a stream has no handler: each request gets a plain answer."""


@asynccontextmanager
async def serving(
    settings: ServerSettings,
    admission: Admission[Any],
    everyone: set[HttpConnection],
    connection_type: Callable[..., HttpConnection] = HttpConnection,
    handler: Callable[[Any], Awaitable[None]] = _nothing_more,
    *,
    reuse_port: bool = False,
    send_buffer_bytes: int | None = None,
    **options: Any,
) -> AsyncGenerator[list[tuple[Any, ...]]]:
    """Serve until the block ends; gives the addresses listened on, as the sockets tell them.

    When the block ends by itself, viewers whose buffers are empty get a close frame with code 1001 and
    `close_timeout_s` to answer it. All others are cut off, and so is everyone after an error or a
    cancellation.

    Args:
        settings: where to listen, and the limits.
        admission: answers requests.
        everyone: gets all connections while they last.
        connection_type: makes a connection.
        handler: what to do with a client whose handshake was accepted.
        reuse_port: share the port with other processes.
        send_buffer_bytes: size of the operating system's buffer for each connection.
        options: further options of the library's server.

    Raises:
        OSError: the address cannot be listened on, or a file of the settings cannot be read.
        ValueError: a token file holds no token.
        RuntimeError: the event loop is not asyncio's, which the WebSocket library needs.
    """
    loop = asyncio_loop(f"the {settings.type} sink")
    admission.open()
    certificate = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        certificate = Certificate(settings.tls_cert, settings.tls_key)
        options["ssl"] = certificate.load()
    raise_limit()
    sockets = await listen(
        settings.host,
        settings.port,
        ("sinks", admission.name, "port"),
        reuse_port=reuse_port,
        send_buffer_bytes=send_buffer_bytes,
    )
    ended_well = False
    # Where few files may be open, handshakes leave most of them to viewers.
    handshakes = Handshakes(min(settings.max_handshakes, limits()[0] // 4), loop.time)
    make = partial(connection_type, everyone, handshakes, settings.max_header_bytes)
    acceptor = Acceptor(sockets, handshakes, admission.descriptors, settings.handshake_timeout_s)
    server: Server | None = None
    try:
        with acceptor.in_place_of_create_server():
            server = await serve(
                handler,
                compression=None,  # a PNG does not compress; 7 ms for each 200 kB and viewer otherwise
                process_request=admission.answer,
                server_header="Beats",
                create_connection=cast("Any", make),
                open_timeout=settings.handshake_timeout_s,
                close_timeout=settings.close_timeout_s,
                logger=_library_log,
                **options,
            )
        acceptor.resume()
        async with anyio.create_task_group() as group:
            if certificate is not None:
                group.start_soon(certificate.watch, _CERTIFICATE_CHECK_S)
            listening = [sock.getsockname() for sock in sockets]
            _announce(admission, listening)
            yield listening
            group.cancel_scope.cancel()
        ended_well = True
    finally:
        acceptor.close()
        with anyio.CancelScope(shield=True):  # bounded: by close_timeout_s, or at once
            for connection in tuple(everyone):
                if not (ended_well and connection.drained):
                    connection.abort()
            handshakes.limit(0)
            if server is not None:
                server.close(close_connections=ended_well)
                await server.wait_closed()
        for sock in sockets:
            sock.close()


def _announce(admission: Admission[Any], listening: list[tuple[Any, ...]]) -> None:
    where = ", ".join(f"{name[0]} port {name[1]}" for name in listening)
    log.info("sink %r: listening on %s", admission.name, where)
    if any(is_wildcard(name[0]) for name in listening) and not admission.locked:
        log.warning(
            "sink %r: anyone who can reach this machine can %s: set sinks.%s.token, or host",
            admission.name,
            admission.settings.purpose,
            admission.name,
        )
