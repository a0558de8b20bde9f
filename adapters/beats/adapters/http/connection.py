"""The library's connection, with plain requests answered here and every connection bounded."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any, Final, cast

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

from beats.adapters.http.limits import Handshakes
from beats.adapters.http.listener import LINGER_0
from beats.adapters.http.request import METHODS, Head, RequestLine, not_allowed, too_long
from beats.kernel.capabilities import authority


class LongLines(StreamReader):
    """Reads lines of any length: the limit of the whole request also bounds each line."""

    __slots__ = ("_most_bytes",)

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self._most_bytes: Final = most_bytes

    def read_line(self, m: int, *args: Any, **kwargs: Any) -> Generator[None, None, bytearray]:
        """Read a line, even when it is longer than `m`, which is 8 KiB for the whole process."""
        return super().read_line(self._most_bytes, *args, **kwargs)


def read_long_lines(protocol: ServerProtocol, most_bytes: int) -> None:
    """Let a protocol that has read nothing yet accept lines of up to this many bytes."""
    protocol.reader = LongLines(most_bytes)
    protocol.parser = protocol.parse()  # the one that it has begun holds the other reader
    next(protocol.parser)


class _LostTransport(asyncio.Transport):
    """Takes the place of a transport whose connection is gone.

    The library aborts it once more, and asyncio (3.11) then fails with an AttributeError if the transport had
    been closed while bytes waited.
    """

    def __init__(self, before: asyncio.Transport) -> None:
        super().__init__()
        self.get_extra_info = before.get_extra_info  # type: ignore[method-assign]  # the same answers

    def is_closing(self) -> bool:
        """Return True: a lost transport is closed."""
        return True

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def abort(self) -> None:
        """Do nothing: the connection has ended."""

    close = pause_reading = resume_reading = abort


def reset(transport: asyncio.Transport) -> None:
    """End a connection at once, with a reset.

    After a plain close, the end of the stream would stay queued, for minutes, behind data that the other
    side does not read: memory of the operating system that no limit of ours counts.
    """
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError, ValueError):  # it is gone already: on asyncio, on uvloop
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
    transport.abort()


class HttpProtocol(ServerProtocol):
    """Sends no answer after the end of the connection, or of its own side of it.

    Before version 17, the library tries to, and logs an error because that is impossible.
    """

    def send_response(self, response: Response) -> None:
        """Answer the request, unless the client has left."""
        if self.state is State.CONNECTING and not self.eof_sent:
            super().send_response(response)


class HttpConnection(ServerConnection):
    """Answers plain requests, and can be ended in any state."""

    # For memory: with the library's attributes alone, a connection's `__dict__` shares its keys with others.
    __slots__ = (
        "_answered",
        "_end_waits",
        "_ending",
        "_everyone",
        "_handshakes",
        "_head",
        "_header_bytes",
        "_max_header_bytes",
        "descriptor",
        "line",
    )

    def __init__(
        self,
        everyone: "set[HttpConnection]",
        handshakes: Handshakes,
        max_header_bytes: int,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Make a connection.

        Args:
            everyone: the set of all connections, to which it adds itself while it lives.
            handshakes: counts it until it is let in.
            max_header_bytes: how long the request may be.
            args: the library's own.
            kwargs: the library's own.
        """
        super().__init__(*args, **kwargs)
        read_long_lines(self.protocol, max_header_bytes)
        self.protocol.__class__ = HttpProtocol  # the library has made it already
        self.descriptor = -1
        """The file descriptor of the socket; -1 before there is a socket."""
        self.line: Final = RequestLine()
        """The request's first line as it came; the library reads another one."""
        self._everyone: Final = everyone
        self._handshakes: Final = handshakes
        self._ending: asyncio.TimerHandle | None = None
        self._max_header_bytes: Final = max_header_bytes
        self._header_bytes = 0
        self._end_waits = False
        self._head: Final = Head()
        self._answered = False

    @property
    def local(self) -> tuple[str, int]:
        """Address and port of this side."""
        host, port = (*cast("tuple[object, ...]", self.local_address or ()), "unknown", 0)[:2]
        return str(host), port if isinstance(port, int) else 0

    @property
    def remote_host(self) -> str:
        """Address of the other side."""
        return str((*cast("tuple[object, ...]", self.remote_address or ()), "unknown")[0])

    @property
    def remote(self) -> str:
        """Address and port of the other side, as text."""
        host, port = (*cast("tuple[object, ...]", self.remote_address or ()), "unknown", 0)[:2]
        return authority(str(host), cast("int", port))

    @property
    def drained(self) -> bool:
        """Whether it is open and has sent everything that it was given."""
        return False

    def asks_for_stream(self, request: Request) -> bool:
        """Whether its request is a handshake that is to be accepted or refused as one."""
        return False

    def idle(self) -> bool:
        """Say that it waits for its client; False if it is gone, or is being closed to make room."""
        if self.transport.is_closing():
            return False  # its descriptor may be another's by now
        return self._handshakes.idle(self.descriptor, self.remote_host, self.abort)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the connection, from the beginning of its handshake."""
        super().connection_made(transport)
        self._everyone.add(self)
        self.descriptor = transport.get_extra_info("socket").fileno()
        if not self.idle():
            self.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes have come: of a request, or of a stream."""
        if self._answered:
            return  # the rest of a request, such as a body
        if self.state is State.CONNECTING:
            head, data = self._head.split(data) if self.request is None else (b"", data)
            self._header_bytes += len(head)
            head = self.line.feed(head)
            if (method := self.line.method) is not None and method not in METHODS:
                # The library takes a body for the frames of a stream, and would not answer.
                self._answer(not_allowed(method).encoded())
                return
            if self._header_bytes > self._max_header_bytes:
                self._answer(too_long(self._max_header_bytes).encoded())
                return
            is_new = self.request is None
            super().data_received(head)
            if is_new and self.request is not None:
                self._handshakes.busy(self.descriptor)
            if self.request is not None and not self.asks_for_stream(self.request):
                # The library would end the stream without an answer when more bytes, or the end of the other
                # side's stream, follow: both stay unread until the answer is given.
                self.transport.pause_reading()
                return
        if data:
            self.stream_received(data)

    def stream_received(self, data: bytes) -> None:
        """Bytes that follow the handshake have come."""
        super().data_received(data)

    def eof_received(self) -> None:
        """The other side sends nothing more; the transport sends what it has, and closes."""
        if not self._answered:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._everyone.discard(self)
        self._handshakes.remove(self.descriptor)
        if self._ending is not None:
            self._ending.cancel()
        super().connection_lost(exc)
        self.transport = _LostTransport(self.transport)

    def resume_writing(self) -> None:
        """The write buffer is empty."""
        super().resume_writing()
        if self._end_waits:
            # Not from within the transport's own callback, which goes on to use what is changed here.
            self._end_waits = False
            self.loop.call_soon(self._end_stream)

    def outgoing(self) -> list[bytes]:
        """What the library wants to send."""
        return self.protocol.data_to_send()

    def send_data(self) -> None:
        """The library writes something of its own, which may be a close frame, or its end of the stream.

        While bytes wait in the buffer, the end waits here, not in the transport: asyncio (3.11) does not
        expect there that the other side may be gone by then, and fails with a traceback in the log.
        """
        data = self.outgoing()
        frames = b"".join(data)
        if frames and not self.transport.is_closing():  # asyncio logs each write to a connection that is lost
            self.transport.write(frames)
        if SEND_EOF in data and not self.transport.is_closing():
            self._end_in_time()
            self._end()

    def _end_in_time(self) -> None:
        """Make sure that the connection ends soon after our side has ended its stream.

        The library does so when it closes a connection, but not when the connection fails.
        """
        if self._ending is None and self.close_timeout is not None:
            self._ending = self.loop.call_later(self.close_timeout, self.abort)

    def _end(self) -> None:
        """End our side of the stream once everything is written."""
        if not self.transport.can_write_eof():  # encrypted
            self.transport.close()
        elif self.transport.get_write_buffer_size():
            self._end_waits = True
        else:
            self._end_stream()

    def _end_stream(self) -> None:
        if not self.transport.is_closing():
            with contextlib.suppress(OSError):  # the other side may be gone already
                self.transport.write_eof()

    async def answer(self, data: bytes) -> None:
        """Answer a plain request in place of the library, and return once the connection is gone.

        The library would give a slow client only `close_timeout_s` to read it; here the client has until the
        handshake timeout.
        """
        if not self.protocol.eof_sent:
            self._answer(data)
            await asyncio.shield(self.connection_lost_waiter)
        await self.gone_if_ended()

    def hand_over(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Leave the connection to another protocol, after a plain request; for the library it has ended."""
        transport = self.transport
        self.connection_lost(None)
        transport.set_protocol(protocol)
        return transport

    def _answer(self, data: bytes) -> None:
        self._answered = True
        self.transport.write(data)
        self.transport.resume_reading()  # otherwise the other side's end of the stream would go unnoticed
        self._end()

    async def gone_if_ended(self) -> None:
        """If our side of the stream has ended already, wait until the connection is gone.

        That happens when bytes that are no frame, or the stream's end, follow a request before its answer.
        The library would refuse it anyway, but fail with a traceback in the log.
        """
        if self.protocol.eof_sent:
            await self.gone()

    async def gone(self) -> None:
        """End the connection and return once it is gone."""
        self.transport.abort()
        await asyncio.shield(self.connection_lost_waiter)

    def abort(self) -> None:
        """End the connection at once, with a reset."""
        reset(self.transport)
