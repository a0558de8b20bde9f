"""A show recorder: what a lighting desk sends is recorded, and played into a wall."""

import socket
import time
from contextlib import closing
from pathlib import Path

from PIL import Image

from beats.adapters.led.senders import Levels
from beats.adapters.sinks.sacn.sink import SacnPackets
from beats.adapters.sources.sacn.packets import SacnReader
from tests.adapters.led.support import HOST, free_udp_port, receiver, sacn
from tests.support import PORT_0, beats, ran, watching

LAYOUT = "{ serpentine = true, start = 'bottom_right' }"
SIZE = "[20, 10]"
FRAMES = 5


def levels(packet: bytes) -> tuple[int, bytes]:
    """Universe and levels of a packet."""
    read = SacnReader((), multicast=False, interface=None, preview=False).read(packet, (HOST, 0))
    assert isinstance(read, Levels)
    return read.universe, read.data


def test_a_recorded_show_plays_into_equal_packets(tmp_path: Path) -> None:
    """Both universes of every frame, in order, by way of a recording; both sides have the same settings."""
    (tmp_path / "config").mkdir()
    port = free_udp_port()
    wall = f"type = 'sacn'\nsize = {SIZE}\nlayout = {LAYOUT}\ncolor_order = 'grb'\nuniverse = 7\n"
    for name, text in {
        "desk": f"[sources.desk]\nhost = '{HOST}'\nport = {port}\nmulticast = false\n{wall}",
        "wall": f"[sinks.wall]\nkeepalive_s = 0\non_end = 'hold'\nfps = 240\n{wall}",
    }.items():
        demo = "[sources.demo]\nenabled = false\n"
        (tmp_path / "config" / f"{name}.toml").write_text(f"{demo}{text}")
    desk = SacnPackets(sacn(20, 10, universe=7), "desk")
    sent: list[tuple[int, bytes]] = []
    arguments = ("record", "--profile", "desk", "--out", "show.mcap", *PORT_0)
    with (
        beats(*arguments, cwd=tmp_path, stdin=None) as recorder,
        watching(recorder.url) as viewer,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp,
    ):
        recorder.err.wait_for("source 'desk': listening")
        for _ in range(FRAMES):
            for packet in desk.frame(Image.effect_noise((20, 10), 60).convert("RGB").tobytes()):
                udp.sendto(packet.data, (HOST, port))
                sent.append(levels(packet.data))
            viewer.until(lambda envelope: envelope.topic == "frame")
            time.sleep(0.01)  # a wall skips frames that follow each other too quickly
        assert recorder.interrupt() == 0, recorder.err.text()
    with receiver() as controller:
        to = ("--profile", "wall", "--set", f"sinks.wall.host={controller.host}")
        code, _, err = ran("replay", "show.mcap", "--speed", "0.1", *to, *PORT_0, cwd=tmp_path)
        assert code == 0, err
        assert [levels(packet) for packet in controller.left()] == sent
