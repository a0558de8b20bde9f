"""The layout of sACN's packets: ANSI E1.31-2018."""

import struct
from typing import Final

PORT: Final = 5568
LAST_UNIVERSE: Final = 63_999
"""Section 6.2.7."""
ROOT: Final = struct.Struct(">HH12sHI16s")
"""Root layer: preamble, postamble, id, flags and length, vector, CID. Section 5."""
FRAMING: Final = struct.Struct(">HI64sBHBBH")
"""Flags and length, vector, source name, priority, synchronisation address, sequence, options, universe.
Section 6.2."""
DMP: Final = struct.Struct(">HBBHHHB")
"""Flags and length, vector, type, first address, increment, count, start code. Section 7."""
SYNC: Final = struct.Struct(">HIBHH")
"""Flags and length, vector, sequence, synchronisation address, reserved. Section 6.3."""
ID: Final = b"ASC-E1.17\0\0\0"
FLAGS: Final = 0x7000
ROOT_DATA, ROOT_EXTENDED = 0x00000004, 0x00000008
FRAMING_DATA, FRAMING_SYNC = 0x00000002, 0x00000001
DMP_SET: Final = 0x02
PREVIEW, TERMINATED = 0x80, 0x40
"""Options. Section 6.2.6."""


def group_of(universe: int) -> str:
    """The multicast address of a universe: section 9.3.1."""
    return f"239.255.{universe >> 8}.{universe & 255}"
