"""How large packed bytes say they are, so that damaged ones never have memory taken for them."""

from typing import Final

_LZ4_HAS_SIZE: Final = 0x08
_ZSTD_DICTIONARY_BYTES: Final = (0, 1, 2, 4)


def size_of(compression: str, packed: bytes) -> int | None:
    """The unpacked size in bytes; None when they do not say.

    Args:
        compression: `lz4`, `zstd`, or nothing.
        packed: what was compressed.
    """
    if compression == "lz4":
        return _lz4_size(packed)
    if compression == "zstd":
        return _zstd_size(packed)
    return len(packed)


def _lz4_size(packed: bytes) -> int | None:
    # https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, "Frame Descriptor": four bytes of magic,
    # one of flags, one of block size, and eight of content size if a flag says so.
    has_size = len(packed) >= 14 and packed[4] & _LZ4_HAS_SIZE
    return int.from_bytes(packed[6:14], "little") if has_size else None


def _zstd_size(packed: bytes) -> int | None:
    # RFC 8878, section 3.1.1.1: four bytes of magic, a descriptor, a byte of window size unless there is a
    # single segment, a dictionary's number, the content size.
    if len(packed) < 18:
        return None
    descriptor = packed[4]
    flag, is_single = descriptor >> 6, descriptor >> 5 & 1
    start = 5 + (not is_single) + _ZSTD_DICTIONARY_BYTES[descriptor & 3]
    if flag == 0:
        return packed[start] if is_single else None
    size = int.from_bytes(packed[start : start + 2**flag], "little")
    return size + 256 if flag == 1 else size
