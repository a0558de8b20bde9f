"""The WebSocket source: watches another Beats, and puts what it sees on this machine's bus."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from beats.adapters.nats.encryption import client_context
from beats.adapters.nats.forwarder import Forwarder
from beats.adapters.nats.link_status import LinkStatus
from beats.adapters.nats.sockets import connected_socket
from beats.adapters.sources.websocket.settings import WebSocketSourceSettings
from beats.kernel.envelope import KINDS, Frame, Kind, Sealed, topic_of
from beats.kernel.ports import Context, Publish
from beats.kit.secrets import secret_of
from beats.kit.throttled_log import ThrottledLog
from beats.proto.codec import OPEN_CODEC

log = logging.getLogger(__name__)

_CLOSE_S: Final = 1.0
_READ_AHEAD: Final = 16
"""Messages that the library reads before they are asked for, which is at once."""


class WebSocketSource:
    """A viewer like any other: it gets the state first and then the stream, each time it connects."""

    def __init__(self, settings: WebSocketSourceSettings, context: Context) -> None:
        self._settings: Final = settings
        who = f"source {context.name!r}"
        self._reports: Final = ThrottledLog(log, who)
        self._contact: Final = LinkStatus(who, settings.reconnect_max_s, log)
        self._forwarder: Final = Forwarder[Sealed](
            context.name,
            settings.queue,
            context.clock,
            self._reports,
            lambda sealed: sealed,
            is_thinned=settings.max_fps is not None,
        )

    def metrics(self) -> Mapping[str, float]:
        """How well it hears the other Beats."""
        return {
            "connected": float(self._contact.is_connected),
            "reconnects_total": float(self._contact.reconnects),
            "missed_total": float(self._forwarder.missed),
            "repeated_total": float(self._forwarder.repeated),
            "dropped_total": float(self._forwarder.stats().dropped.items),
            "unreadable_total": float(self._reports.counts["unreadable messages"]),
        }

    async def run(self, publish: Publish) -> None:
        """Watch for ever.

        Raises:
            OSError, ValueError: a file of the settings cannot be used.
            ConnectionError: what is put on the bus here comes back.
            RuntimeError: the event loop is not asyncio's.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError as error:
            raise RuntimeError("the websocket source runs on asyncio only: use that back end") from error
        self._headers()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._forwarder.run, publish)
                while True:
                    turned_away = await self._watch()
                    await self._contact.pause(turned_away=turned_away)
        finally:
            self._reports.summarise()

    async def _watch(self) -> bool:
        """Watch as long as it goes; whether we were not let in."""
        url = self._settings.url
        try:
            async with self._connection() as connection:
                self._contact.made(url)
                self._forwarder.numbering.reconnected()
                try:
                    async for message in connection:
                        self._saw(message)
                        await self._forwarder.make_way()
                finally:
                    self._contact.is_connected = False
                self._contact.lost(url, "it was closed")
        except ConnectionClosed as error:
            self._contact.lost(url, str(error))
        except InvalidStatus as error:
            self._contact.failed(url, PermissionError(_why_not(error)))
            return error.response.status_code < 500
        except (OSError, ValueError, WebSocketException) as error:
            self._contact.failed(url, error)
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
            "compression": None,  # 7 ms for each picture, which does not shrink
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
            connection.transport.abort()  # there is nothing that the other side has to be told
            with anyio.CancelScope(shield=True):
                await connection.wait_closed()

    def _query(self) -> str:
        settings = self._settings
        parameters: dict[str, str] = {}
        if set(settings.kinds) != set(KINDS):
            parameters["kinds"] = ",".join(settings.kinds)
        if settings.topics:
            parameters["topics"] = ",".join(settings.topics)
        if settings.max_fps is not None:
            parameters["max_fps"] = f"{settings.max_fps:g}"
        return f"?{urlencode(parameters)}" if parameters else ""

    def _headers(self) -> dict[str, str]:
        """Read anew each time: a token that was changed needs no restart."""
        token = secret_of("token", self._settings.token, self._settings.token_file)
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def _saw(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self._reports.add("unreadable messages", "text has come, and envelopes are bytes")
            return
        try:
            found = OPEN_CODEC.decode(message)
        except ValueError as error:
            self._reports.add("unreadable messages", str(error))
        else:
            kind: Kind = "frame" if isinstance(found.message, Frame) else "peripheral"
            self._forwarder.arrived(kind, topic_of(found.message), message, found)


def _why_not(error: InvalidStatus) -> str:
    """What the other Beats says, and what to do about it."""
    response = error.response
    said = " ".join(bytes(response.body or b"").decode(errors="replace").split())
    text = f"HTTP {response.status_code}: {said:.200}" if said else f"HTTP {response.status_code}"
    if response.status_code == 401:
        return f"{text} Set token, or token_file, to what its settings say."
    return text
