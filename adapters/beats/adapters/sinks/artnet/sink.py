"""The Art-Net sink. Packets are those of the specification "Art-Net 4", by Artistic Licence.

Art-Net(TM) Designed by and Copyright Artistic Licence Engineering Ltd.
"""

import struct
from collections.abc import Sequence
from typing import Final

from beats.adapters.led.sink import LedSink
from beats.adapters.led.targets import Packet
from beats.adapters.sinks.artnet.settings import ArtNetSettings
from beats.kernel.ports import Context

_DMX: Final = struct.Struct("<8sHBBBBHBB")
"""ArtDmx: id, operation, version (high, low), sequence, physical port, universe, length (high, low)."""
_ID: Final = b"Art-Net\0"
_OP_DMX: Final = 0x5000
_OP_SYNC: Final = 0x5200
_VERSION: Final = 14
_SYNC: Final = struct.pack("<8sHBBBB", _ID, _OP_SYNC, 0, _VERSION, 0, 0)
_SEQUENCES: Final = 255


class ArtNetPackets:
    """An ArtDmx packet for each universe, then ArtSync."""

    def __init__(self, settings: ArtNetSettings) -> None:
        self._settings: Final = settings
        self._sequence = 0

    def frame(self, wire: bytes) -> Sequence[Packet]:
        """Packets of the next sequence number, from 1 to 255 and again; 0 would say that there are none."""
        self._sequence = self._sequence % _SEQUENCES + 1
        packets: list[Packet] = []
        for universe, data in zip(self._settings.numbers, self._settings.cut(wire), strict=True):
            even = data + b"\0" if len(data) % 2 else data  # the length must be an even number
            length = divmod(len(even), 256)
            head = _DMX.pack(_ID, _OP_DMX, 0, _VERSION, self._sequence, 0, universe, *length)
            packets.append(Packet(head + even))
        if self._settings.sync:
            packets.append(Packet(_SYNC))
        return packets

    def end(self) -> Sequence[Packet]:
        """Art-Net cannot tell the end: nodes notice that nothing comes."""
        return ()


class ArtNetSink(LedSink):
    """Shows a picture by Art-Net."""

    def __init__(self, settings: ArtNetSettings, context: Context) -> None:
        super().__init__(settings, context, ArtNetPackets(settings))
