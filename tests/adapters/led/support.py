"""Walls for tests."""

import json
import socket
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final

from PIL import Image

from beats.adapters.sinks.ddp.settings import DdpSettings
from beats.pictures.pixels import Pixels
from tests.support import TIMEOUT_S

HOST: Final = "127.0.0.1"


def wall(width: int = 4, height: int = 2, **settings: Any) -> DdpSettings:
    """The settings of a wall, as from a file."""
    given = {"type": "ddp", "host": [HOST], "size": [width, height], **settings}
    return DdpSettings.model_validate_json(json.dumps(given))


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
