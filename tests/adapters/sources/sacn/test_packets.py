"""sACN byte by byte: what the package `sacn` makes, and damaged packets."""

import socket
from contextlib import closing
from importlib import import_module
from typing import Any, Final

import pytest
from hypothesis import given

from beats.adapters.led.sacn import group_of
from beats.adapters.led.senders import Levels, Sync
from beats.adapters.sinks.sacn.sink import SacnPackets
from beats.adapters.sources.sacn.packets import SacnReader
from tests.adapters.led.support import HOST, mangled, receiver, sacn

# The package has no types.
DataPacket: Any = import_module("sacn.messages.data_packet").DataPacket
SyncPacket: Any = import_module("sacn.messages.sync_packet").SyncPacket
UniverseDiscovery: Any = import_module("sacn.messages.universe_discovery").UniverseDiscoveryPacket

CID: Final = tuple(range(16))
SENDER: Final = ("10.0.0.1", 5568)
NAME: Final = bytes(CID).hex()
WHOLE: Final = SacnPackets(sacn(sync_universe=900), "wall").frame(bytes(range(24)))


def read(packet: bytes, *, preview: bool = False) -> Levels | Sync | None:
    return SacnReader((7,), multicast=False, interface=None, preview=preview).read(packet, SENDER)


def data_packet(**options: Any) -> Any:
    packet = DataPacket(CID, "Bühne", 7, tuple(range(200)), 150, 42, sync_universe=900)
    for name, value in options.items():
        setattr(packet, name, value)
    return packet


def test_a_packet_of_another_implementation_is_read() -> None:
    """With universe, sender, sequence number, levels, priority, and whose synchronisation shows it."""
    found = read(bytes(data_packet().getBytes()))
    assert found == Levels(7, NAME, 42, bytes(range(200)) + bytes(312), 150, f"{NAME}/900")
    assert read(bytes(SyncPacket(CID, 900, 1).getBytes())) == Sync(f"{NAME}/900")


def test_a_packet_can_end_a_stream() -> None:
    """It has the bit Stream_Terminated, and perhaps no levels."""
    found = read(bytes(data_packet(option_StreamTerminated=True).getBytes()))
    assert isinstance(found, Levels)
    assert found.is_end
    for packet in SacnPackets(sacn(), "wall").end():
        found = read(packet.data)
        assert isinstance(found, Levels)
        assert found.is_end


def test_previews_are_for_visualisers_only() -> None:
    """They are left out unless the settings ask for them."""
    packet = bytes(data_packet(option_PreviewData=True).getBytes())
    assert read(packet) is None
    assert isinstance(read(packet, preview=True), Levels)


def test_the_group_of_a_synchronisation_universe_is_joined_when_a_sender_names_it() -> None:
    """It can be any, and its packets go to its own group."""
    reader = SacnReader((7,), multicast=True, interface=HOST, preview=False)
    with (
        receiver("0.0.0.0") as listening,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender,
    ):
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HOST))
        reader.join(listening.udp)
        reader.read(bytes(data_packet(syncAddr=4242).getBytes()), SENDER)
        sender.sendto(b"sync", (group_of(4242), listening.port))
        assert listening.next() == b"sync"
        reader.close()


def test_without_multicast_no_group_is_joined() -> None:
    """A socket that knows no groups would refuse to."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as without_groups:
        SacnReader((7,), multicast=False, interface=HOST, preview=False).join(without_groups)
        with pytest.raises(OSError, match="not supported"):
            SacnReader((7,), multicast=True, interface=HOST, preview=False).join(without_groups)


def test_what_is_for_others_is_left_out() -> None:
    """Universe discovery, and start codes but 0, such as priorities of single channels."""
    assert read(bytes(UniverseDiscovery(CID, "desk", (1, 2)).getBytes())) is None
    assert read(bytes(data_packet(dmxStartCode=0xDD).getBytes())) is None


@pytest.mark.parametrize(
    "packet", [b"", b"Art-Net\0", WHOLE[0].data[:125], WHOLE[0].data[:-1], WHOLE[1].data[:48]]
)
def test_a_damaged_packet_is_refused(packet: bytes) -> None:
    """It is cut, or of another protocol."""
    with pytest.raises(ValueError, match=r"bytes"):
        read(packet)


@given(mangled([packet.data for packet in WHOLE]))
def test_garbage_is_read_or_refused(packet: bytes) -> None:
    """There is no other error than `ValueError`, and a universe never has more than 512 channels."""
    try:
        said = read(packet, preview=True)
    except ValueError:
        return
    if isinstance(said, Levels):
        assert len(said.data) <= 512
        assert said.priority <= 200
