"""Listens on all addresses of a host, and accepts only as many connections as there is room for."""

import asyncio
import errno
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

from anyio import to_thread

from beats.adapters.http.limits import Handshakes
from beats.kit.addresses import Address, addresses, bind_all
from beats.kit.descriptors import Descriptors
from beats.kit.forks import close_in_children
from beats.kit.ports import refused

log = logging.getLogger(__name__)

BACKLOG: Final = 4096
NOTSENT_BYTES: Final = 16 * 1024
"""What the operating system may hold for a viewer beyond what is already in flight."""
LINGER_0: Final = struct.pack("ii", 1, 0)
"""For SO_LINGER: a connection that is closed ends with a reset, and leaves nothing queued."""
_ACCEPTED_AT_ONCE: Final = 32
_SERVED_AT_ONCE: Final = 8
"""How many the library gets before other tasks have their turn: each costs it half a millisecond."""
_FULL_PAUSE_S: Final = 0.005
_ERROR_PAUSE_S: Final = 1.0
"""How long to wait after an error of `accept`, as asyncio's own server does."""
_FEW: Final = 32
"""Most handshakes while descriptors are short: half of the reserve, to answer health checks with."""
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE}


async def listen(
    host: str,
    port: int,
    key: Sequence[str],
    *,
    reuse_port: bool = False,
    send_buffer_bytes: int | None = None,
) -> list[socket.socket]:
    """Listen on every address of `host`; with port 0, on one free port that all of them share.

    An address family that this machine lacks (IPv6 in many containers) is skipped as long as one address
    works. `key` is the setting of the port, such as `sinks`, `browser`, `port`.

    Raises:
        OSError: no address can be listened on; says which, why, and what to do.
    """
    found = await _resolve(host)
    options = [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    # Accepted connections inherit these. A frame must not wait for the last one's acknowledgement. And the
    # operating system would buffer megabytes for a viewer that has stopped reading, out of reach of its
    # queue's strategy, and hide for many seconds that it has (Linux and macOS know the option).
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        options.append((socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_BYTES))
    if send_buffer_bytes is not None:
        options.append((socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes))
    if reuse_port:
        options.append((socket.SOL_SOCKET, socket.SO_REUSEPORT, 1))
    try:
        return bind_all(found, port, partial(_listen_one, options))
    except OSError as error:
        raise refused(error, key, host, port) from error


async def _resolve(host: str) -> list[Address]:
    try:
        return await to_thread.run_sync(addresses, host, abandon_on_cancel=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"host {host!r} has no address ({error.strerror}): give a name or address of this machine",
        ) from error


def _listen_one(
    options: list[tuple[int, int, int]], family: socket.AddressFamily, address: str, port: int
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        for level, option, value in options:
            sock.setsockopt(level, option, value)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind((address, port))
        sock.listen(BACKLOG)
        close_in_children(sock)
    except BaseException:
        sock.close()
        raise
    return sock


class AcceptedSocket(socket.socket):
    """Reports when it is closed: nothing else reports a connection that fails before it begins (TLS)."""

    def __init__(self, accepted: socket.socket, on_close: Callable[[int], None]) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self._on_close: Final = on_close

    def close(self) -> None:
        """Close it."""
        if self.fileno() >= 0:
            self._on_close(self.fileno())
        super().close()

    def detach(self) -> int:
        """Leave the descriptor to the caller, which closes it, as uvloop does."""
        if self.fileno() >= 0:
            self._on_close(self.fileno())
        return super().detach()

    def end(self) -> None:
        """End the connection with a reset; code that uses it sees that the other side has left."""
        with suppress(OSError):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
            self.shutdown(socket.SHUT_RDWR)


class Acceptor:
    """Accepts connections in place of the event loop, which gets each one when its first bytes have come.

    A connection counts as a handshake from here on, before any of it is read, and costs no more than its
    socket until then. When there is no room, new connections wait in the operating system's queue.
    """

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        handshakes: Handshakes,
        descriptors: Descriptors,
        timeout_s: float,
    ) -> None:
        """Prepare; nothing is accepted yet.

        Args:
            sockets: the listening sockets.
            handshakes: counts connections until they are let in.
            descriptors: tells when there are too few.
            timeout_s: how long the first bytes of a connection may take.
        """
        self.sockets: Final = tuple(sockets)
        """The sockets that connections are accepted from."""
        self._handshakes: Final = handshakes
        self._most: Final = handshakes.most
        self._few: Final = min(_FEW, handshakes.most)
        self._descriptors: Final = descriptors
        self._timeout_s: Final = timeout_s
        self._loop: Final = asyncio.get_running_loop()
        self._silent: Final[dict[AcceptedSocket, asyncio.TimerHandle]] = {}
        """Connections that have sent nothing yet, with the timers that end them."""
        self._spoken: Final[deque[tuple[AcceptedSocket, Any]]] = deque()
        """Connections whose first bytes have come, and their addresses."""
        self._connect: Callable[[AcceptedSocket], Coroutine[Any, Any, object]] | None = None
        self._connecting: Final[set[asyncio.Task[object]]] = set()
        self._closed = False
        self._pause: asyncio.TimerHandle | None = None

    @contextmanager
    def in_place_of_create_server(self) -> Generator[None]:
        """Let a library that calls `create_server` in this block serve what is accepted here.

        Without a pause in the block, so that no other task gets this instead of a server. The library has no
        other way to take accepted connections, and not every event loop (uvloop) asks a socket to accept.
        """

        async def create_server(
            factory: Callable[[], asyncio.Protocol], *_: object, **options: Any
        ) -> Acceptor:
            encryption = {name: value for name, value in options.items() if name.startswith("ssl")}
            self._connect = partial(self._loop.connect_accepted_socket, factory, **encryption)
            return self

        vars(self._loop)["create_server"] = create_server
        try:
            yield
        finally:
            del vars(self._loop)["create_server"]

    def is_serving(self) -> bool:
        """Whether it has not been closed; the library refuses handshakes from then on."""
        return not self._closed

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop, as from `asyncio.Server.get_loop`."""
        return self._loop

    async def wait_closed(self) -> None:
        """Wait until no connection is between here and its protocol."""
        if self._connecting:
            await asyncio.wait(self._connecting)

    def resume(self) -> None:
        """Accept the connections that wait now, and new ones as they come."""
        self._pause = None
        for listening in self.sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def close(self) -> None:
        """Accept nothing more, and end what the library has not got yet."""
        self._closed = True
        self._stop()
        for connection in tuple(self._silent):
            self._drop(connection)
        while self._spoken:
            self._spoken.popleft()[0].close()
        for task in self._connecting:
            task.cancel()

    def _stop(self) -> None:
        for listening in self.sockets:
            self._loop.remove_reader(listening)
        if self._pause is not None:
            self._pause.cancel()

    def _wait(self, seconds: float) -> None:
        """Stop watching the sockets for a while: they would stay readable, and wake the loop without end."""
        self._stop()
        self._pause = self._loop.call_later(seconds, self.resume)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            if not self._handshakes.has_room():
                self._wait(_FULL_PAUSE_S)
                return
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return  # it has left
            except OSError as error:
                self._report(error)
                self._wait(_ERROR_PAUSE_S)
                return
            self._hold(AcceptedSocket(accepted, self._handshakes.remove), address)

    def _report(self, error: OSError) -> None:
        if error.errno in _EXHAUSTED:
            self._descriptors.warn()
            self._handshakes.limit(self._few)
        else:
            log.warning("no connection can be accepted, trying again in %g s: %s", _ERROR_PAUSE_S, error)

    def _hold(self, connection: AcceptedSocket, address: Any) -> None:
        connection.setblocking(False)
        is_short = self._descriptors.are_short(connection.fileno())
        self._handshakes.limit(self._few if is_short else self._most)
        self._silent[connection] = self._loop.call_later(self._timeout_s, self._drop, connection)
        self._loop.add_reader(connection, self._pass_on, connection, address)
        self._idle(connection, address, lambda: self._reset(connection))

    def _pass_on(self, connection: AcceptedSocket, address: Any) -> None:
        """The first bytes have come; the library reads them."""
        self._forget(connection)
        self._handshakes.busy(connection.fileno())
        if not self._spoken:
            self._loop.call_soon(self._serve)
        self._spoken.append((connection, address))

    def _serve(self) -> None:
        """Give the next few connections to the library, which may have to wait for more bytes of each."""
        assert self._connect is not None, "the library has called create_server"
        for _ in range(min(_SERVED_AT_ONCE, len(self._spoken))):
            connection, address = self._spoken.popleft()
            self._idle(connection, address, connection.end)
            task = self._loop.create_task(self._connect(connection))
            self._connecting.add(task)
            task.add_done_callback(partial(self._passed, connection))
        if self._spoken:
            self._loop.call_soon(self._serve)

    def _passed(self, connection: AcceptedSocket, task: asyncio.Task[object]) -> None:
        """The library has it, or it failed: it has left, its encryption failed, or the server ends."""
        self._connecting.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, OSError):
            log.error("a connection cannot be served", exc_info=error)
        if error is not None or task.cancelled():
            connection.close()

    def _idle(self, connection: AcceptedSocket, address: Any, end: Callable[[], object]) -> None:
        self._handshakes.idle(connection.fileno(), str(address[0]), end)

    def _reset(self, connection: AcceptedSocket) -> None:
        connection.end()
        self._drop(connection)

    def _drop(self, connection: AcceptedSocket) -> None:
        self._forget(connection)
        connection.close()

    def _forget(self, connection: AcceptedSocket) -> None:
        self._loop.remove_reader(connection)
        self._silent.pop(connection).cancel()
