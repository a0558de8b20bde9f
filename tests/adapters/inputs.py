"""Sources of every kind with an input that can be killed, stalled and garbled, and be well again."""

import asyncio
import io
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from anyio import to_thread
from PIL import Image

from beats.adapters.led.mapping import Tone, WallMapping
from beats.kernel.envelope import Frame, Peripheral
from beats.kernel.ports import Publish
from beats.runtime.registry import SOURCES
from tests.adapters.led.support import free_udp_port, pixels
from tests.adapters.sinks.websocket.support import until
from tests.support.relay import Machine, on_air

Fault = Literal["killed", "stalled", "garbled"]
FAULTS: Final[tuple[Fault, ...]] = ("killed", "stalled", "garbled")
GARBAGE_BYTES: Final = 4_000_000
NAME: Final = "it"
"""Of the source with the bad input."""


def garbage(size_bytes: int = GARBAGE_BYTES) -> bytes:
    """The same at each call."""
    return random.Random(size_bytes).randbytes(size_bytes)


def add_source(stage: Machine, type_: str, **settings: Any) -> None:
    """Add a source of a type, as the runtime does."""
    kind = SOURCES.find(type_)
    checked = kind.settings.model_validate({"type": type_, **settings})
    stage.kernel.add_source(NAME, kind.build(checked, stage.context(NAME)))


class BadInput(Protocol):
    """What a source reads from."""

    async def feed(self) -> None:
        """Give it something to publish, if it does not do so by itself."""
        ...

    async def spoil(self, fault: Fault) -> None:
        """Be bad from now on."""
        ...

    async def mend(self) -> None:
        """Be good again."""
        ...


Factory = Callable[[Machine, Path], AbstractAsyncContextManager[BadInput]]
"""Adds a source to a stage before it runs; its input may use the folder."""


class _Fifo:
    """Killed: the writer closes; stalled: it stays in the middle of a line; garbled: it writes noise."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path
        self._writer = self._opened()

    def _opened(self) -> int:
        return os.open(self._path, os.O_RDWR)  # for reading as well: it does not wait for a reader

    async def feed(self) -> None:
        os.write(self._writer, b'{"id": "knob", "data": 1}\n')

    async def spoil(self, fault: Fault) -> None:
        if fault == "killed":
            self.close()
        elif fault == "stalled":
            os.write(self._writer, b'{"id": "kn')
        else:
            await to_thread.run_sync(self._write_all, garbage())

    async def mend(self) -> None:
        if self._writer < 0:
            self._writer = self._opened()
        os.write(self._writer, b"\n")

    def close(self) -> None:
        """The writer ends."""
        os.close(self._writer)
        self._writer = -1

    def _write_all(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._writer, data) :]


@asynccontextmanager
async def jsonl(stage: Machine, folder: Path) -> AsyncGenerator[BadInput]:
    """Lines from a FIFO."""
    os.mkfifo(folder / "lines")
    add_source(stage, "jsonl", path=str(folder / "lines"))
    fifo = _Fifo(folder / "lines")
    yield fifo
    fifo.close()


class _Picture:
    """Killed: the file is removed; stalled: half of it is written; garbled: it is noise."""

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    async def feed(self) -> None:
        """It is shown again and again."""

    async def spoil(self, fault: Fault) -> None:
        if fault == "killed":
            self._path.unlink()
        elif fault == "stalled":
            self._path.write_bytes(self._path.read_bytes()[:60])
        else:
            self._path.write_bytes(garbage())

    async def mend(self) -> None:
        Image.new("RGB", (8, 8), "red").save(self._path)


@asynccontextmanager
async def images(stage: Machine, folder: Path) -> AsyncGenerator[BadInput]:
    """A picture in a file."""
    picture = _Picture(folder / "picture.png")
    await picture.mend()
    add_source(stage, "images", path=str(folder / "picture.png"), fps=100, refresh_s=0.02)
    yield picture


PROGRAM: Final = f"""
import os, random, signal, time
def garble(*_):
    os.write(1, random.Random(1).randbytes({GARBAGE_BYTES}) + b"\\n")
signal.signal(signal.SIGUSR1, garble)
while True:
    os.write(1, b'{{"id": "pid", "data": %d}}\\n' % os.getpid())
    time.sleep(0.01)
"""


class _Program:
    """Killed and stalled: by signals; garbled: it writes noise between its lines."""

    def __init__(self, stage: Machine) -> None:
        self._stage: Final = stage

    async def feed(self) -> None:
        """It writes by itself."""

    async def spoil(self, fault: Fault) -> None:
        signals = {"killed": signal.SIGKILL, "stalled": signal.SIGSTOP, "garbled": signal.SIGUSR1}
        os.kill(self._pid, signals[fault])

    async def mend(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGCONT)

    @property
    def _pid(self) -> int:
        (*_, pid) = self._stage.values("peripheral/pid")
        assert isinstance(pid, int)
        return pid


@asynccontextmanager
async def command(stage: Machine, folder: Path) -> AsyncGenerator[BadInput]:
    """A program that writes lines."""
    add_source(stage, "command", run=[sys.executable, "-c", PROGRAM])
    yield _Program(stage)


class _Line:
    """A way to a server.

    Killed: cut, with nothing at its other end; stalled: nothing passes; garbled: who is or gets connected
    receives noise.
    """

    def __init__(self, target: int, send: Callable[[], Awaitable[object]]) -> None:
        self._target: Final = target
        self._send: Final = send
        self._fault: Fault | None = None
        self._writers: Final[set[asyncio.StreamWriter]] = set()
        self._free: Final = asyncio.Event()
        self._free.set()

    async def feed(self) -> None:
        await self._send()

    async def spoil(self, fault: Fault) -> None:
        self._fault = fault
        if fault == "stalled":
            self._free.clear()
            return
        for writer in tuple(self._writers):
            if fault == "garbled":
                writer.write(garbage(100_000))
            else:
                writer.transport.abort()

    async def mend(self) -> None:
        self._fault = None
        self._free.set()
        for writer in tuple(self._writers):  # those that were garbled
            if not writer.is_closing():
                writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes, in both directions, while the line is good."""
        await self._free.wait()
        if self._fault == "garbled":
            writer.write(garbage(100_000))
        if self._fault is not None:
            writer.close()
            return
        self._writers.add(writer)
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))
        self._writers.discard(writer)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._free.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def behind_a_line(
    stage: Machine,
    type_: str,
    target: int,
    settings: Callable[[int], Mapping[str, Any]],
    send: Callable[[], Awaitable[object]],
) -> AsyncGenerator[BadInput]:
    """A source that connects to a server by way of a bad line.

    Args:
        stage: where it is added.
        type_: of the source.
        target: port of the server.
        settings: those of the source, for the port where the line begins.
        send: has the server send something.
    """
    line = _Line(target, send)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    add_source(stage, type_, **settings(server.sockets[0].getsockname()[1]))
    try:
        yield line
    finally:
        server.close()
        await line.mend()
        await line.spoil("killed")


@asynccontextmanager
async def websocket(stage: Machine, folder: Path) -> AsyncGenerator[BadInput]:
    """Another Beats."""
    origin = Machine()
    sink = origin.websocket_sink()

    async def send() -> None:
        origin.knob(1)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(on_air(origin, fail_after_s=60))
        assert sink.address is not None
        line = behind_a_line(
            stage, "websocket", sink.address.port, lambda port: {"url": f"ws://127.0.0.1:{port}"}, send
        )
        yield await stack.enter_async_context(line)


@asynccontextmanager
async def video(stage: Machine, folder: Path) -> AsyncGenerator[BadInput]:
    """A camera that sends Motion JPEG over HTTP: another Beats."""
    origin, file = Machine(), io.BytesIO()
    sink = origin.websocket_sink()
    Image.new("RGB", (16, 16), "red").save(file, "JPEG")

    async def send() -> None:
        origin.kernel.publisher.publish(Frame(file.getvalue(), "", "image/jpeg", 16, 16))

    def settings(port: int) -> Mapping[str, Any]:
        return {"input": f"http://127.0.0.1:{port}/stream.mjpg", "silence_timeout_s": 0.3}

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(on_air(origin, fail_after_s=60))
        assert sink.address is not None
        line = behind_a_line(stage, "video", sink.address.port, settings, send)
        yield await stack.enter_async_context(line)


@asynccontextmanager
async def nats(stage: Machine, folder: Path, url: str, port: int) -> AsyncGenerator[BadInput]:
    """Another Beats, behind a NATS server."""
    origin = Machine()
    origin.nats_sink(url, stream="origin")

    async def send() -> None:
        origin.knob(1)

    def settings(port: int) -> Mapping[str, Any]:
        return {"servers": (f"nats://127.0.0.1:{port}",), "stream": "origin", "reconnect_max_s": 0.05}

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(on_air(origin, fail_after_s=60))
        await until(lambda: dict(origin.metrics())["connected"])
        yield await stack.enter_async_context(behind_a_line(stage, "nats", port, settings, send))


class _Datagrams:
    """Killed and stalled: none come; garbled: noise, and parts of real ones."""

    def __init__(self, port: int, packets: Callable[[int], Sequence[bytes]]) -> None:
        self._address: Final = ("127.0.0.1", port)
        self._packets: Final = packets
        self._count = 0
        self._socket: Final = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def feed(self) -> None:
        self._count += 1
        for packet in self._packets(self._count):
            self._socket.sendto(packet, self._address)

    async def spoil(self, fault: Fault) -> None:
        if fault == "garbled":
            noise = garbage()
            (first, *_) = self._packets(self._count)
            for number in range(2000):
                begin = number * 1000
                self._socket.sendto(noise[begin : begin + number % 1400], self._address)
                self._socket.sendto(first[: number % len(first)], self._address)

    async def mend(self) -> None:
        """The next packet is good."""

    def close(self) -> None:
        self._socket.close()


@asynccontextmanager
async def datagrams(
    stage: Machine, type_: str, packets: Callable[[int], Sequence[bytes]], **settings: Any
) -> AsyncGenerator[BadInput]:
    """A source that listens for datagrams.

    Args:
        stage: where it is added.
        type_: of the source.
        packets: what a good sender sends, by number.
        settings: of the source, besides its port.
    """
    port = free_udp_port()
    add_source(stage, type_, host="127.0.0.1", port=port, **settings)
    sender = _Datagrams(port, packets)
    try:
        yield sender
    finally:
        sender.close()


def osc_packets(number: int) -> Sequence[bytes]:
    """A message with a number."""
    return [b"/knob\0\0\0,i\0\0" + number.to_bytes(4, "big")]


def wall_packets(wall: Any, packets: Any) -> Callable[[int], Sequence[bytes]]:
    """Those of a sink for LED walls."""
    mapping = WallMapping(wall)

    def made(number: int) -> Sequence[bytes]:
        image = Image.new("RGB", (4, 2), (number % 256, 0, 0))
        return [packet.data for packet in packets.frame(mapping.wire(pixels(image), Tone(1, 1)))]

    return made


class Ticker:
    """A source that is well, and notices how long it was held up."""

    def __init__(self) -> None:
        self.ticks = 0
        self.longest_s = 0.0

    async def passes(self, ticks: int) -> None:
        """Wait for so many ticks."""
        last = self.ticks + ticks
        await until(lambda: self.ticks >= last)

    async def run(self, publish: Publish) -> None:
        """Publish at each tick."""
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        while True:
            await asyncio.sleep(0.005)
            await publish(Peripheral("tick", self.ticks))
            self.ticks += 1
            now_s = loop.time()
            self.longest_s, before_s = max(self.longest_s, now_s - before_s), now_s
