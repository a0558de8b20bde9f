"""sACN, against packets that the package `sacn` makes, and received by it."""

import socket
import sys
from importlib import import_module
from queue import SimpleQueue
from typing import Any, Final

import anyio
import pytest
from PIL import Image

from beats.adapters.led.sacn import TERMINATED, group_of
from beats.adapters.sinks.sacn.settings import SacnSettings
from beats.adapters.sinks.sacn.sink import SacnPackets
from beats.kernel.envelope import Frame
from tests.adapters.led.support import HOST, free_udp_port, lit, receiver, sacn
from tests.support import TIMEOUT_S, png_of

# The package has no types.
DataPacket: Any = import_module("sacn.messages.data_packet").DataPacket
SyncPacket: Any = import_module("sacn.messages.sync_packet").SyncPacket
Receiver: Any = import_module("sacn").sACNreceiver

FULL: Final = bytes(index % 251 for index in range(1024))
"""Two whole universes of RGBW."""
IP_RECVTTL: Final = 12
"""Of linux/in.h; Python does not know it."""


def packets(**given: Any) -> SacnPackets:
    return SacnPackets(sacn(16, 16, color_order="rgbw", **given), "test/wall")


@pytest.mark.parametrize("sync", [0, 900])
def test_a_frame_is_what_another_implementation_makes(sync: int) -> None:
    """Each universe with its part of the pixels, byte for byte, then the synchronisation packet."""
    ours = packets(universe=500, priority=150, source_name="Bühne", sync_universe=sync)
    ours.frame(FULL)
    made = [packet.data for packet in ours.frame(FULL)]
    cid = tuple(ours.cid)
    theirs: list[Any] = [
        DataPacket(cid, "Bühne", universe, tuple(part), 150, 1, sync_universe=sync)
        for universe, part in ((500, FULL[:512]), (501, FULL[512:]))
    ]
    if sync:
        theirs.append(SyncPacket(cid, sync, 1))
    assert made == [bytes(each.getBytes()) for each in theirs]


def test_multicast_goes_to_the_group_of_the_universe() -> None:
    """239.255 and the two bytes of its number."""
    groups = [packet.group for packet in packets(universe=500, sync_universe=1).frame(FULL)]
    assert groups == ["239.255.1.244", "239.255.1.245", "239.255.0.1"]


def test_sequence_numbers_use_every_byte() -> None:
    """From 0 to 255, and again."""
    ours = packets()
    assert [ours.frame(FULL)[0].data[111] for _ in range(257)] == [*range(256), 0]


def test_the_id_of_a_source_outlives_a_restart() -> None:
    """And differs from those of other sinks of the machine."""
    assert packets().cid == packets().cid
    assert packets().cid != SacnPackets(sacn(), "test/other").cid


def test_each_universe_is_told_three_times_that_the_stream_has_ended() -> None:
    """Without pixels, with rising sequence numbers."""
    ours = packets()
    ours.frame(FULL)
    ends = [DataPacket.make_data_packet(tuple(packet.data)) for packet in ours.end()]
    told = [(end.universe, end.sequence, end.option_StreamTerminated) for end in ends]
    assert told == [(universe, sequence, True) for sequence in (1, 2, 3) for universe in (1, 2)]
    assert {len(packet.data) for packet in ours.end()} == {126}


@pytest.mark.anyio
async def test_a_foreign_receiver_gets_the_picture_and_its_end() -> None:
    """Both universes of the wall, and at the end that they are no longer available."""
    port = free_udp_port()
    got: SimpleQueue[tuple[int, bytes]] = SimpleQueue()
    changes: SimpleQueue[tuple[int, str]] = SimpleQueue()
    other = Receiver("127.0.0.1", port)

    def take(packet: Any) -> None:
        got.put((packet.universe, bytes(packet.dmxData)))

    def note(universe: int, changed: str) -> None:
        changes.put((universe, changed))

    for universe in (7, 8):
        other.register_listener("universe", take, universe=universe)
    other.register_listener("availability", note)
    image = Image.effect_noise((20, 10), 60).convert("RGB")
    wire = image.tobytes()
    other.start()
    try:
        settings = sacn(20, 10, host=[f"127.0.0.1:{port}"], universe=7)
        async with lit(settings) as (kernel, _):
            await kernel.publisher.publish_async(Frame(png_of(image)))
            received = dict([await anyio.to_thread.run_sync(got.get) for _ in range(2)])
        assert received == {7: wire[:510] + bytes(2), 8: wire[510:] + bytes(512 - 90)}
        heard = [changes.get(timeout=TIMEOUT_S) for _ in range(4)]
        assert sorted(heard[:2]) == [(7, "available"), (8, "available")]
        assert set(heard[2:]) == {(7, "timeout"), (8, "timeout")}
    finally:
        other.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the number is that of Linux")
@pytest.mark.anyio
@pytest.mark.parametrize("on_end", ["off", "hold"])
async def test_multicast_stays_in_its_network_and_ends_as_it_is_told_to(
    on_end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No router passes it on; `off` says that the stream has ended, `hold` nothing; no pixel goes dark."""
    with receiver("0.0.0.0") as wall:
        monkeypatch.setattr(SacnSettings, "default_port", wall.port)
        membership = socket.inet_aton(group_of(7)) + socket.inet_aton(HOST)
        wall.udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        wall.udp.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        given: dict[str, Any] = {
            "host": [],
            "interface": HOST,
            "universe": 7,
            "on_end": on_end,
            "keepalive_s": 0,
        }
        async with lit(sacn(4, 2, **given)) as (kernel, _):
            await kernel.publisher.publish_async(Frame(png_of(Image.new("RGB", (4, 2), "red"))))
            data, [(*_, ttl)], *_ = await anyio.to_thread.run_sync(wall.udp.recvmsg, 2000, 64)
        assert data[126:] == bytes((255, 0, 0)) * 8
        assert int.from_bytes(ttl, sys.byteorder) == 1
        ends = [(len(packet) - 126, bool(packet[112] & TERMINATED)) for packet in wall.left()]
        assert ends == ([(0, True)] * 3 if on_end == "off" else [])
