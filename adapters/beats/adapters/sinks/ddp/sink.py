"""The DDP sink. The protocol is described at http://www.3waylabs.com/ddp/."""

import struct
from collections.abc import Sequence
from typing import Final

from beats.adapters.led.sink import LedSink
from beats.adapters.led.targets import Packet
from beats.adapters.sinks.ddp.settings import DdpSettings
from beats.kernel.ports import Context

_HEADER: Final = struct.Struct(">BBBBIH")
_VERSION_1: Final = 0x40
_PUSH: Final = 0x01
"""Show what has come: the flag of the last packet of a frame."""
_TYPES: Final = {3: 0x0B, 4: 0x1B}
"""The data type by the bytes of a pixel: RGB or RGBW, 8 bits for each colour."""
_DISPLAY: Final = 1
"""The default output of a controller."""
_MAX_BYTES: Final = 1440
"""Most bytes of pixels in a packet: 480 pixels of RGB, 360 of RGBW."""
_SEQUENCES: Final = 15


class DdpPackets:
    """A header of ten bytes before each 1,440 bytes of pixels."""

    def __init__(self, settings: DdpSettings) -> None:
        self._type: Final = _TYPES[settings.channels]
        self._first: Final = settings.offset * settings.channels
        self._sequence = 0

    def frame(self, wire: bytes) -> Sequence[Packet]:
        """Each packet has the next number from 1 to 15, and the last one of a frame the push flag.

        With the same number, controllers may take the second packet of a frame for a copy of the first.
        """
        packets: list[Packet] = []
        for at in range(0, len(wire), _MAX_BYTES):
            self._sequence = self._sequence % _SEQUENCES + 1
            part = wire[at : at + _MAX_BYTES]
            flags = _VERSION_1 | (_PUSH if at + len(part) == len(wire) else 0)
            place = (self._first + at, len(part))
            packets.append(Packet(_HEADER.pack(flags, self._sequence, self._type, _DISPLAY, *place) + part))
        return packets

    def end(self) -> Sequence[Packet]:
        """DDP cannot tell the end: controllers notice that nothing comes."""
        return ()


class DdpSink(LedSink):
    """Shows a picture by DDP."""

    def __init__(self, settings: DdpSettings, context: Context) -> None:
        super().__init__(settings, context, DdpPackets(settings))
