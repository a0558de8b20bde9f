"""Walls for tests."""

import json
import socket
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from io import BytesIO
from queue import SimpleQueue
from typing import Any, Final, TypeVar

import anyio
from hypothesis import strategies as st
from PIL import Image

from beats.adapters.led.settings import LedSettings
from beats.adapters.led.sink import LedSink
from beats.adapters.led.source import DeskSource
from beats.adapters.sinks.artnet.settings import ArtNetSettings
from beats.adapters.sinks.ddp.settings import DdpSettings
from beats.adapters.sinks.sacn.settings import SacnSettings
from beats.config.settings import KernelSettings, ProfileSettings
from beats.kernel.envelope import Envelope, Frame, Message, Peripheral
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.run.supervisor import Backoff
from beats.kit.bounds import queue_bounds
from beats.pictures.pixels import Pixels
from beats.proto.codec import StreamCodec
from beats.runtime.builder import Builder
from beats.runtime.registry import SOURCES
from tests.adapters.sinks.websocket.support import until
from tests.adapters.sources.support import context
from tests.support import TIMEOUT_S

LedT = TypeVar("LedT", bound=LedSettings)
HOST: Final = "127.0.0.1"


def _settings(model: type[LedT], width: int, height: int, given: dict[str, Any]) -> LedT:
    type_name = model.__name__.removesuffix("Settings").lower()
    whole = {"type": type_name, "host": [HOST], "size": [width, height], **given}
    return model.model_validate_json(json.dumps(whole))


def wall(width: int = 4, height: int = 2, **given: Any) -> DdpSettings:
    """The settings of a wall, as from a file."""
    return _settings(DdpSettings, width, height, given)


def artnet(width: int = 4, height: int = 2, **given: Any) -> ArtNetSettings:
    """The same of one by Art-Net."""
    return _settings(ArtNetSettings, width, height, given)


def sacn(width: int = 4, height: int = 2, **given: Any) -> SacnSettings:
    """The same of one by sACN."""
    return _settings(SacnSettings, width, height, given)


def numbered(width: int, height: int) -> Image.Image:
    """A picture in which no two pixels are the same."""
    data = b"".join((index + 1).to_bytes(3, "big") for index in range(width * height))
    return Image.frombytes("RGB", (width, height), data)


def pixels(image: Image.Image) -> Pixels:
    return Pixels.of_image(image)


class Receiver:
    """A UDP socket that somebody sends to."""

    def __init__(self, udp: socket.socket) -> None:
        self.udp: Final = udp
        self.port: Final[int] = udp.getsockname()[1]
        self.host: Final = f"{HOST}:{self.port}"

    def next(self) -> bytes:
        """Wait for a packet."""
        return self.udp.recv(65536)

    def take(self, count: int) -> Sequence[bytes]:
        """Wait for so many packets."""
        return [self.next() for _ in range(count)]

    def left(self) -> list[bytes]:
        """What has come, and was not taken."""
        self.udp.setblocking(False)
        found: list[bytes] = []
        try:
            while True:
                found.append(self.next())
        except BlockingIOError:
            self.udp.settimeout(TIMEOUT_S)
            return found


@contextmanager
def receiver(host: str = HOST) -> Generator[Receiver]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp:
        udp.bind((host, 0))
        udp.settimeout(TIMEOUT_S)
        yield Receiver(udp)


def free_udp_port() -> int:
    """A port of which nobody listens."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp:
        udp.bind((HOST, 0))
        port: int = udp.getsockname()[1]
        return port


@asynccontextmanager
async def lit(settings: LedSettings, sink: LedSink | None = None) -> AsyncGenerator[tuple[Kernel, LedSink]]:
    """A kernel whose only sink is a wall; it ends as after Ctrl+C."""
    profile = ProfileSettings("test", KernelSettings(), {}, {"wall": settings})
    builder = Builder(profile)
    kernel = builder.kernel
    built = sink or builder.sink("wall")
    assert isinstance(built, LedSink)
    kernel.add_sink("wall", built, queue_bounds(settings.queue))
    with anyio.fail_after(TIMEOUT_S):
        async with anyio.create_task_group() as group:
            await group.start(kernel.run)
            yield kernel, built
            kernel.stop()


@st.composite
def mangled(draw: st.DrawFn, packets: Sequence[bytes]) -> bytes:
    """One of these packets with bytes changed, cut or added."""
    packet = bytearray(draw(st.sampled_from(packets)))
    for at, value in draw(st.dictionaries(st.integers(0, len(packet) - 1), st.integers(0, 255))).items():
        packet[at] = value
    return bytes(packet[: draw(st.integers(0, len(packet)))]) + draw(st.binary(max_size=700))


class OnAir:
    """What a source of universes publishes."""

    def __init__(self, kernel: Kernel, source: DeskSource) -> None:
        self.kernel: Final = kernel
        self.source: Final = source
        self._envelopes: Final = SimpleQueue[Envelope]()
        for kind in ("frame", "peripheral"):
            kernel.bus.connect(kind, self._envelopes.put)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self.source.address is not None
        return self.source.address

    async def next(self) -> Message:
        """Wait for a message."""
        found = await anyio.to_thread.run_sync(lambda: self._envelopes.get(timeout=TIMEOUT_S))
        return found.message

    async def image(self) -> Image.Image:
        """Wait for a picture."""
        while not isinstance(frame := await self.next(), Frame):
            pass
        return Image.open(BytesIO(frame.data)).convert("RGB")

    async def until_image(self, wanted: Image.Image) -> None:
        """Wait for this picture."""
        while (await self.image()).tobytes() != wanted.tobytes():
            pass

    async def until_value(self, id: str, wanted: object) -> None:  # noqa: A002 - the wire's own word
        """Wait for this value of a peripheral."""
        while True:
            found = await self.next()
            if isinstance(found, Peripheral) and (found.id, found.data) == (id, wanted):
                return


@asynccontextmanager
async def on_desk(type_: str, **given: Any) -> AsyncGenerator[OnAir]:
    """A kernel whose only source takes universes; it ends as after Ctrl+C."""
    kind = SOURCES.find(type_)
    settings = kind.settings.model_validate({"type": type_, "host": HOST, "port": 0, **given})
    kernel = Kernel(StreamCodec(), options=KernelOptions(backoff=Backoff(0.01, 0.01)))
    source = kind.build(settings, context("desk"))
    assert isinstance(source, DeskSource)
    kernel.add_source("desk", source)
    on_air = OnAir(kernel, source)
    with anyio.fail_after(TIMEOUT_S):
        async with anyio.create_task_group() as group:
            await group.start(kernel.run)
            await until(lambda: source.address)
            yield on_air
            kernel.stop()
