"""A viewer's connection: tells its client about the write buffer, and bounds what the viewer sends."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State

from beats.adapters.http.access import Rights
from beats.adapters.http.connection import HttpConnection
from beats.adapters.http.limits import RateLimit
from beats.adapters.http.request import is_handshake
from beats.adapters.sinks.websocket.choice import StreamChoice
from beats.adapters.sinks.websocket.framing import FrameScanner, header
from beats.pictures.variants import VariantStream

if TYPE_CHECKING:
    from beats.adapters.sinks.websocket.client import Client

_PONG: Final = b"\x8a"
"""The first byte of a pong that a server sends: RFC 6455, section 5.2."""
_PING: Final = b"\x89"
"""The first byte of a ping."""
_PONG_OF_CLIENT: Final = 0x8A
_DISCARDED_BYTES: Final = 1 << 20
"""How many bytes are read and discarded after Beats has ended the stream."""
_MOST_EARLY: Final = 16
"""How many messages may wait for `StreamConnection.listen`; then no more are read from the socket."""


class Messages:
    """Puts messages together, in place of the library's own: with a queue for each viewer, that takes 1.5 kB.

    Each message is handed over when its last fragment has come, so only what comes early waits.
    """

    __slots__ = ("_data", "_early", "_fail", "_is_text", "_on_message", "_transport")

    def __init__(self, transport: asyncio.Transport, fail: Callable[[int, str], object]) -> None:
        """Wait for `listen`.

        Args:
            transport: its reading is paused while too much has come early.
            fail: ends the stream with a code and a reason.
        """
        self._transport: Final = transport
        self._fail: Final = fail
        self._is_text = False
        self._data = bytearray()
        """The fragments so far, together no more than the library's `max_size`."""
        self._early: list[str | bytes] | None = []
        """Whole messages that came before `listen`; None from then on, and when the connection is lost."""
        self._on_message: Callable[[str | bytes], object] | None = None

    def listen(self, on_message: Callable[[str | bytes], object]) -> None:
        """Hand over each message from now on, first those that have come already."""
        early, self._early = self._early, None
        if early is None:
            return
        self._on_message = on_message
        if len(early) >= _MOST_EARLY:
            self._transport.resume_reading()
        for message in early:
            on_message(message)

    def put(self, frame: Frame) -> None:
        """A data frame has come; the library calls this."""
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._data += frame.data
        if not frame.fin:
            return
        data, self._data = bytes(self._data), bytearray()
        try:
            message = data.decode() if self._is_text else data
        except UnicodeDecodeError as error:  # RFC 6455, section 8.1
            self.close()  # what has come after it is not looked at
            self._fail(1007, f"{error.reason} at position {error.start}")
            return
        if self._on_message is not None:
            self._on_message(message)
        elif self._early is not None:
            self._early.append(message)
            if len(self._early) == _MOST_EARLY:
                self._transport.pause_reading()

    def close(self) -> None:
        """Hand over nothing from now on. The library calls this when the connection is lost."""
        self._on_message = self._early = None


class StreamConnection(HttpConnection):
    """Carries the stream once its handshake is accepted."""

    __slots__ = (
        "_asked",
        "_closing",
        "_discarded_bytes",
        "_frames",
        "_free_pongs",
        "_heard_s",
        "_late_pong",
        "_on_lost",
        "_pinged_s",
        "_pings",
        "_rate_limit",
        "address",
        "choice",
        "client",
        "ended",
        "flooded",
        "overflowed",
        "rights",
        "silent",
        "variant",
    )

    def __init__(
        self,
        rate_limit: Callable[[], RateLimit],
        on_lost: "Callable[[StreamConnection], None]",
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Make a connection.

        Args:
            rate_limit: makes one, for what the viewer sends.
            on_lost: called when the connection has ended.
            args: those of `HttpConnection`.
            kwargs: the library's own.
        """
        super().__init__(*args, **kwargs)
        self.client: Client | None = None
        self.address: str | None = None
        """The other side's address, once it was let in."""
        self.choice: StreamChoice = StreamChoice()
        self.variant: VariantStream | None = None
        """Keeps what it may need of the encoders in use."""
        self.rights: Rights = Rights(steer=False)
        self.overflowed = False
        """Whether the client's queue was full while its strategy is `error`."""
        self.flooded = False
        """Whether the client has sent more than it may."""
        self.silent = False
        """Whether the client left a ping unanswered for too long."""
        self._frames: Final = FrameScanner()
        self._rate_limit: Final = rate_limit()
        self._discarded_bytes = 0
        self._late_pong: bytes | None = None
        self._asked = 0
        """How many pings were sent."""
        self._pings: Final[list[tuple[bytes, Callable[[bool], object]]]] = []
        """The contents of those without an answer, oldest first."""
        self._heard_s = self.loop.time()
        """When a ping was last answered."""
        self._pinged_s: float | None = None
        """When `keep_alive` sent a ping, until it is answered."""
        self._free_pongs = 0
        """How many pongs may come for `ask` besides what the rate limit allows."""
        self._on_lost: Final = on_lost
        self._closing: asyncio.Task[None] | None = None
        self.ended: Final[asyncio.Future[None]] = self.loop.create_future()
        """Done when the connection is lost."""

    @property
    def drained(self) -> bool:
        """Whether it is open and has sent everything that it was given."""
        return self.state is State.OPEN and self.client is not None and self.client.drained

    @property
    def evicted(self) -> bool:
        """Whether Beats has begun to close it. What its viewer does from then on is no further reason."""
        return self.overflowed or self.flooded or self.silent

    def asks_for_stream(self, request: Request) -> bool:
        """Whether its request is a handshake: only GET can be one."""
        return self.line.method == "GET" and is_handshake(request)

    def admit(
        self, address: str, choice: StreamChoice, rights: Rights, variant: VariantStream | None
    ) -> None:
        """The handshake will be accepted."""
        self._handshakes.remove(self.descriptor)
        self.address, self.choice, self.rights, self.variant = address, choice, rights, variant

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection begins."""
        super().connection_made(transport)
        self.recv_messages = cast("Any", Messages(self.transport, self._fail))
        self.drain_waiters = cast("Any", [])  # the library takes a deque, which holds 600 bytes while empty

    def forget_handshake(self) -> None:
        """Free what only the handshake needed: a fifth of what a viewer would take in memory."""
        if self.request is not None:
            self.request.headers.clear()  # the library's parser holds the request as well
        self.response = None
        del self.request_rcvd
        del self.protocol.select_subprotocol  # that of this connection: a closure of the library

    def listen(self, on_message: Callable[[str | bytes], object]) -> None:
        """Hand over each message from now on, first those that have come already."""
        cast("Messages", self.recv_messages).listen(on_message)

    def stream_received(self, data: bytes) -> None:
        """Pass on the frames that the rate limit allows; the first one beyond it ends the stream."""
        if self.protocol.eof_sent:
            self._discard(data)
            return
        now_s = self.loop.time()
        for start in self._frames.starts(data):
            if self._free_pongs and data[start] == _PONG_OF_CLIENT:
                self._free_pongs -= 1
            elif not self._rate_limit.take(now_s):
                if start:
                    super().stream_received(data[:start])
                self.flooded |= not self.evicted
                # RFC 6455, section 7.4.1: it violates our policy.
                self._fail(1008, f"more than {self._rate_limit.per_s:g} messages or pings a second")
                return
        super().stream_received(data)

    def _fail(self, code: int, reason: str) -> None:
        self.protocol.fail(code, reason)
        self.send_data()

    def _discard(self, data: bytes) -> None:
        """Read on, up to a limit, to see the end of the other side's stream."""
        self._discarded_bytes += len(data)
        if self._discarded_bytes > _DISCARDED_BYTES:
            self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._on_lost(self)
        super().connection_lost(exc)
        if self.client is not None:
            self.client.closing()
        if not self.ended.done():  # the server may be at its end
            self.ended.set_result(None)

    def pause_writing(self) -> None:
        """The write buffer is not empty."""
        super().pause_writing()
        if self.client is not None:
            self.client.pause()

    def resume_writing(self) -> None:
        """The write buffer is empty."""
        super().resume_writing()
        if self._late_pong is not None:
            self.loop.call_soon(self._send_late_pong)
        if self.client is not None:
            self.client.resume()

    def outgoing(self) -> list[bytes]:
        """What the library wants to send, except pongs while bytes wait in the buffer.

        Only the last one of those is sent later (RFC 6455, section 5.5.3): pings whose answers are not read
        must not fill the memory.
        """
        data = super().outgoing()
        if self.transport.get_write_buffer_size() and (pongs := [each for each in data if each[:1] == _PONG]):
            self._late_pong = pongs[-1]
            data = [each for each in data if each[:1] != _PONG]
        return data

    def ask(self, on_answer: Callable[[bool], object]) -> None:
        """Send a ping behind all that was written, and call this when it, or a later one, is answered.

        A viewer answers it when it has read what came before: RFC 6455, section 5.5.2. It may answer only
        the last one that it has read (section 5.5.3): the callback is told whether the answer is to this one.
        """
        self._asked += 1
        content = self._asked.to_bytes(8, "big")
        self._pings.append((content, on_answer))
        self._free_pongs += 1
        self.transport.write(header(len(content), _PING) + content)

    def acknowledge_pings(self, data: bytes) -> None:
        """A pong has come, which answers all pings up to its own: RFC 6455, section 5.5.3."""
        if all(content != data for content, _ in self._pings):
            return
        self._heard_s = self.loop.time()
        content = b""
        while content != data:
            content, on_answer = self._pings.pop(0)
            on_answer(content == data)
        self._free_pongs = min(self._free_pongs, len(self._pings))

    def keep_alive(self, interval_s: float, timeout_s: float) -> None:
        """Send a ping if none was answered for an interval, or end the stream if that one is not in time.

        For many connections one task calls this now and then: the library's own keepalive takes a task and a
        timer for each of them. What a viewer reads so slowly that bytes wait for it is not its concern.
        """
        if self.evicted or self.state is not State.OPEN or self.transport.is_closing():
            return
        now_s = self.loop.time()
        if self._pinged_s is not None:
            if now_s - self._pinged_s >= timeout_s:
                self.silent = True
                self._fail(1011, "keepalive ping timeout")
        elif now_s - self._heard_s >= interval_s and not self.transport.get_write_buffer_size():
            self._pinged_s = now_s
            self.ask(self._is_alive)

    def _is_alive(self, _: bool) -> None:
        self._pinged_s = None

    def send_data(self) -> None:
        """The library writes something of its own; after a close frame, the client may write nothing."""
        super().send_data()
        if self.client is not None and self.state is not State.OPEN:
            self.client.closing()

    def _send_late_pong(self) -> None:
        data, self._late_pong = self._late_pong, None
        if data is not None and self.state is State.OPEN and not self.transport.is_closing():
            self.transport.write(data)

    def close_soon(self, code: int, reason: str) -> None:
        """Begin the closing handshake without waiting for it; the library bounds it in time."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self.close(code, reason))
