"""Connects to an MQTT broker, and reconnects."""

import logging
import secrets
from importlib.util import find_spec
from typing import Final

import anyio

from beats.adapters.mqtt.connection import Login, MqttConnection, OnMessage, connect
from beats.adapters.mqtt.settings import MqttSettings
from beats.kernel.capabilities import authority
from beats.kernel.errors import MissingPackageError
from beats.kit.certificates import client_context
from beats.kit.event_loop import asyncio_loop
from beats.kit.extras import missing
from beats.kit.link_status import LinkStatus
from beats.kit.secrets import secret_of


class Broker:
    """Opens one connection after the other."""

    def __init__(
        self,
        settings: MqttSettings,
        who: str,
        logger: logging.Logger,
        *,
        status_topic: str | None = None,
        on_message: OnMessage | None = None,
    ) -> None:
        """Prepare.

        Args:
            settings: the broker, and how to log in.
            who: the sink or source, such as `sink 'home'`, for the log.
            logger: logs what happens to connections.
            status_topic: see `Login.status_topic`.
            on_message: called in the event loop with what comes; it must not raise.
        """
        self.link: Final = LinkStatus(who, settings.reconnect_max_s, logger)
        self._settings: Final = settings
        self._who: Final = who
        self._status_topic: Final = status_topic
        self._on_message: Final = on_message
        scheme = "mqtts" if settings.is_encrypted else "mqtt"
        self._url: Final = f"{scheme}://{authority(settings.host, settings.port)}"

    def open(self) -> Login:
        """Read the files that the settings name.

        Raises:
            OSError, ValueError: a file cannot be used; names it.
            MissingPackageError: a package is not installed.
            RuntimeError: the event loop is not asyncio's, which the library needs.
        """
        asyncio_loop(self._who)
        if find_spec("aiomqtt") is None:
            raise missing(self._who, "aiomqtt")
        settings = self._settings
        files = (settings.tls_ca, settings.tls_cert, settings.tls_key)
        return Login(
            settings.host,
            settings.port,
            settings.client_id or f"beats-{secrets.token_hex(8)}",
            self._status_topic,
            settings.user,
            secret_of("password", settings.password, settings.password_file),
            client_context(*files) if settings.is_encrypted else None,
            settings.keepalive_s,
            settings.connect_timeout_s,
        )

    async def connect(self, ended: anyio.Event | None = None) -> MqttConnection | None:
        """The next connection, however long that takes; None once `ended` is set and the broker is not there.

        Reads the files of the settings each time, so that a changed password needs no restart.
        """
        while True:
            refused = False
            try:
                connection = await connect(self.open(), self._on_message)
            except (OSError, ValueError, MissingPackageError) as error:
                self.link.failed(self._url, error)
                refused = isinstance(error, PermissionError)
            else:
                self.link.connected(self._url)
                return connection
            await self.link.pause(refused=refused, ended=ended)
            if ended is not None and ended.is_set():
                return None

    def lose(self, connection: MqttConnection) -> None:
        """Log that a connection was lost."""
        self.link.lost(self._url, connection.why)
