"""One connection to one NATS server."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import anyio

from beats.adapters.nats.servers import Server
from beats.adapters.nats.transport import Transport

if TYPE_CHECKING:  # the package comes with an extra
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

log = logging.getLogger(__name__)

OnMessage = Callable[["Msg"], Awaitable[None]]

_PENDING_MESSAGES: Final = 65_536
_PENDING_BYTES: Final = 256 * 1024 * 1024
"""Limits of what the library holds for one subscription. It drops the newest beyond them, but never reaches
them: what it reads at once, some hundred kilobytes, it also passes on at once."""
_CLOSE_S: Final = 1.0


class Identity(NamedTuple):
    """How to log in, and timeouts."""

    name: str
    """The name in the server's list of clients."""
    user: str | None = None
    password: str | None = None
    token: str | None = None
    credentials: str | None = None
    """The content of a `.creds` file."""
    tls: SSLContext | None = None
    must_encrypt: bool = False
    connect_timeout_s: float = 2.0
    silence_timeout_s: float = 3.0


class NatsConnection:
    """Never reconnects; the owner opens a new connection, which begins empty.

    The library's own reconnection would first send what was published meanwhile, the oldest first, and leaves
    no moment to renew subscriptions and last values before that.
    """

    def __init__(self, client: "Client", transport: Transport, server: Server, identity: Identity) -> None:
        self.client: Final = client
        self.server: Final = server
        self.lost: Final = anyio.Event()
        """Set once the connection cannot be used any more."""
        self.why = ""
        """Why the connection was lost."""
        self.on_refusal: Callable[[str], None] = lambda text: None
        """Called with the server's message when it does not permit something."""
        self._pings: Final[set[asyncio.Task[None]]] = set()
        self._transport: Final = transport
        self._identity: Final = identity

    @property
    def others(self) -> list[tuple[str, int]]:
        """Hosts and ports of the other servers of the cluster."""
        urls = self.client.discovered_servers
        return [(url.hostname, url.port) for url in urls if url.hostname is not None and url.port is not None]

    def before_reading(self, lease: Callable[[int], Awaitable[object]]) -> None:
        """Await this before each read, with the number of bytes that wait to be read."""
        self._transport.before_reading = lease

    async def subscribe(self, subject: str, on_message: OnMessage) -> "Subscription":
        """Call `on_message`, which must not wait, with all messages of a subject, from soon on."""
        client: Any = self.client  # the library lacks some of the types
        subscription: Subscription = await client.subscribe(
            subject, cb=on_message, pending_msgs_limit=_PENDING_MESSAGES, pending_bytes_limit=_PENDING_BYTES
        )
        return subscription

    def write(self, pieces: Iterable[bytes]) -> None:
        """Send complete commands soon, past the library.

        The library needs a dictionary, a future and a task switch for each message. It also sends pings
        before earlier messages, so that their answers would not confirm those.
        """
        self._transport.writelines(pieces)

    async def drain(self) -> None:
        """Wait until there is room for more.

        Raises:
            OSError: the connection is lost.
        """
        await self._transport.room()

    async def answered(self) -> bool:
        """Ping the server and wait for its answer, which confirms everything written before.

        False when the connection is lost, or does not answer in time.
        """
        ping = asyncio.get_running_loop().create_task(self._ask())
        self._pings.add(ping)
        ping.add_done_callback(self._pings.discard)
        # A cancellation must not cancel the ping: the library's reader fails at an answer that nothing
        # awaits.
        await asyncio.wait((ping,))
        return not self.lost.is_set()

    async def _ask(self) -> None:
        from nats.errors import Error

        silence_s = self._identity.silence_timeout_s
        try:
            # The library's hint says int, and its code passes it on to asyncio.
            await self.client.flush(timeout=silence_s)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        except (Error, OSError) as error:
            self.cut(f"no answer for {silence_s:g} s" if isinstance(error, TimeoutError) else str(error))

    def cut(self, why: str) -> None:
        """Close the connection at once."""
        if not self.lost.is_set():
            self.why = self.why or why
            self.lost.set()
        self._transport.close()

    async def close(self) -> None:
        """Close the connection and release everything."""
        self.cut("closed")
        with anyio.move_on_after(_CLOSE_S, shield=True):
            await self.client.close()
            for ping in self._pings:
                ping.cancel()
            await asyncio.gather(*self._pings, return_exceptions=True)
            await self._transport.wait_closed()

    async def begin(self) -> None:
        """Log in.

        Raises:
            PermissionError: the server refuses the login.
            OSError: it does not answer as a NATS server does.
        """
        from nats.aio.client import RawCredentials
        from nats.errors import Error

        me, server = self._identity, self.server
        is_token = server.password is None
        options: dict[str, Any] = {
            "user": me.user or (None if is_token else server.user),
            "password": me.password or server.password,
            "token": me.token or (server.user if is_token else None),
            "user_credentials": None if me.credentials is None else RawCredentials(me.credentials),
            "tls": me.tls,
            "tls_hostname": server.tls_name or server.host,
        }
        try:
            await self.client.connect(
                [str(server)],
                name=me.name,
                allow_reconnect=False,
                connect_timeout=me.connect_timeout_s,  # type: ignore[arg-type]  # as above # pyright: ignore[reportArgumentType]
                ping_interval=24 * 3600,  # `answered` pings far more often
                error_cb=self._on_error,
                closed_cb=self._on_closed,
                **options,
            )
        except Error as error:
            text = str(error).removeprefix("nats: ")
            if "authoriz" in text.lower() or "authentication" in text.lower():
                raise PermissionError(
                    f"it refuses the login ({text}): set user and password, token or credentials_file"
                ) from error
            raise ConnectionError(text) from error
        except ValueError as error:  # a line without an end: another program's
            if isinstance(error, OSError):  # such as a wrong certificate
                raise
            raise ConnectionError("it is not a NATS server") from error
        if not self.client.is_connected:  # something came between our first ping and its answer
            raise ConnectionError("it did not answer as expected")

    async def _on_error(self, error: Exception) -> None:
        from nats.errors import Error

        text = str(error).removeprefix("nats: ")
        if "permissions violation" in text:
            self.on_refusal(text)
        elif isinstance(error, Error | OSError):
            self.why = self.why or text
        else:  # of a function that was given a message
            log.error("a message from %s could not be handled", self.server, exc_info=error)

    async def _on_closed(self) -> None:
        if not self.lost.is_set():
            self.why = str(self.client.last_error or self.why or "it was closed").removeprefix("nats: ")
            self.lost.set()


async def connect(server: Server, identity: Identity) -> NatsConnection:
    """Open a connection to a server.

    Raises:
        PermissionError: the server refuses the login.
        OSError: nothing answers, or no NATS server.
    """
    from nats.aio.client import Client

    connection: NatsConnection | None = None
    try:
        with anyio.fail_after(identity.connect_timeout_s):
            must_encrypt = server.encrypted or identity.must_encrypt
            timeout_s = identity.connect_timeout_s
            transport = await Transport.open(server.host, server.port, timeout_s, must_encrypt=must_encrypt)
            client = Client()
            # There is no other way to replace its transport.
            client._transport = transport  # type: ignore[assignment]  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
            connection = NatsConnection(client, transport, server, identity)
            await connection.begin()
    except BaseException as error:
        if connection is not None:
            await connection.close()
        if isinstance(error, TimeoutError):
            raise TimeoutError(f"no answer within {identity.connect_timeout_s:g} s") from error
        raise
    return connection


def credentials_in(file: Path) -> str:
    """The content of a `.creds` file.

    Raises:
        OSError: the file cannot be read; names it.
        ValueError: the file is not a `.creds` file; names it.
    """
    try:
        content = file.read_text()
    except OSError as error:
        raise OSError(
            error.errno, f"credentials_file {str(file)!r} cannot be read: {error.strerror}"
        ) from error
    except UnicodeDecodeError:
        content = ""
    # The library would search for these without an end.
    if "BEGIN NATS USER JWT" not in content or "BEGIN USER NKEY SEED" not in content:
        raise ValueError(f"credentials_file {str(file)!r} holds no JWT and seed of a user")
    return content
