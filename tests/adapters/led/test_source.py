"""A source of universes: what sinks send comes back as it was, and what else may come by UDP."""

import json
import select
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from beats.adapters.led.frames import Frames
from beats.adapters.led.mapping import Tone, WallMapping, WireReader
from beats.adapters.led.senders import Levels, Sync
from beats.adapters.led.source import Reader
from beats.adapters.sinks.artnet.sink import ArtNetPackets
from beats.adapters.sinks.sacn.sink import SacnPackets
from beats.adapters.sources.artnet.packets import ArtNetReader
from beats.adapters.sources.artnet.settings import ArtNetSourceSettings
from beats.adapters.sources.artnet.source import ArtNetSource
from beats.adapters.sources.sacn.packets import SacnReader
from beats.adapters.sources.sacn.settings import SacnSourceSettings
from tests.adapters.led.support import HOST, artnet, numbered, on_desk, pixels, sacn
from tests.adapters.sinks.websocket.support import until
from tests.adapters.sources.support import context

SENDER: Final = (HOST, 6454)
PLAIN: Final = Tone(1, 1)


class Desk:
    """Sends a picture by Art-Net."""

    def __init__(self, address: tuple[str, int], width: int = 4, height: int = 2, **given: Any) -> None:
        wall = artnet(width, height, **given)
        self._packets: Final = ArtNetPackets(wall)
        self._mapping: Final = WallMapping(wall)
        self._to: Final = address

    def send(self, image: Image.Image) -> None:
        """Send all universes."""
        self.send_bytes(
            *(packet.data for packet in self._packets.frame(self._mapping.wire(pixels(image), PLAIN)))
        )

    def send_bytes(self, *packets: bytes) -> None:
        """Send whatever this is."""
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp:
            for packet in packets:
                udp.sendto(packet, self._to)


def solid(colour: str) -> Image.Image:
    return Image.new("RGB", (4, 2), colour)


def _by_artnet(wall: dict[str, Any], wire: Callable[[Any], bytes]) -> tuple[list[bytes], Any, Reader]:
    sink = artnet(**wall)
    source = ArtNetSourceSettings.model_validate_json(_json("artnet", wall))
    return [each.data for each in ArtNetPackets(sink).frame(wire(sink))], source, ArtNetReader((), "")


def _by_sacn(wall: dict[str, Any], wire: Callable[[Any], bytes]) -> tuple[list[bytes], Any, Reader]:
    sink = sacn(**wall, sync_universe=9)
    source = SacnSourceSettings.model_validate_json(_json("sacn", wall))
    reader = SacnReader(source.wanted, multicast=False, interface=None, preview=False)
    return [each.data for each in SacnPackets(sink, "wall").frame(wire(sink))], source, reader


def _json(type_: str, wall: dict[str, Any]) -> str:
    rest = {key: value for key, value in wall.items() if key not in ("width", "height")}
    return json.dumps({"type": type_, "size": [wall["width"], wall["height"]], **rest})


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([_by_artnet, _by_sacn]),
    st.fixed_dictionaries(
        {
            "width": st.integers(1, 10).map(lambda half: 2 * half),
            "height": st.integers(1, 20),
            "color_order": st.sampled_from(["rgb", "gbr", "wrgb"]),
            "pixels_per_universe": st.none() | st.integers(1, 128),
            "offset": st.integers(0, 300),
            "universe": st.integers(1, 300),
            "layout": st.fixed_dictionaries(
                {
                    "columns": st.sampled_from([1, 2]),
                    "serpentine": st.booleans(),
                    "start": st.sampled_from(["top_left", "bottom_right"]),
                    "rotation": st.sampled_from([0, 180]),
                }
            ),
        }
    ),
)
def test_the_picture_of_a_sink_comes_back_as_it_was(
    by: Callable[[dict[str, Any], Callable[[Any], bytes]], tuple[list[bytes], Any, Reader]],
    wall: dict[str, Any],
) -> None:
    """By either protocol, with any wiring and any cut, when both have the same settings; in one frame."""
    image = numbered(wall["width"], wall["height"])
    packets, source, reader = by(wall, lambda sink: WallMapping(sink).wire(pixels(image), PLAIN))
    frames = Frames(source.wanted, reader.sync_timeout_s)
    for packet in packets:
        said = reader.read(packet, SENDER)
        if isinstance(said, Levels):
            frames.add(said, 0)
        elif isinstance(said, Sync):
            frames.sync(said, 0)
    found = frames.take(0)
    assert found is not None
    assert frames.count == 1
    reads = WireReader(source.size, source.layout, source.color_order)
    assert reads.picture(source.join(found), PLAIN).packed() == image.tobytes()


@pytest.mark.anyio
async def test_picture_and_peripherals_come_from_one_desk() -> None:
    """The picture has its id; a peripheral comes when it has changed."""
    patch = {"dimmer": {"channel": 2}, "pan": {"universe": 3, "channel": 1, "bits": 16}}
    async with on_desk("artnet", size=(4, 2), picture="stage", peripherals=patch) as on_air:
        desk = Desk(on_air.address)
        desk.send(solid("red"))
        first, second = await on_air.next(), await on_air.next()
        desk.send(solid("lime"))
        third, fourth = await on_air.next(), await on_air.next()
    assert [(each.id, getattr(each, "data", None)) for each in (first, third)] == [
        ("dimmer", 0),
        ("dimmer", 255),
    ]
    assert [each.id for each in (second, fourth)] == ["stage", "stage"]


@pytest.mark.anyio
@pytest.mark.parametrize(("on_loss", "seen"), [("black", "black"), ("hold", "lime")])
async def test_a_lost_desk_leaves_the_picture_or_a_dark_one(on_loss: str, seen: str) -> None:
    """As `on_loss` says; a desk that comes back is seen again."""
    async with on_desk("artnet", size=(4, 2), on_loss=on_loss, timeout_s=0.05) as on_air:
        desk = Desk(on_air.address)
        desk.send(solid("red"))
        await on_air.until_image(solid("red"))
        await until(lambda: on_air.source.metrics()["live_universes"] == 0)
        desk.send(solid("lime"))
        await on_air.until_image(solid("lime"))
        await until(lambda: on_air.source.metrics()["live_universes"] == 0)
        if on_loss == "black":
            await on_air.until_image(solid(seen))
        desk.send(solid("blue"))
        assert (await on_air.image()).tobytes() == solid("blue").tobytes()


@pytest.mark.anyio
async def test_garbage_and_floods_are_survived_and_counted() -> None:
    """The desk is seen as before."""
    async with on_desk("sacn", size=(4, 2)) as on_air:
        sender = Desk(on_air.address)
        for _ in range(20):
            sender.send_bytes(*[b"garbage" * 100] * 100, b"")
            await anyio.lowlevel.checkpoint()
        packets = SacnPackets(sacn(4, 2), "wall").frame(solid("lime").tobytes())
        await until(lambda: on_air.source.metrics()["unreadable_total"])
        await until(lambda: not _is_readable(on_air.source))
        sender.send_bytes(*(packet.data for packet in packets))
        await on_air.until_image(solid("lime"))
        found = on_air.source.metrics()
        assert found["packets_total"] == found["unreadable_total"] + 1


def _is_readable(source: Any) -> bool:
    return bool(select.select([source._transport.get_extra_info("socket").fileno()], [], [], 0)[0])


@pytest.mark.anyio
async def test_of_a_fast_desk_the_newest_frame_is_published_at_the_rate() -> None:
    """Frames between are left out: there is no backlog."""
    async with on_desk("artnet", size=(4, 2), fps=20) as on_air:
        desk = Desk(on_air.address)
        for number in range(100):
            desk.send(Image.new("RGB", (4, 2), (number, 0, 0)))
            await anyio.sleep(0.001)
        last = Image.new("RGB", (4, 2), (99, 0, 0))
        await on_air.until_image(last)
        (source,) = on_air.kernel.stats().sources
        assert on_air.source.metrics()["frames_total"] == 100
        assert source.published < 50


@pytest.mark.anyio
async def test_a_port_in_use_is_told_and_tried_again() -> None:
    """Once it is free, the source listens."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        async with on_desk("artnet", size=(4, 2)) as other:
            settings = ArtNetSourceSettings(type="artnet", host=HOST, port=port, size=(4, 2))
            source = ArtNetSource(settings, context("late"))
            other.kernel.add_source("late", source)
            await until(lambda: other.kernel.stats().sources[1].last_error)
            said = other.kernel.stats().sources[1].last_error
            assert f"UDP port {port} on '127.0.0.1' is in use, perhaps by a lighting program" in said
            taken.close()
            await until(lambda: source.address)
