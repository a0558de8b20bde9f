"""A viewer's connection: tells its client about the write buffer, and bounds what the viewer sends."""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, Final

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
"""How much is read and discarded of what comes after our end of the stream."""


class StreamConnection(HttpConnection):
    """Carries the stream once its handshake is accepted."""

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
        self.flooded = False
        """It has sent more than it may."""
        self._frames: Final = FrameScanner()
        self._rate_limit: Final = rate_limit()
        self._discarded_bytes = 0
        self._late_pong: bytes | None = None
        self._numbers: Final = count()
        self._pings: Final[deque[tuple[bytes, Callable[[], object] | None]]] = deque()
        """The contents of pings without an answer, oldest first; the library's own have no callback."""
        self._free_pongs = 0
        """How many pongs may come for `ask` besides what the rate limit allows."""
        self._on_lost: Final = on_lost
        self._closing: asyncio.Task[None] | None = None

    @property
    def drained(self) -> bool:
        """Whether it is open and has sent everything that it was given."""
        return self.state is State.OPEN and self.client is not None and self.client.drained

    def asks_for_stream(self, request: Request) -> bool:
        """Whether its request is a handshake: only GET can be one."""
        return self.line.method == "GET" and is_handshake(request)

    def admit(
        self, address: str, choice: StreamChoice, rights: Rights, variant: VariantStream | None
    ) -> None:
        """The handshake will be accepted."""
        self._handshakes.remove(self.descriptor)
        self.address, self.choice, self.rights, self.variant = address, choice, rights, variant

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
                self.flooded = True
                # RFC 6455, section 7.4.1: it violates our policy.
                self.protocol.fail(1008, f"more than {self._rate_limit.per_s:g} messages or pings a second")
                self.send_data()
                return
        super().stream_received(data)

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
        self._pings.extend((each[2:], None) for each in data if each[:1] == _PING)  # at most 125 bytes long
        if self.transport.get_write_buffer_size() and (pongs := [each for each in data if each[:1] == _PONG]):
            self._late_pong = pongs[-1]
            data = [each for each in data if each[:1] != _PONG]
        return data

    def ask(self, on_answer: Callable[[], object]) -> None:
        """Send a ping behind all that was written, and call this when it is answered.

        A viewer answers it when it has read what came before: RFC 6455, section 5.5.2.
        """
        content = next(self._numbers).to_bytes(8, "big")
        self._pings.append((content, on_answer))
        self._free_pongs += 1
        self.transport.write(header(len(content), _PING) + content)

    def acknowledge_pings(self, data: bytes) -> None:
        """A pong has come, which answers all pings up to its own: RFC 6455, section 5.5.3.

        The library knows only its own pings: without this, it would close a viewer whose pong of ours stands
        for one of its pings too.
        """
        if all(content != data for content, _ in self._pings):
            return
        content = b""
        while content != data:
            content, on_answer = self._pings.popleft()
            if on_answer is None:
                super().acknowledge_pings(content)
            else:
                on_answer()
        self._free_pongs = min(self._free_pongs, len(self._pings))

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
