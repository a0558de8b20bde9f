"""What a record is made of, by its opcode: a length that disagrees with those inside it is damage.

The fields are those of https://mcap.dev/spec, "Records". A record of the file itself has no checksum, so that
its lengths agree is all that vouches for it.
"""

from collections.abc import Callable, Mapping
from typing import Final

from mcap.opcode import Opcode

FIRST_PRIVATE: Final = 0x80
"""Opcodes from here on are for records of other programs' own."""
_TEXT: Final = -4
"""A field of any length after its length in four bytes; a map and an array are stored so, too."""
_BLOB: Final = -8
"""A field of any length after its length in eight bytes."""
_LAYOUTS: Final[Mapping[int, tuple[int, ...]]] = {
    Opcode.HEADER: (_TEXT, _TEXT),
    Opcode.FOOTER: (20,),
    Opcode.SCHEMA: (2, _TEXT, _TEXT, _TEXT),
    Opcode.CHANNEL: (4, _TEXT, _TEXT, _TEXT),
    Opcode.MESSAGE: (22,),
    Opcode.CHUNK: (28, _TEXT, _BLOB),
    Opcode.MESSAGE_INDEX: (2, _TEXT),
    Opcode.CHUNK_INDEX: (32, _TEXT, 8, _TEXT, 16),
    Opcode.ATTACHMENT: (16, _TEXT, _TEXT, _BLOB, 4),
    Opcode.ATTACHMENT_INDEX: (40, _TEXT, _TEXT),
    Opcode.STATISTICS: (42, _TEXT),
    Opcode.METADATA: (_TEXT, _TEXT),
    Opcode.METADATA_INDEX: (16, _TEXT),
    Opcode.SUMMARY_OFFSET: (17,),
    Opcode.DATA_END: (4,),
}


def fits(opcode: int, length: int, read: Callable[[int, int], bytes], *, private: bool) -> bool:
    """Whether a record can be what it says it is.

    Args:
        opcode: what it says it is.
        length: of its content in bytes.
        read: gives so many bytes (second) from a place in the content (first).
        private: whether there may be records of other programs' own.
    """
    layout = _LAYOUTS.get(opcode)
    if layout is None:
        return private and opcode >= FIRST_PRIVATE
    at = 0
    for field in layout:
        at += field if field > 0 else int.from_bytes(read(at, -field), "little") - field
        if at > length:
            return False
    # A message's data reaches to the record's end, without a length of its own.
    return at == length or opcode == Opcode.MESSAGE
