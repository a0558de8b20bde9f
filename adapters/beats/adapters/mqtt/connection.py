"""One connection to an MQTT broker."""

import asyncio
import logging
import math
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import socket
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import anyio

from beats.kit.sockets import connected_socket

if TYPE_CHECKING:  # the package comes with an extra
    from aiomqtt import Client

_CLOSE_S: Final = 0.5
"""How long the broker may take to hear that the connection is closed."""
_THREAD_S: Final = 0.1
"""Longer than the library's thread takes, which only prepares its first packet."""
_REASON_S: Final = 0.1
"""How long after a failed call the library takes to tell why the connection was lost."""
_REFUSALS: Final = ("user name", "authori")
"""Parts of the reasons for which a broker refuses a login, by any version of the protocol."""

OnMessage = Callable[[str, bytes, bool], object]
"""Takes the topic of a message, its payload, and whether the broker had kept (retained) it."""

_library: Final = logging.getLogger(f"{__name__}.library")
_library.setLevel(logging.CRITICAL)  # the caller logs what happens to connections, and each of them once


class Login(NamedTuple):
    """Where to connect, and how to log in."""

    host: str
    port: int
    client_id: str
    status_topic: str | None = None
    """Gets `online` now, and `offline` at the end: by the broker, if the connection was lost (last will)."""
    user: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    keepalive_s: int = 10
    timeout_s: float = 5.0


class MqttConnection:
    """Never reconnects; the owner opens a new connection."""

    def __init__(self, client: "Client", sock: socket, status_topic: str | None) -> None:
        self.lost: Final = anyio.Event()
        """Set once the connection cannot be used any more."""
        self.why = ""
        """Why the connection was lost."""
        self._client: Final = client
        self._status_topic: Final = status_topic
        self._is_closing = False
        self._socket: Final = sock
        self._watch: Final = asyncio.create_task(self._until_lost())

    async def watch_status(self, topic: str) -> None:
        """Say `online` again whenever another client says `offline`; a broker may forbid to read it."""
        from aiomqtt import MqttError

        with suppress(MqttError):
            await self._client.subscribe(topic)

    async def publish(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Publish a message that the broker keeps for those who subscribe later.

        Returns when it is written or, with a QoS above 0, confirmed by the broker; never, when the connection
        is lost: wait for `lost` as well.
        """
        from aiomqtt import MqttError

        try:
            await self._client.publish(topic, payload, qos, retain=True, timeout=math.inf)
        except MqttError as error:
            await self._fail(error)

    async def subscribe(self, filters: Sequence[str], qos: int) -> list[str]:
        """Ask for the messages of topics; returns the filters that the broker refuses.

        The messages that it has kept come first. Never returns if the connection is lost: wait for `lost` as
        well.

        Args:
            filters: topics, perhaps with wildcards.
            qos: the highest quality of service in which they may come.
        """
        from aiomqtt import MqttError

        try:
            codes: Any = await self._client.subscribe([(each, qos) for each in filters], timeout=math.inf)
        except MqttError as error:
            await self._fail(error)
            raise  # not reached
        return [each for each, code in zip(filters, codes, strict=True) if code.is_failure]

    async def close(self) -> None:
        """Say `offline`, unless the broker does not take it in time, and close the connection."""
        from aiomqtt import MqttError

        self._is_closing = True
        with anyio.CancelScope(shield=True):
            if not self.lost.is_set():
                with anyio.move_on_after(_CLOSE_S), suppress(MqttError):
                    if self._status_topic is not None:
                        await self.publish(self._status_topic, b"offline")
                    await self._client.__aexit__(None, None, None)
            await _release(self._client, self._socket)
            self._watch.cancel()
            await asyncio.wait((self._watch,))

    async def _until_lost(self) -> None:
        from aiomqtt import MqttError

        try:
            # What is subscribed to goes to `on_message` if there is one: this is the status.
            async for message in self._client.messages:
                if message.payload == b"offline" and self._status_topic is not None and not self._is_closing:
                    # From another stream that had the prefix, or the last will of an earlier connection.
                    await self.publish(self._status_topic, b"online")
        except MqttError as error:
            self._lose(str(error.__cause__ or error))

    async def _fail(self, error: Exception) -> None:
        """Lose the connection for the error of a call; never returns."""
        with anyio.move_on_after(_REASON_S):
            await self.lost.wait()  # which knows more than that there is no connection
        self._lose(str(error))
        await anyio.sleep_forever()

    def _lose(self, why: str) -> None:
        if not self.lost.is_set():
            why = why.partition("] ")[2] or why  # without the library's number
            self.why = "it was closed" if why == "Unspecified error" else why
            self.lost.set()


async def connect(login: Login, on_message: OnMessage | None = None) -> MqttConnection:
    """Open a connection, and say that the stream is `online` if there is a topic for its status.

    What is subscribed to later goes to `on_message`, as it comes.

    Raises:
        PermissionError: the broker refuses the login.
        OSError: nothing answers, or no MQTT broker.
    """
    sock = await _opened(login)
    client = _client(login, sock, on_message)
    entering = asyncio.ensure_future(client.__aenter__())
    connection: MqttConnection | None = None
    try:
        await asyncio.wait((entering,))
        _check(entering.exception())
        connection = MqttConnection(client, sock, login.status_topic)
        if login.status_topic is not None:
            with anyio.fail_after(login.timeout_s):
                await connection.publish(login.status_topic, b"online")
                await connection.watch_status(login.status_topic)
    except BaseException as error:
        if connection is not None:
            await connection.close()
        else:
            with anyio.CancelScope(shield=True):
                # Cancelled while its thread runs, the client would leave its callbacks in the event loop.
                await asyncio.wait((entering,), timeout=_THREAD_S)
                entering.cancel()
                await asyncio.wait((entering,))
                await _release(client, sock)
        if isinstance(error, TimeoutError):
            raise TimeoutError(f"no answer within {login.timeout_s:g} s") from error
        raise
    return connection


async def _opened(login: Login) -> socket:
    """A connected socket, encrypted if told so.

    The library would connect in a thread that cannot be cancelled.
    """
    plain = await connected_socket(login.host, login.port, login.timeout_s)
    if login.tls is None:
        return plain
    sock: socket = plain
    try:
        sock = login.tls.wrap_socket(plain, server_hostname=login.host, do_handshake_on_connect=False)
        with anyio.fail_after(login.timeout_s):
            await _shake_hands(sock)
    except BaseException as error:
        sock.close()
        if isinstance(error, TimeoutError):
            raise TimeoutError(f"no answer within {login.timeout_s:g} s") from error
        raise
    return sock


async def _shake_hands(sock: ssl.SSLSocket) -> None:
    while True:
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            await anyio.wait_readable(sock)
        except ssl.SSLWantWriteError:
            await anyio.wait_writable(sock)
        else:
            return


def _client(login: Login, sock: socket, on_message: OnMessage | None) -> "Client":
    from aiomqtt import Client, MqttError, Will

    will = None if login.status_topic is None else Will(login.status_topic, b"offline", qos=1, retain=True)

    client = Client(
        login.host,
        login.port,
        username=login.user,
        password=login.password,
        identifier=login.client_id,
        keepalive=login.keepalive_s,
        timeout=login.timeout_s,
        logger=_library,
        will=will,
        max_queued_incoming_messages=1,
    )
    client.pending_calls_threshold = 1_000_000  # its warning is about programs that forget to wait
    paho: Any = client._client  # pyright: ignore[reportPrivateUsage]
    # There is no other way to give it a socket.
    paho._create_socket = lambda: sock
    if on_message is not None:
        # The library's own queue keeps the oldest when it is full.
        def take(_client: object, _data: object, message: Any) -> None:
            on_message(message._topic.decode(errors="replace"), message.payload, message.retain)

        paho.on_message = take
    loop = asyncio.get_running_loop()

    def lose(*arguments: Any) -> None:
        accepted = client._connected  # pyright: ignore[reportPrivateUsage]
        if accepted.done():
            client._on_disconnect(*arguments)  # pyright: ignore[reportPrivateUsage]
        else:  # the library would wait for an answer until its time is over
            accepted.set_exception(MqttError("it closed the connection without an answer"))
            accepted.exception()  # else asyncio logs it as never retrieved, if the attempt is cancelled now

    paho.on_disconnect = lose

    def write_soon(*_: object) -> None:
        loop.call_soon_threadsafe(add_writer)

    def add_writer() -> None:
        # The library would add the socket's number. It may have closed that socket by now, and the number may
        # belong to another one.
        if sock.fileno() >= 0:
            loop.add_writer(sock, paho.loop_write)

    paho.on_socket_register_write = write_soon
    return client


async def _release(client: "Client", sock: socket) -> None:
    """Take the socket out of the event loop and close it: the library leaves it there after some failures."""
    await asyncio.sleep(0)  # what the library has scheduled for this socket must not find another one
    client._client._sock_close()  # pyright: ignore[reportPrivateUsage]
    sock.close()


def _check(error: BaseException | None) -> None:
    """Raise the error of an attempt as one of the operating system's.

    Raises:
        PermissionError, OSError: as `connect`.
    """
    from aiomqtt import MqttError
    from aiomqtt.exceptions import MqttConnectError

    if isinstance(error, MqttConnectError):
        why = str(error.rc)
        if any(part in why.lower() for part in _REFUSALS):
            raise PermissionError(f"it refuses the login ({why}): set user and password") from error
        raise ConnectionError(f"it refuses the connection ({why})") from error
    if isinstance(error, MqttError):
        if "timed out" in str(error):
            raise TimeoutError from error
        raise ConnectionError(str(error)) from error
    if error is not None:
        raise error
