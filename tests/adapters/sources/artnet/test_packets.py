"""Art-Net byte by byte, from its specification, and damaged packets."""

from collections.abc import Collection
from typing import Final

import pytest
from hypothesis import given

from beats.adapters.led.senders import Levels, Sync
from beats.adapters.sources.artnet.packets import ArtNetReader
from tests.adapters.led.support import mangled

SENDER: Final = ("127.0.0.1", 6454)
DMX: Final = b"Art-Net\0" + bytes.fromhex("0050 000e 2a 00 2f01 0004") + b"abcd"
SYNC: Final = b"Art-Net\0" + bytes.fromhex("0052 000e 0000")
POLL: Final = b"Art-Net\0" + bytes.fromhex("0020 000e 0200")
REPLY: Final = b"Art-Net\0" + bytes.fromhex("0021") + bytes(229)


def read(packet: bytes) -> Levels | Sync | None:
    return ArtNetReader((), "desk").read(packet, SENDER)


def replies(universes: Collection[int], *, name: str = "desk") -> list[bytes]:
    reader = ArtNetReader(universes, name)
    assert reader.read(POLL, SENDER) is None
    answers = reader.answers(0)
    assert {to for _, to in answers} <= {SENDER}
    return [packet for packet, _ in answers]


def test_levels_and_syncs_are_read() -> None:
    """The universe is a number of 15 bits; a sender is known by its address."""
    assert read(DMX) == Levels(0x12F, "127.0.0.1", 0x2A, b"abcd", sync="127.0.0.1")
    assert read(SYNC) == Sync("127.0.0.1")
    assert read(REPLY) is None


def test_sequence_0_says_that_packets_have_no_numbers() -> None:
    """Then none is late."""
    found = read(DMX[:12] + b"\0" + DMX[13:])
    assert isinstance(found, Levels)
    assert found.sequence is None


def test_a_poll_is_answered_with_the_universes() -> None:
    """Four of a subnet in each reply, at the places of the specification."""
    made = replies([0x12D, 0x12E, 0x12F, 0x130, 5], name="Pult " * 20)
    assert {len(each) for each in made} == {239}
    assert [(each[18], each[19], each[173], each[190:194], each[211]) for each in made] == [
        (0, 0, 1, bytes([5, 0, 0, 0]), 1),
        (1, 2, 3, bytes([13, 14, 15, 0]), 2),
        (1, 3, 1, bytes([0, 0, 0, 0]), 3),
    ]
    first = made[0]
    assert (first[:10], first[10:14], first[14:16]) == (
        b"Art-Net\0\x00\x21",
        bytes([127, 0, 0, 1]),
        b"\x36\x19",
    )
    assert (first[26:44], first[44:108]) == (b"Pult Pult Pult Pu\0", b"Beats: " + b"Pult " * 11 + b"P\0")
    assert (first[174:178], first[200], first[207:211], first[212]) == (
        b"\x80\0\0\0",
        0,
        bytes([127, 0, 0, 1]),
        8,
    )


def test_answers_are_bounded() -> None:
    """No packet makes a burst of them, however many universes there are and however many polls come."""
    reader = ArtNetReader(range(0x8000), "desk")
    counts: list[int] = []
    for number in range(100):
        reader.read(POLL, SENDER)
        counts.append(len(reader.answers(number / 100)))
    assert [count for count in counts if count] == [255] * 4
    assert reader.answers(9) == []
    assert replies([]) == []


@pytest.mark.parametrize("packet", [b"", b"Art-Net\0", b"ASC-E1.17\0\0\0", DMX[:17], DMX[:-1]])
def test_a_damaged_packet_is_refused(packet: bytes) -> None:
    """It is cut, or of another protocol."""
    with pytest.raises(ValueError, match=r"Art-Net|channels|ArtDmx"):
        read(packet)


@given(mangled([DMX, SYNC, POLL, REPLY]))
def test_garbage_is_read_or_refused(packet: bytes) -> None:
    """There is no other error than `ValueError`, and a universe never has more than 512 channels."""
    try:
        said = read(packet)
    except ValueError:
        return
    if isinstance(said, Levels):
        assert len(said.data) <= 512
