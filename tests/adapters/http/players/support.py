"""A sink in a real kernel on loopback, and readers of multipart answers."""

import io
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import anyio
from anyio import to_thread
from PIL import Image

from beats.adapters.sinks.http import HttpSettings
from beats.adapters.sinks.http.sink import HttpSink
from beats.adapters.sinks.websocket import WebSocketSettings
from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Frame
from beats.kernel.ports import Context
from beats.kernel.run.kernel import Kernel
from beats.kernel.stats import ClientStats, ClientTotals
from beats.pictures.formats import identify
from beats.proto.codec import StreamCodec

SINKS: Final = ("websocket", "http")


class Air(NamedTuple):
    """A kernel with one sink on air."""

    kernel: Kernel
    sink: WebSocketSink | HttpSink
    port: int

    def show(self, data: bytes, id: str = "") -> int:  # noqa: A002 - the wire's own word
        """Publish a picture."""
        return self.kernel.publisher.publish(Frame(data, id, *identify(data)))

    @property
    def clients(self) -> tuple[ClientStats, ...]:
        """The counters of those that are connected."""
        return self.sink.clients()

    @property
    def totals(self) -> ClientTotals:
        """The counters of all."""
        return self.sink.client_totals()

    @property
    def encoded(self) -> float:
        """How many frames were encoded."""
        return self.sink.metrics().get("variant_frames_total", 0)


@asynccontextmanager
async def on_air(kind: str = "http", **changes: Any) -> AsyncGenerator[Air]:
    """Run a kernel with a sink called `it` on a free port while the block lasts."""
    kernel = Kernel(StreamCodec())
    context = Context(
        "it",
        "test",
        SystemClock(),
        kernel.bus.send_control,
        stats=kernel.stats,
        last_values=kernel.publisher.last_values,
    )
    options = {"type": kind, "host": "127.0.0.1", "public_host": "127.0.0.1", "port": 0, **changes}
    sink: WebSocketSink | HttpSink
    if kind == "http":
        sink = HttpSink(HttpSettings.model_validate(options), context)
    else:
        sink = WebSocketSink(WebSocketSettings.model_validate(options), context)
    kernel.add_sink("it", sink)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            await group.start(kernel.run)
            if isinstance(sink, HttpSink):
                port = sink.port
            else:
                port = None if sink.address is None else sink.address.port
            assert port is not None
            yield Air(kernel, sink, port)
            kernel.stop()


def noise(width: int, height: int, seed: int) -> bytes:
    """A JPEG of about a byte for each pixel, another one for each seed."""
    out = io.BytesIO()
    picture = Image.effect_noise((width, height), 80 + seed % 8)
    picture.save(out, "JPEG", quality=95)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """A picture by Pillow, wholly decoded."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


class Part(NamedTuple):
    """One part of an answer."""

    headers: dict[str, str]
    body: bytes


class Reader:
    """A player that reads only when told to, through a small receive buffer."""

    def __init__(self, port: int, query: str = "", *lines: str) -> None:
        self.socket: Final = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        self._data = b""
        head = "".join(f"{line}\r\n" for line in ("Host: 127.0.0.1", *lines))
        self.socket.sendall(f"GET /stream.mjpg{query} HTTP/1.0\r\n{head}\r\n".encode())
        self.status, *fields = self._until(b"\r\n\r\n").decode().split("\r\n")
        self.headers: Final = dict(field.split(": ", 1) for field in fields)
        self.boundary: Final = f"--{self.headers['Content-Type'].partition('boundary=')[2]}".encode()

    def part(self) -> Part:
        """The next part, and the boundary after it but for its end."""
        assert self._until(self.boundary).strip() == b""
        lines = self._until(b"\r\n\r\n").decode().strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return Part(headers, self._exactly(int(headers["Content-Length"])))

    def rest(self) -> bytes:
        """All that comes until the end."""
        while received := self.socket.recv(1 << 16):
            self._data += received
        return self._data

    def reset(self) -> None:
        """Leave with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self._data:
            self._receive()
        found, _, self._data = self._data.partition(end)
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self._data) < count:
            self._receive()
        found, self._data = self._data[:count], self._data[count:]
        return found

    def _receive(self) -> None:
        received = self.socket.recv(1 << 16)
        if not received:
            raise EOFError
        self._data += received


@asynccontextmanager
async def reading(air: Air, query: str = "", *lines: str) -> AsyncGenerator[Reader]:
    """A player that was let in."""
    reader = await to_thread.run_sync(Reader, air.port, query, *lines)
    try:
        yield reader
    finally:
        reader.socket.close()
