"""A sink in a real kernel on loopback, and clients that behave well or badly."""

import logging
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from typing import NamedTuple

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import ClientConnection

from beats.adapters.sinks.websocket import WebSocketSettings
from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Frame, Peripheral, Sealed
from beats.kernel.ports import Context, Sink, Source
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import ClientStats, ClientTotals, QueueStats
from beats.kit.bounds import queue_bounds
from beats.proto.codec import StreamCodec

CODEC = StreamCodec()
ROOMY = {"size": 1_000_000, "max_bytes": 1 << 30}
"""Bounds that a test does not reach."""
CLOSE, PING = 8, 9
"""Opcodes: RFC 6455, section 5.2."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def frame(size_bytes: int = 100, fill: bytes = b"x") -> Frame:
    """A frame of this many bytes that passes for a PNG file."""
    return Frame(SIGNATURE + fill * (size_bytes - len(SIGNATURE)))


def settings(**changes: object) -> WebSocketSettings:
    """Settings on a free port of 127.0.0.1."""
    return WebSocketSettings.model_validate(
        {"type": "websocket", "host": "127.0.0.1", "public_host": "127.0.0.1", "port": 0, **changes}
    )


class Running(NamedTuple):
    """A kernel with one WebSocket sink on air."""

    kernel: Kernel
    sink: WebSocketSink
    url: str
    port: int

    def knob(self, value: object, id: str = "knob") -> int:  # noqa: A002 - the wire's own word
        """Publish an update of a peripheral."""
        return self.kernel.publisher.publish(Peripheral(id, value))

    def frame(self, size_bytes: int = 100) -> int:
        """Publish a frame."""
        return self.kernel.publisher.publish(frame(size_bytes))

    def client(self, index: int = 0) -> ClientStats:
        """The counters of a client that is connected."""
        return self.sink.clients()[index]

    async def fanned_out(self) -> None:
        """Wait until the sink has taken everything."""
        await until(lambda: self.kernel.stats().sinks[0].queue.waiting.items == 0)

    async def until_behind(self, size_bytes: int = 400_000) -> int:
        """Publish frames until the first client is behind; the last sequence number."""
        sequence = 0
        while not self.client().behind:
            sequence = self.frame(size_bytes)
            await self.fanned_out()
        return sequence

    @property
    def totals(self) -> ClientTotals:
        """The counters of all clients."""
        return self.sink.client_totals()


@asynccontextmanager
async def on_air(
    config: WebSocketSettings | None = None,
    *,
    build: Callable[[WebSocketSettings, Context], WebSocketSink] = WebSocketSink,
    others: Mapping[str, Sink] | None = None,
    sources: Mapping[str, Source] | None = None,
) -> AsyncGenerator[Running]:
    """Run a kernel with a sink called `browser` while the block lasts."""
    config = config or settings()
    options = KernelOptions(backoff=Backoff(initial_s=0.01))
    kernel = Kernel(StreamCodec(), options=options)
    context = Context(
        "browser",
        "test",
        SystemClock(),
        kernel.bus.send_control,
        kernel.commands,
        stats=kernel.stats,
        last_values=kernel.publisher.last_values,
    )
    sink = build(config, context)
    kernel.add_sink("browser", sink, queue_bounds(config.queue))
    for name, other in (others or {}).items():
        kernel.add_sink(name, other)
    for name, source in (sources or {}).items():
        kernel.add_source(name, source)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            await group.start(kernel.run)
            assert sink.address is not None
            port = sink.address.port
            yield Running(kernel, sink, f"ws://127.0.0.1:{port}", port)
            kernel.stop()


async def receive(viewer: ClientConnection) -> Sealed:
    """The next envelope that a viewer gets."""
    message = await viewer.recv()
    assert isinstance(message, bytes)
    return CODEC.decode(message)


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition that the event loop brings about; the caller's `fail_after` bounds it."""
    while not condition():  # noqa: ASYNC110 - the condition is another task's, and has no event
        await anyio.sleep(0.001)


def exact(stats: QueueStats) -> bool:
    """The rule that holds for every queue at every moment."""
    return stats.offered == stats.taken.plus(stats.dropped).plus(stats.waiting)


class RawClient:
    """A viewer that reads only when told to, through a receive buffer that is small by default."""

    def __init__(self, port: int, buffer_bytes: int = 8192, *, handshake: bool = True) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self._data = b""
        if handshake:
            self.socket.sendall(
                b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )

    def handshaken(self) -> "RawClient":
        """Read the server's answer, but nothing of the stream."""
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self.socket.recv(1)
        assert b" 101 " in answer
        return self

    def message(self) -> bytes:
        """The payload of the next frame that is no ping; a close frame has one too."""
        opcode, data = self.frame()
        return data if opcode != PING else self.message()

    def pong(self, content: bytes) -> None:
        """Answer a ping; the mask changes nothing."""
        self.socket.sendall(bytes([0x8A, 0x80 | len(content)]) + bytes(4) + content)

    def frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame (RFC 6455, section 5.2)."""
        opcode, length = self._exactly(2)
        if length >= 126:
            length = int.from_bytes(self._exactly(2 if length == 126 else 8), "big")
        return opcode & 0x0F, self._exactly(length)

    def close(self) -> None:
        """Leave without a close frame."""
        self.socket.close()

    def reset(self) -> None:
        """Leave with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _exactly(self, count: int) -> bytes:
        while len(self._data) < count:
            received = self.socket.recv(1 << 16)
            if not received:
                raise EOFError
            self._data += received
        data, self._data = self._data[:count], self._data[count:]
        return data


@asynccontextmanager
async def stalled_client(running: Running, buffer_bytes: int = 8192) -> AsyncGenerator[RawClient]:
    """A client that has connected and reads nothing."""
    before = running.totals.accepted
    raw = await anyio.to_thread.run_sync(RawClient, running.port, buffer_bytes)
    try:
        await anyio.to_thread.run_sync(raw.handshaken)
        await until(lambda: running.totals.accepted > before)
        yield raw
    finally:
        raw.close()


class Answer(NamedTuple):
    """The answer to a plain request."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


async def fetch(
    port: int,
    path: str,
    method: str = "GET",
    source: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    /,
    **headers: str,
) -> Answer:
    """Send a plain request with another implementation's client."""

    def ask() -> Answer:
        at = (source, 0)
        if tls is None:
            connection = HTTPConnection("127.0.0.1", port, timeout=20, source_address=at)
        else:
            connection = HTTPSConnection("127.0.0.1", port, timeout=20, source_address=at, context=tls)
        with closing(connection):
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    return await anyio.to_thread.run_sync(ask)


async def exchange(port: int, *pieces: bytes, end: bool = False) -> bytes:
    """Send bytes, end our side of the stream if told to, and read until the other side ends."""

    def send() -> bytes:
        answer = b""
        with RawClient(port, handshake=False).socket as raw:
            for piece in pieces:
                raw.sendall(piece)
            if end:
                raw.shutdown(socket.SHUT_WR)
            while received := raw.recv(1 << 16):
                answer += received
        return answer

    return await anyio.to_thread.run_sync(send)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged at WARNING and above."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
