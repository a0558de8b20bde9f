"""What a viewer without animation sees of an animated PNG (https://www.w3.org/TR/png-3/)."""

import struct
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_ANIMATION: Final = (b"acTL", b"fcTL", b"fdAT")
"""The chunks that such a viewer skips."""


def without_animation(data: bytes) -> bytes | None:
    """An animated PNG file as a plain one that holds its default image; None when it has no animation.

    Args:
        data: the file without its signature; it may be cut anywhere.
    """
    kept = [SIGNATURE]
    at, is_animated = 0, False
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if name in _ANIMATION:
            is_animated = is_animated or name == b"acTL"
        else:
            kept.append(data[at:end])
        at = end
    return b"".join(kept) if is_animated else None
