"""Connects to a NATS server, and reconnects."""

import logging
import random
from importlib.util import find_spec
from typing import Final

import anyio

from beats.adapters.nats.connection import Identity, NatsConnection, connect, credentials_in
from beats.adapters.nats.servers import ServerPool, server
from beats.adapters.nats.settings import NatsSettings
from beats.kernel.errors import MissingPackageError
from beats.kit.certificates import client_context
from beats.kit.event_loop import asyncio_loop
from beats.kit.extras import missing
from beats.kit.link_status import LinkStatus
from beats.kit.secrets import secret_of


class Broker:
    """Opens one connection after the other."""

    def __init__(self, settings: NatsSettings, who: str, logger: logging.Logger) -> None:
        """Prepare.

        Args:
            settings: the servers, and how to log in.
            who: the sink or source, such as `sink 'relay'`, for the log.
            logger: logs what happens to connections.
        """
        self.link: Final = LinkStatus(who, settings.reconnect_max_s, logger)
        self._settings: Final = settings
        self._who: Final = who
        servers = [server(url) for url in settings.servers]
        random.shuffle(servers)  # so that a cluster shares the load
        self._pool: Final = ServerPool(servers)

    def open(self) -> Identity:
        """Read the files that the settings name.

        Raises:
            OSError, ValueError: a file cannot be used; names it.
            MissingPackageError: a package is not installed.
            RuntimeError: the event loop is not asyncio's, which the library needs.
        """
        asyncio_loop(self._who)
        settings = self._settings
        credentials = settings.credentials_file
        if find_spec("nats") is None:
            raise missing(self._who, "nats")
        if credentials is not None and find_spec("nkeys") is None:
            raise missing("credentials_file", "nkeys")
        files = (settings.tls_ca, settings.tls_cert, settings.tls_key)
        # Loading the operating system's certificates is slow, and most servers on a cable do not encrypt.
        tls = client_context(*files) if any(files) else None
        return Identity(
            f"beats {self._who}",
            settings.user,
            secret_of("password", settings.password, settings.password_file),
            secret_of("token", settings.token, settings.token_file),
            None if credentials is None else credentials_in(credentials),
            tls,
            must_encrypt=settings.tls_ca is not None,
            connect_timeout_s=settings.connect_timeout_s,
            silence_timeout_s=settings.silence_timeout_s,
        )

    async def connect(self, ended: anyio.Event | None = None) -> NatsConnection | None:
        """The next connection, however long that takes; None once `ended` is set and no server answers.

        Reads the files of the settings each time, so that a changed password needs no restart.
        """
        while True:
            refused = False
            for each in self._pool.round():
                try:
                    connection = await connect(each, self.open())
                except (OSError, ValueError, MissingPackageError) as error:
                    self.link.failed(str(each), error)
                    refused = refused or isinstance(error, PermissionError)
                else:
                    self._pool.reached(each, connection.others)
                    version = connection.client.connected_server_version
                    about = f"nats-server {version.major}.{version.minor}.{version.patch}"
                    self.link.connected(f"{each}, {about}")
                    return connection
            await self.link.pause(refused=refused, ended=ended)
            if ended is not None and ended.is_set():
                return None

    def lose(self, connection: NatsConnection) -> None:
        """Log that a connection was lost."""
        self.link.lost(str(connection.server), connection.why)
        self._pool.lost(connection.server)
