"""Walls for tests."""

import json
import socket
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any, Final, TypeVar

import anyio
from PIL import Image

from beats.adapters.led.settings import LedSettings
from beats.adapters.led.sink import LedSink
from beats.adapters.sinks.artnet.settings import ArtNetSettings
from beats.adapters.sinks.ddp.settings import DdpSettings
from beats.adapters.sinks.sacn.settings import SacnSettings
from beats.config.settings import KernelSettings, ProfileSettings
from beats.kernel.run.kernel import Kernel
from beats.kit.bounds import queue_bounds
from beats.pictures.pixels import Pixels
from beats.runtime.builder import Builder
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
        self._udp: Final = udp
        self.port: Final[int] = udp.getsockname()[1]
        self.host: Final = f"{HOST}:{self.port}"

    def next(self) -> bytes:
        """Wait for a packet."""
        return self._udp.recv(65536)

    def take(self, count: int) -> Sequence[bytes]:
        """Wait for so many packets."""
        return [self.next() for _ in range(count)]

    def left(self) -> list[bytes]:
        """What has come, and was not taken."""
        self._udp.setblocking(False)
        found: list[bytes] = []
        try:
            while True:
                found.append(self.next())
        except BlockingIOError:
            self._udp.settimeout(TIMEOUT_S)
            return found


@contextmanager
def receiver() -> Generator[Receiver]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp:
        udp.bind((HOST, 0))
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
