"""The Art-Net sink. Packets are those of the specification "Art-Net 4", by Artistic Licence.

Art-Net(TM) Designed by and Copyright Artistic Licence Engineering Ltd.
"""

from collections.abc import Sequence
from typing import Final

from beats.adapters.led import artnet as layout
from beats.adapters.led.sink import LedSink
from beats.adapters.led.targets import Packet
from beats.adapters.sinks.artnet.settings import ArtNetSettings
from beats.kernel.ports import Context

_SYNC: Final = layout.SYNC.pack(layout.ID, layout.OP_SYNC, 0, layout.VERSION, 0, 0)
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
            head = layout.DMX.pack(
                layout.ID, layout.OP_DMX, 0, layout.VERSION, self._sequence, 0, universe, *length
            )
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
