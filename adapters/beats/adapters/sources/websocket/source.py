"""The WebSocket source: watches another Beats server, and publishes its envelopes on this machine's bus."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from beats.adapters.nats.forwarder import Forwarder
from beats.adapters.sources.websocket.settings import WebSocketSourceSettings
from beats.kernel.envelope import KINDS, Sealed
from beats.kernel.ports import Context, Publish
from beats.kit.certificates import client_context
from beats.kit.event_loop import asyncio_loop
from beats.kit.link_status import LinkStatus
from beats.kit.secrets import secret_of
from beats.kit.sockets import connected_socket
from beats.kit.throttled_log import ThrottledLog
from beats.proto.codec import OPEN_CODEC

log = logging.getLogger(__name__)

_SIZES: Final = ("quality", "max_width")
_CLOSE_S: Final = 1.0
_READ_AHEAD: Final = 16
"""Messages that the library reads ahead."""


class WebSocketSource:
    """A viewer like any other: each time it connects, it gets the last values, then the stream."""

    def __init__(self, settings: WebSocketSourceSettings, context: Context) -> None:
        self._settings: Final = settings
        self._name: Final = context.name
        self._names_formats = True
        """Whether the other Beats knows the parameter `formats` and its like, as far as is known."""
        who = f"source {context.name!r}"
        self._reports: Final = ThrottledLog(log, who)
        self._link: Final = LinkStatus(who, settings.reconnect_max_s, log)
        self._forwarder: Final = Forwarder[Sealed](
            context.name,
            settings.queue,
            context.clock,
            self._reports,
            lambda sealed: sealed,
            is_thinned=settings.max_fps is not None,
        )

    def metrics(self) -> Mapping[str, float]:
        """The state of its connection, and what was missed or ignored."""
        return {
            "connected": float(self._link.is_connected),
            "reconnects_total": float(self._link.reconnects),
            **self._forwarder.metrics(),
        }

    async def run(self, publish: Publish) -> None:
        """Watch until cancelled.

        Raises:
            OSError, ValueError: a file of the settings cannot be used.
            ConnectionError: envelopes published here come back from the other server.
            RuntimeError: the event loop is not asyncio's.
        """
        asyncio_loop("the websocket source")
        self._headers()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._forwarder.run, publish)
                while True:
                    refused = await self._watch()
                    await self._link.pause(refused=refused)
        finally:
            self._reports.summarise()

    async def _watch(self) -> bool:
        """Watch until the connection is lost; whether the other server refused us."""
        url = self._settings.url
        try:
            async with self._connection() as connection:
                self._link.connected(url)
                self._forwarder.numbering.reconnected()
                try:
                    async for message in connection:
                        self._saw(message)
                        await self._forwarder.make_way()
                finally:
                    self._link.is_connected = False
                self._link.lost(url, "it was closed")
        except ConnectionClosed as error:
            self._link.lost(url, str(error))
        except InvalidStatus as error:
            if self._names_formats and _does_not_know_formats(error):
                self._names_formats = False
                log.info("source %r: the other Beats is older, and sends PNG only", self._name)
                return await self._watch()
            self._link.failed(url, PermissionError(_why_not(error)))
            return error.response.status_code < 500
        except (OSError, ValueError, WebSocketException) as error:
            self._link.failed(url, error)
        return False

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[ClientConnection]:
        settings = self._settings
        silence_s = settings.silence_timeout_s
        parts = urlsplit(settings.url)
        is_encrypted = parts.scheme == "wss"
        options: dict[str, Any] = {
            "additional_headers": self._headers(),
            "ssl": client_context(settings.tls_ca, None, None) if is_encrypted else None,
            "proxy": None,
            "compression": None,  # 7 ms for each picture, which does not compress
            "open_timeout": settings.open_timeout_s,
            "ping_interval": silence_s / 3,
            "ping_timeout": silence_s * 2 / 3,
            "close_timeout": _CLOSE_S,
            "max_size": settings.max_message_bytes,
            "max_queue": _READ_AHEAD,
        }
        port = parts.port or (443 if is_encrypted else 80)
        sock = await connected_socket(parts.hostname or "", port, settings.open_timeout_s)
        try:
            connection = await connect(settings.url + self._query(), sock=sock, **options)
        except BaseException:
            sock.close()
            raise
        try:
            yield connection
        finally:
            connection.transport.abort()  # the other side needs no close frame
            with anyio.CancelScope(shield=True):
                await connection.wait_closed()

    def _query(self) -> str:
        settings = self._settings
        parameters: dict[str, str] = {}
        if set(settings.kinds) != set(KINDS):
            parameters["kinds"] = ",".join(settings.kinds)
        # Without these it would get the main picture only, as PNG.
        parameters["topics"] = ",".join(settings.topics or ("*",))
        if "frame" in settings.kinds and self._names_formats:
            parameters["formats"] = ",".join(settings.formats)
            for name in _SIZES:
                if (value := getattr(settings, name)) is not None:
                    parameters[name] = str(value)
        if settings.max_fps is not None:
            parameters["max_fps"] = f"{settings.max_fps:g}"
        return f"?{urlencode(parameters)}"

    def _headers(self) -> dict[str, str]:
        """Reads the token file each time, so that a changed token needs no restart."""
        token = secret_of("token", self._settings.token, self._settings.token_file)
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def _saw(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self._reports.add("unreadable messages", "a text message came, but envelopes are binary messages")
            return
        try:
            found = OPEN_CODEC.decode(message)
        except ValueError as error:
            self._reports.add("unreadable messages", str(error))
        else:
            self._forwarder.arrived(found.kind, found.topic, message, found)


def _does_not_know_formats(error: InvalidStatus) -> bool:
    response = error.response
    said = bytes(response.body or b"").decode(errors="replace")
    unknown = any(f"unknown parameter '{name}'" in said for name in ("formats", *_SIZES))
    return response.status_code == 400 and unknown


def _why_not(error: InvalidStatus) -> str:
    """The other server's answer, and what to do about it."""
    response = error.response
    said = " ".join(bytes(response.body or b"").decode(errors="replace").split())
    text = f"HTTP {response.status_code}: {said:.200}" if said else f"HTTP {response.status_code}"
    if response.status_code == 401:
        return f"{text} Set token, or token_file, to what its settings say."
    return text
