"""JPEG pictures as cameras send them (Motion JPEG), made whole so that browsers show them."""

from typing import Final

from beats.pictures.errors import PictureError

_SOI: Final = b"\xff\xd8"
_EOI: Final = b"\xff\xd9"
_DHT: Final = 0xC4
_SOS: Final = 0xDA
_APP0: Final = 0xE0


def _table(kind: int, counts: str, values: bytes) -> bytes:
    """One Huffman table: its class and destination, the number of codes by length, their values (B.2.4.2)."""
    return bytes([kind]) + bytes.fromhex(counts) + values


_AC_LUMINANCE: Final = bytes.fromhex(
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a"
    "3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a929394"
    "95969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8"
    "e9eaf1f2f3f4f5f6f7f8f9fa"
)
_AC_CHROMINANCE: Final = bytes.fromhex(
    "0001020311040521310612415107617113223281081442 91a1b1c109233352f0156272d10a162434e125f11718191a262728"
    "292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92"
    "939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7"
    "e8e9eaf2f3f4f5f6f7f8f9fa"
)
_TABLES: Final = b"".join(
    (
        _table(0x00, "00010501010101010100000000000000", bytes(range(12))),
        _table(0x10, "0002010303020403050504040000017d", _AC_LUMINANCE),
        _table(0x01, "00030101010101010101010000000000", bytes(range(12))),
        _table(0x11, "00020102040403040705040400010277", _AC_CHROMINANCE),
    )
)
STANDARD_TABLES: Final = b"\xff\xc4" + (len(_TABLES) + 2).to_bytes(2) + _TABLES
"""The typical Huffman tables of ITU-T T.81, annex K.3: those that Motion JPEG means when it has none."""


def whole(data: bytes) -> bytes:
    """A picture of a Motion JPEG stream as a JPEG file: with Huffman tables, and nothing after its end.

    Raises:
        PictureError: it is cut off, or one of two fields of an interlaced picture.
    """
    end = data.rfind(_EOI)
    if not data.startswith(_SOI) or end < 0:
        raise PictureError(f"a damaged JPEG of {len(data):,} bytes: it lacks its beginning or its end")
    if end + len(_EOI) != len(data):
        data = data[: end + len(_EOI)]
    at, has_tables = len(_SOI), False
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker == _SOS:
            return data if has_tables else data[:at] + STANDARD_TABLES + data[at:]
        if marker == _APP0 and data[at + 4 : at + 8] == b"AVI1" and data[at + 8 : at + 9] not in (b"", b"\0"):
            raise PictureError("an interlaced picture of two fields: give size, so that it is decoded")
        has_tables = has_tables or marker == _DHT
        at += 2 + length
    raise PictureError("a damaged JPEG: no scan follows its headers")
