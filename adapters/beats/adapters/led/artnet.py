"""The layout of Art-Net's packets, from the specification "Art-Net 4", by Artistic Licence.

Art-Net(TM) Designed by and Copyright Artistic Licence Engineering Ltd.
"""

import struct
from typing import Final

PORT: Final = 6454
LAST_UNIVERSE: Final = 0x7FFF
ID: Final = b"Art-Net\0"
VERSION: Final = 14
OP_POLL, OP_POLL_REPLY, OP_DMX, OP_SYNC = 0x2000, 0x2100, 0x5000, 0x5200
HEAD: Final = struct.Struct("<8sH")
"""What every packet begins with: id, operation."""
DMX: Final = struct.Struct("<8sHBBBBHBB")
"""ArtDmx: id, operation, version (high, low), sequence, physical port, universe, length (high, low)."""
SYNC: Final = struct.Struct("<8sHBBBB")
"""ArtSync: id, operation, version (high, low), two that are 0."""
