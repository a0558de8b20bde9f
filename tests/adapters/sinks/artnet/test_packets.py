"""Art-Net byte by byte, from its specification."""

from typing import Any

from beats.adapters.sinks.artnet.settings import ArtNetSettings
from beats.adapters.sinks.artnet.sink import ArtNetPackets
from tests.adapters.led.support import artnet

SYNC = b"Art-Net\0" + bytes.fromhex("0052 000e 0000")


def packets(wire: bytes, **given: Any) -> list[bytes]:
    return [packet.data for packet in ArtNetPackets(artnet(**given)).frame(wire)]


def test_a_small_frame_is_one_universe_and_a_sync() -> None:
    """ArtDmx: version 14, sequence 1, physical port 0, universe 0, an even length; then ArtSync."""
    head = b"Art-Net\0" + bytes.fromhex("0050 000e 01 00 0000 0004")
    assert packets(b"rgb", width=1, height=1) == [head + b"rgb\0", SYNC]
    assert packets(b"rgb", width=1, height=1, sync=False) == [head + b"rgb\0"]


def test_a_large_frame_is_cut_into_universes() -> None:
    """170 pixels of RGB in each; a number is net, subnet and universe: 0x12f is 1, 2 and 15."""
    wire = bytes(index % 251 for index in range(600))
    first, second, _ = packets(wire, width=20, height=10, universe=0x12F)
    assert first == b"Art-Net\0" + bytes.fromhex("0050 000e 01 00 2f01 01fe") + wire[:510]
    assert second == b"Art-Net\0" + bytes.fromhex("0050 000e 01 00 3001 005a") + wire[510:]


def test_sequence_numbers_go_from_1_to_255() -> None:
    """All universes of a frame have the same one; 0 would say that they are not used."""
    art = ArtNetPackets(artnet(20, 10, sync=False))
    numbers = [packet.data[12] for _ in range(256) for packet in art.frame(bytes(600))]
    assert numbers == [number for number in [*range(1, 256), 1] for _ in range(2)]


def test_the_settings_are_those_of_art_net() -> None:
    """Its port, and its 32,768 universes."""
    assert (ArtNetSettings.default_port, ArtNetSettings.last_universe) == (6454, 32_767)
