"""Accepts connections: no more than there is room for, and for the server only those that say something."""

import asyncio
import errno
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from beats.adapters.sinks.websocket.handshakes import Handshakes
from beats.kit.descriptors import Descriptors

log = logging.getLogger(__name__)

_ACCEPTED_AT_ONCE: Final = 32
_SERVED_AT_ONCE: Final = 8
"""How many the server gets before everyone else has a turn: each costs it half a millisecond."""
_FULL_PAUSE_S: Final = 0.005
_ERROR_PAUSE_S: Final = 1.0
"""As asyncio's own server pauses."""
_FEW: Final = 32
"""Handshakes that there may be when descriptors run short: half of the reserve, to answer for health with."""
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE}
_LINGER_0: Final = struct.pack("ii", 1, 0)


class AcceptedSocket(socket.socket):
    """Tells when it is closed: of a connection that fails before it begins (TLS), nobody else does."""

    def __init__(self, accepted: socket.socket, on_close: Callable[[int], None]) -> None:
        """Take over a socket; `on_close` gets its descriptor."""
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self._on_close: Final = on_close

    def close(self) -> None:
        """Close it."""
        if self.fileno() >= 0:
            self._on_close(self.fileno())
        super().close()

    def end(self) -> None:
        """End the connection with a reset; to whatever works with it the other side seems to have gone."""
        with suppress(OSError):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
            self.shutdown(socket.SHUT_RDWR)


class Feed(socket.socket):
    """Stands in for a listening socket: the event loop accepts from it what was accepted elsewhere.

    asyncio asks the socket that it was given to listen, and to accept when it has something to read.
    """

    def __init__(self, on_accept: Callable[[AcceptedSocket, Any], object]) -> None:
        """Make one that has nothing to accept; `on_accept` is told of what the event loop takes."""
        self._on_accept: Final = on_accept
        reading, self._bell = socket.socketpair()
        super().__init__(reading.family, reading.type, reading.proto, reading.detach())
        self._waiting: Final[deque[tuple[AcceptedSocket, Any]]] = deque()
        self._left = _SERVED_AT_ONCE

    def listen(self, backlog: int = 0, /) -> None:
        """Nothing is to be done."""

    def put(self, connection: AcceptedSocket, address: Any) -> None:
        """Have it accepted."""
        if not self._waiting:
            self._bell.send(b"\0")
        self._waiting.append((connection, address))

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection.

        Raises:
            BlockingIOError: there is none, or enough were accepted for now.
        """
        if not self._waiting:
            self.recv(_SERVED_AT_ONCE)
        if not self._waiting or not self._left:
            self._left = _SERVED_AT_ONCE
            raise BlockingIOError
        self._left -= 1
        connection, address = self._waiting.popleft()
        self._on_accept(connection, address)
        return connection, address

    def close(self) -> None:
        """Close it, and what was not accepted."""
        self.clear()
        self._bell.close()
        super().close()

    def clear(self) -> None:
        """Close what was not accepted."""
        while self._waiting:
            self._waiting.popleft()[0].close()


class Acceptor:
    """Accepts connections in place of the server, which gets each when its first bytes have come.

    A connection counts as a handshake from here on, before a byte of it was read. Until then it costs no
    more than its socket. When there is no room, those that come wait in the operating system's queue.
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
            sockets: listen.
            handshakes: counts connections until they are let in.
            descriptors: tells when there are too few.
            timeout_s: how long the first bytes of a connection may take.
        """
        self.feed: Final = Feed(self._served)
        """What the server is to listen on."""
        self._sockets: Final = tuple(sockets)
        self._handshakes: Final = handshakes
        self._most: Final = handshakes.most
        self._few: Final = min(_FEW, handshakes.most)
        self._descriptors: Final = descriptors
        self._timeout_s: Final = timeout_s
        self._loop: Final = asyncio.get_running_loop()
        self._silent: Final[dict[AcceptedSocket, asyncio.TimerHandle]] = {}
        """Those of which nothing has come yet, and what ends them in time."""
        self._pause: asyncio.TimerHandle | None = None

    def resume(self) -> None:
        """Accept what waits, and what comes."""
        self._pause = None
        for listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def close(self) -> None:
        """Accept nothing more, and end what the server has not got yet."""
        self._stop()
        for connection in tuple(self._silent):
            self._drop(connection)
        self.feed.clear()

    def _stop(self) -> None:
        for listening in self._sockets:
            self._loop.remove_reader(listening)
        if self._pause is not None:
            self._pause.cancel()

    def _wait(self, seconds: float) -> None:
        """Leave what waits where it is, in place of being told of it again and again."""
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
                return  # it is gone
            except OSError as error:
                self._complain(error)
                self._wait(_ERROR_PAUSE_S)
                return
            self._hold(AcceptedSocket(accepted, self._handshakes.remove), address)

    def _complain(self, error: OSError) -> None:
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
        """Something has come, and the server reads it."""
        self._forget(connection)
        self._handshakes.busy(connection.fileno())
        self.feed.put(connection, address)

    def _served(self, connection: AcceptedSocket, address: Any) -> None:
        """The server has it, and may have to wait for more to come."""
        self._idle(connection, address, connection.end)

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
