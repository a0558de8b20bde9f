"""The source `artnet`, with the package `stupidartnet` as the desk."""

from importlib import import_module
from typing import Any

import pytest
from PIL import Image

from tests.adapters.led.support import HOST, on_desk

# The package has no types.
StupidArtnet: Any = import_module("stupidArtnet").StupidArtnet


@pytest.mark.anyio
async def test_a_foreign_desk_is_seen() -> None:
    """Both universes of the wall, across the border of a subnet, and a single channel, with ArtSync."""
    pictures = [Image.effect_noise((20, 10), 60).convert("RGB") for _ in range(3)]
    given = {"universe": 0x12F, "peripherals": {"haze": {"universe": 0x130, "channel": 512}}}
    async with on_desk("artnet", size=(20, 10), **given) as on_air:
        port = on_air.address[1]
        desks = [
            StupidArtnet(HOST, number, 512, port=port, artsync=number == 0x130) for number in (0x12F, 0x130)
        ]
        for number, picture in enumerate(pictures):
            data = picture.tobytes()
            desks[0].set(bytearray(data[:510] + bytes(2)))
            desks[1].set(bytearray(data[510:] + bytes(421) + bytes([number + 1])))
            for desk in desks:
                desk.show()
            await on_air.until_value("haze", number + 1)
            assert (await on_air.image()).tobytes() == picture.tobytes()
