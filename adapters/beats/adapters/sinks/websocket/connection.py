"""The library's connection, with the hooks that the sink needs."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Generator
from typing import Any, Final, Protocol, cast

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.protocol import SEND_EOF, State
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

from beats.adapters.http.access import Rights
from beats.adapters.http.site import METHODS, not_allowed, too_long
from beats.adapters.sinks.websocket.choice import Choice
from beats.adapters.sinks.websocket.framing import FrameScanner
from beats.adapters.sinks.websocket.handshakes import Handshakes
from beats.adapters.sinks.websocket.rate import Allowance
from beats.adapters.sinks.websocket.request_line import RequestLine

_PONG: Final = b"\x8a"
"""The first byte of a pong that a server sends: RFC 6455, section 5.2."""
_DISCARDED_BYTES: Final = 1 << 20
"""How much is read and discarded of what comes after our end of the stream."""


class Writer(Protocol):
    """Who writes to a connection and wants to know how that goes."""

    @property
    def drained(self) -> bool:
        """Whether everything that is to be sent has gone to the socket."""
        ...

    def pause(self) -> None:
        """The write buffer is not empty."""
        ...

    def resume(self) -> None:
        """The write buffer is empty."""
        ...

    def closing(self) -> None:
        """Nothing may be written any more."""
        ...


class Head:
    """Tells a request from what follows it: it ends with an empty line (RFC 9112, section 2.1)."""

    _END: Final = b"\r\n\r\n"

    def __init__(self) -> None:
        self._last = b""

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """What belongs to it, and what comes after; to be called until it has ended."""
        before, _, after = (self._last + data).partition(self._END)
        self._last = before[1 - len(self._END) :]
        return data[: len(data) - len(after)], after


def is_handshake(request: Request) -> bool:
    """Whether a request asks for the stream (RFC 6455, section 4.1), not for something to read."""
    return "websocket" in _items(request, "Upgrade")


def is_spoilt(request: Request, version: str) -> bool:
    """Whether a request lacks a part of a handshake that no client leaves out.

    Proxies forward by HTTP/1.0, and drop the headers of an upgrade, unless they are told not to.
    """
    if not is_handshake(request):
        return "Sec-WebSocket-Key" in request.headers
    return version == "HTTP/1.0" or "upgrade" not in _items(request, "Connection")


def _items(request: Request, name: str) -> set[str]:
    """The items of a header that is a list, in lower case."""
    return {item.strip() for item in ",".join(request.headers.get_all(name)).lower().split(",")}


class LongLines(StreamReader):
    """Reads lines of any length: what bounds the whole of a request bounds each of them."""

    def __init__(self, most_bytes: int) -> None:
        """Read for a request of so many bytes at most."""
        super().__init__()
        self._most_bytes: Final = most_bytes

    def read_line(self, m: int, *args: Any, **kwargs: Any) -> Generator[None, None, bytearray]:
        """Read a line, also when it is longer than `m`, which is 8 KiB for the whole process."""
        return super().read_line(self._most_bytes, *args, **kwargs)


def read_long_lines(protocol: ServerProtocol, most_bytes: int) -> None:
    """Have a protocol that has read nothing yet take lines of so many bytes."""
    protocol.reader = LongLines(most_bytes)
    protocol.parser = protocol.parse()  # the one that it has begun holds the other reader
    next(protocol.parser)


class _LostTransport(asyncio.Transport):
    """Stands for a transport whose connection is gone.

    The library aborts it once more, and asyncio (3.11) then fails with an AttributeError if the transport had
    been closed while bytes waited.
    """

    def __init__(self, before: asyncio.Transport) -> None:
        super().__init__()
        self.get_extra_info = before.get_extra_info  # type: ignore[method-assign]  # the same answers

    def abort(self) -> None:
        """Nothing is left to abort."""

    def close(self) -> None:
        """Nothing is left to close."""

    def is_closing(self) -> bool:
        """It has closed."""
        return True

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def pause_reading(self) -> None:
        """Nothing comes."""

    def resume_reading(self) -> None:
        """Nothing comes."""


class StreamProtocol(ServerProtocol):
    """Sends no answer after the end of the connection, or of its own side of it.

    Before version 17, the library tries, and logs an error because that cannot be.
    """

    def send_response(self, response: Response) -> None:
        """Answer the request, unless the client has gone."""
        if self.state is State.CONNECTING and not self.eof_sent:
            super().send_response(response)


class StreamConnection(ServerConnection):
    """Tells its client when the write buffer fills and empties, and can be ended in any state."""

    def __init__(
        self,
        everyone: "set[StreamConnection]",
        handshakes: Handshakes,
        max_header_bytes: int,
        allowance: Callable[[], Allowance],
        on_lost: "Callable[[StreamConnection], None]",
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Make a connection.

        Args:
            everyone: the set of all connections, to which it adds itself while it lives.
            handshakes: counts it until it is let in.
            max_header_bytes: how long the request may be.
            allowance: makes one, for what it may send.
            on_lost: called at its end.
            args: the library's own.
            kwargs: the library's own.
        """
        super().__init__(*args, **kwargs)
        read_long_lines(self.protocol, max_header_bytes)
        self.protocol.__class__ = StreamProtocol  # the library has made it already
        self.client: Writer | None = None
        self.address: str | None = None
        """The other side's address, once it was let in."""
        self.choice: Choice = Choice()
        self.rights: Rights = Rights(steer=False)
        self.descriptor = -1
        """Its socket's, once there is one."""
        self.flooded = False
        """It has sent more than it may."""
        self._everyone: Final = everyone
        self._handshakes: Final = handshakes
        self._frames: Final = FrameScanner()
        self._allowance: Final = allowance()
        self._discarded_bytes = 0
        self._late_pong: bytes | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._max_header_bytes: Final = max_header_bytes
        self._header_bytes = 0
        self._on_lost: Final = on_lost
        self._closing: asyncio.Task[None] | None = None
        self._end_waits = False
        self.line: Final = RequestLine()
        """The request's; the library has another one, see there."""
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
        return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"

    @property
    def drained(self) -> bool:
        """Whether it is open and has sent everything that it was given."""
        return self.state is State.OPEN and self.client is not None and self.client.drained

    def asks_for_the_stream(self, request: Request) -> bool:
        """Whether its request is a handshake: only GET can be one."""
        return self.line.method == "GET" and is_handshake(request)

    def admit(self, address: str, choice: Choice, rights: Rights) -> None:
        """The handshake will be answered."""
        self._handshakes.remove(self.descriptor)
        self.address, self.choice, self.rights = address, choice, rights

    def idle(self) -> bool:
        """It waits for its client, or may wait for long; False if it is gone or has had to give way."""
        if self.transport.is_closing():
            return False  # its descriptor may be another's by now
        return self._handshakes.idle(self.descriptor, self.remote_host, self.abort)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """From here on the connection is known, also while its handshake lasts."""
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
            head = self.line.fed(head)
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
            if self.request is not None and not self.asks_for_the_stream(self.request):
                # The library would end the stream without an answer at what follows, or at the end of what
                # the other side sends: both are left where they are until the answer is given.
                self.transport.pause_reading()
                return
        if data:
            self._receive_frames(data)

    def _receive_frames(self, data: bytes) -> None:
        """Pass on the frames that the allowance covers; the first one beyond it ends the stream."""
        if self.protocol.eof_sent:
            self._discard(data)
            return
        now_s = self.loop.time()
        for start in self._frames.starts(data):
            if not self._allowance.take(now_s):
                if start:
                    super().data_received(data[:start])
                self.flooded = True
                # RFC 6455, section 7.4.1: it violates our policy.
                self.protocol.fail(1008, f"more than {self._allowance.per_s:g} messages or pings a second")
                self.send_data()
                return
        super().data_received(data)

    def _discard(self, data: bytes) -> None:
        """Read on, so that the end of the other side's stream is seen, unless it never ends."""
        self._discarded_bytes += len(data)
        if self._discarded_bytes > _DISCARDED_BYTES:
            self.transport.pause_reading()

    def eof_received(self) -> None:
        """The other side sends nothing more; the transport sends what it has, and closes."""
        if not self._answered:
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._everyone.discard(self)
        self._handshakes.remove(self.descriptor)
        self._on_lost(self)
        if self._ending is not None:
            self._ending.cancel()
        super().connection_lost(exc)
        self.transport = _LostTransport(self.transport)
        if self.client is not None:
            self.client.closing()

    def pause_writing(self) -> None:
        """The write buffer is not empty."""
        super().pause_writing()
        if self.client is not None:
            self.client.pause()

    def resume_writing(self) -> None:
        """The write buffer is empty."""
        super().resume_writing()
        if self._end_waits:
            # Not from within the transport's own callback, which goes on to look at what was changed here.
            self._end_waits = False
            self.loop.call_soon(self._end_stream)
        if self._late_pong is not None:
            self.loop.call_soon(self._send_late_pong)
        if self.client is not None:
            self.client.resume()

    def send_data(self) -> None:
        """The library writes something of its own, which may be a close frame, or its end of the stream.

        While bytes wait in the buffer, pongs wait here, and only the last one of them is ever sent (RFC 6455,
        section 5.5.3): pings whose answers are not read must not fill the memory.

        With bytes still in the buffer that end waits for them here, not in the transport: asyncio (3.11)
        does not expect there that the other side may be gone by then, and fails with a traceback in the log.
        """
        data = self.protocol.data_to_send()
        if self.transport.get_write_buffer_size() and (pongs := [each for each in data if each[:1] == _PONG]):
            self._late_pong = pongs[-1]
            data = [each for each in data if each[:1] != _PONG]
        frames = b"".join(data)
        if frames and not self.transport.is_closing():  # asyncio logs each write to a connection that is lost
            self.transport.write(frames)
        if SEND_EOF in data and not self.transport.is_closing():
            self._end_in_time()
            if not self.transport.can_write_eof():  # encrypted
                self.transport.close()
            elif self.transport.get_write_buffer_size():
                self._end_waits = True
            else:
                self._end_stream()
        if self.client is not None and self.state is not State.OPEN:
            self.client.closing()

    def _send_late_pong(self) -> None:
        data, self._late_pong = self._late_pong, None
        if data is not None and self.state is State.OPEN and not self.transport.is_closing():
            self.transport.write(data)

    def _end_in_time(self) -> None:
        """See to it that the other side ends the connection soon after our side has ended its stream.

        The library does so when it closes a connection, but not when the connection fails.
        """
        if self._ending is None and self.close_timeout is not None:
            self._ending = self.loop.call_later(self.close_timeout, self.abort)

    def _end_stream(self) -> None:
        """Say that nothing more will be sent; the other side may be gone already."""
        if not self.transport.is_closing():
            with contextlib.suppress(OSError):
                self.transport.write_eof()

    async def answer(self, data: bytes) -> None:
        """Answer a plain request in place of the library, and return once the connection is gone.

        The library would leave a slow client only `close_timeout_s` to read it; here it has until the
        time for handshakes is over.
        """
        if not self.protocol.eof_sent:
            self._answer(data)
            await asyncio.shield(self.connection_lost_waiter)
        await self.gone_if_ended()

    def _answer(self, data: bytes) -> None:
        self._answered = True
        self.transport.write(data)
        self.transport.resume_reading()  # or nobody would hear that the other side has gone
        if not self.transport.can_write_eof():  # encrypted
            self.transport.close()
        elif self.transport.get_write_buffer_size():
            self._end_waits = True
        else:
            self._end_stream()

    async def gone_if_ended(self) -> None:
        """Return once the connection is gone, if our side of its stream has ended already; else at once.

        That is so when bytes that are no frame, or the stream's end, follow a request before its answer. The
        library would refuse it all the same, and fail with a traceback in the log.
        """
        if self.protocol.eof_sent:
            await self.gone()

    async def gone(self) -> None:
        """End the connection and return once it is gone."""
        self.transport.abort()
        await asyncio.shield(self.connection_lost_waiter)

    def close_soon(self, code: int, reason: str) -> None:
        """Begin the closing handshake without waiting for it; the library bounds it in time."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self.close(code, reason))

    def abort(self) -> None:
        """End the connection at once, with a reset.

        A plain close would leave its end of the stream queued, for minutes, behind data that the other side
        does not read: memory of the operating system that no limit of ours counts.
        """
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):  # it is gone already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
