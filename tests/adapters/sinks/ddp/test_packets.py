"""DDP byte by byte, from its description at http://www.3waylabs.com/ddp/."""

from typing import Any

from beats.adapters.sinks.ddp.sink import DdpPackets
from tests.adapters.led.support import wall


def packets(wire: bytes, **given: Any) -> list[bytes]:
    return [packet.data for packet in DdpPackets(wall(**given)).frame(wire)]


def test_a_small_frame_is_one_packet() -> None:
    """Version 1 with the push flag, number 1, RGB of 8 bits, default output, offset 0, length, pixels."""
    assert packets(b"abcdef") == [bytes.fromhex("41 01 0b 01 00000000 0006") + b"abcdef"]


def test_a_large_frame_is_cut_into_packets_of_1440_bytes() -> None:
    """Each with its offset in bytes and a number of its own; only the last one has the push flag."""
    wire = bytes(index % 251 for index in range(3000))
    first, second, third = packets(wire, width=100, height=10)
    assert first == bytes.fromhex("40 01 0b 01 00000000 05a0") + wire[:1440]
    assert second == bytes.fromhex("40 02 0b 01 000005a0 05a0") + wire[1440:2880]
    assert third == bytes.fromhex("41 03 0b 01 00000b40 0078") + wire[2880:]


def test_white_leds_and_an_offset_are_told() -> None:
    """The type is RGBW, and the offset of pixels becomes one of bytes."""
    assert packets(b"wbgr", color_order="wbgr", offset=70_000) == [
        bytes.fromhex("41 01 1b 01 000445c0 0004") + b"wbgr"
    ]


def test_numbers_go_from_1_to_15() -> None:
    """0 would say that they are not used."""
    ddp = DdpPackets(wall())
    numbers = [packet.data[1] for _ in range(17) for packet in ddp.frame(b"abc")]
    assert numbers == [*range(1, 16), 1, 2]
