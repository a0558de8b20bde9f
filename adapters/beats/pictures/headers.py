"""Width and height of PNG, JPEG, WebP and AVIF files, from their headers alone: nothing is decoded.

Each function may raise `struct.error` or `IndexError` where the bytes end too early; `formats` turns that
into a `PictureError`.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Final

from beats.pictures.errors import PictureError

Size = tuple[int, int]

_ONE_PICTURE: Final = "give one picture, or show the file with the source `images`"
_MAX_SEGMENTS: Final = 1_000
"""Of a JPEG before its frame header, chunks of a PNG before its pixels, and boxes of an AVIF. Real files
have dozens: a colour profile and EXIF are split into a few hundred at most. Without a bound, a file of
empty ones would cost seconds."""

_IHDR: Final = struct.Struct(">I4sIIBBBBBI")
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Allowed bit depths by colour type: PNG (third edition), section 11.2.1, table 12."""
_MAX_PNG_SIDE: Final = (1 << 31) - 1


def png_size(data: bytes) -> Size:
    """From the chunk IHDR, which must come first: PNG (third edition), sections 5.6 and 11.2.1."""
    length, name, width, height, depth, colour, compression, filters, interlace, crc = _IHDR.unpack_from(
        data, 8
    )
    if name == b"CgBI":
        raise PictureError("data is a PNG in Apple's own CgBI variant, which nothing else reads")
    if name != b"IHDR" or length != 13:
        raise PictureError("data is no whole PNG: its first chunk is not an IHDR of 13 bytes")
    if zlib.crc32(memoryview(data)[12:29]) != crc:
        raise PictureError("data is a damaged PNG: the checksum of its header is wrong")
    if depth not in _DEPTHS.get(colour, ()) or compression or filters or interlace > 1:
        raise PictureError(
            f"data is a PNG with an invalid header: colour type {colour}, depth {depth}, compression "
            f"{compression}, filter {filters}, interlace {interlace}"
        )
    if max(width, height) > _MAX_PNG_SIDE:
        raise PictureError(f"data is a PNG with an invalid header: a size of {width} x {height}")
    if _is_animated(data):
        raise PictureError(f"data is an animated PNG: {_ONE_PICTURE}")
    return width, height


def _is_animated(data: bytes) -> bool:
    """Whether a chunk acTL comes before the pixels and names several pictures: PNG (third edition), 11.3.6.1.

    Nothing is wrong where the file ends before that.
    """
    at = 33  # after IHDR
    for _ in range(_MAX_SEGMENTS):
        name = data[at + 4 : at + 8]
        if name == b"IDAT" or len(name) < 4:
            return False
        if name == b"acTL":
            return int.from_bytes(data[at + 8 : at + 12]) > 1
        at += 12 + int.from_bytes(data[at : at + 4])
    return False


_FILL: Final = re.compile(rb"\xff+")
_SOF: Final = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
"""Start of frame: all of 0xC0 to 0xCF but DHT, JPG and DAC (T.81, table B.1)."""
_SHOWN: Final = (0xC0, 0xC1, 0xC2)
"""Baseline, extended and progressive with Huffman coding: all that browsers decode."""
_ALONE: Final = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a length: TEM, RST0 to RST7, SOI (T.81, table B.1)."""


def jpeg_size(data: bytes) -> Size:
    """From the frame header, which follows other marker segments: T.81, sections B.1.1 and B.2.2."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        # Any number of fill bytes 0xFF may precede a marker: section B.1.1.2.
        fill = _FILL.match(data, at)
        if fill is None:
            raise PictureError(f"data is a damaged JPEG: byte {at} is {data[at]:#04x} in place of a marker")
        at = fill.end() + 1
        marker = data[at - 1]
        if marker in _ALONE:
            continue
        if marker in (0xD9, 0xDA):  # end of image, start of scan
            raise PictureError("data is a damaged JPEG: no frame header comes before its pixels")
        (length,) = struct.unpack_from(">H", data, at)
        if length < 2:
            raise PictureError(f"data is a damaged JPEG: the segment at byte {at} has a length of {length}")
        if marker in _SOF:
            return _frame_size(data, at, marker, length)
        at += length
    raise PictureError(f"data is a damaged JPEG: no frame header in its first {_MAX_SEGMENTS:,} segments")


def _frame_size(data: bytes, at: int, marker: int, length: int) -> Size:
    precision, height, width, components = struct.unpack_from(">BHHB", data, at + 2)
    data[at + length - 1]  # the whole header must be there
    if length != 8 + 3 * components or not components:
        raise PictureError("data is a damaged JPEG: the length of its frame header is wrong")
    if marker not in _SHOWN or precision != 8:
        raise PictureError(
            f"data is a JPEG that browsers do not show (SOF{marker - 0xC0}, {precision} bits): give a "
            "baseline or progressive JPEG of 8 bits"
        )
    if height == 0:  # a marker DNL after the first scan would tell it: section B.2.5
        raise PictureError("data is a JPEG whose header leaves out its height")
    return width, height


def webp_size(data: bytes) -> Size:
    """From the first chunk: RFC 9649, sections 2.4 to 2.7 and 3.4 (VP8L); RFC 6386, section 9.1 (VP8)."""
    riff_bytes, name, chunk_bytes = struct.unpack_from("<I4x4sI", data, 4)
    if riff_bytes + 8 > len(data):
        raise PictureError(
            f"data is a WebP that is cut off: {riff_bytes + 8:,} bytes by its header, {len(data):,} are there"
        )
    if chunk_bytes + 12 > riff_bytes:
        raise PictureError("data is a damaged WebP: its first chunk is longer than the file")
    if name == b"VP8 ":
        first, start, width, height = struct.unpack_from("<B2x3sHH", data, 20)
        if first & 1 or start != b"\x9d\x01\x2a":
            raise PictureError("data is a damaged WebP: it does not begin with a key frame")
        return width & 0x3FFF, height & 0x3FFF  # the upper two bits say how to scale it up
    if name == b"VP8L":
        signature, bits = struct.unpack_from("<BI", data, 20)
        if signature != 0x2F or bits >> 29:
            raise PictureError("data is a damaged WebP: its lossless header is invalid")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8X":
        flags, wide, high, higher = struct.unpack_from("<B3x3sHB", data, 20)
        if flags & 0x02:
            raise PictureError(f"data is an animated WebP: {_ONE_PICTURE}")
        return int.from_bytes(wide, "little") + 1, (high | higher << 16) + 1
    raise PictureError(f"data is a damaged WebP: it begins with a chunk {name!r}")


Box = tuple[bytes, int, int]
"""The name of a box, and where its content begins and ends."""


def avif_size(data: bytes) -> Size:
    """From the property `ispe` of the primary item: ISO/IEC 23008-12, sections 6.5.3 and 9.3."""
    boxes = _Boxes(data)
    meta = next((box for box in boxes.within(0, len(data)) if box[0] == b"meta"), None)
    if meta is None:
        raise PictureError("data is a damaged AVIF: it has no box `meta`")
    primary = -1
    properties: list[Box] = []
    links: dict[int, list[int]] = {}
    for name, begin, end in boxes.within(meta[1] + 4, meta[2]):  # after version and flags
        if name == b"pitm":
            (primary,) = struct.unpack_from(">I" if data[begin] else ">H", data, begin + 4)
        elif name == b"iprp":
            for inner, start, stop in boxes.within(begin, end):
                if inner == b"ipco":
                    properties = list(boxes.within(start, stop))
                elif inner == b"ipma":
                    links.update(_links(data, start, stop))
    for index in links.get(primary, ()):
        if 0 < index <= len(properties) and properties[index - 1][0] == b"ispe":
            width, height = struct.unpack_from(">II", data, properties[index - 1][1] + 4)
            return width, height
    raise PictureError("data is a damaged AVIF: its header does not tell the size of its main picture")


def brands(data: bytes) -> tuple[bytes, frozenset[bytes]]:
    """The major brand of a file of ISO/IEC 14496-12, and all that it is compatible with: section 4.3."""
    (size,) = struct.unpack_from(">I", data)
    end = min(max(size, 16), len(data), 16 + 4 * _MAX_SEGMENTS)
    return data[8:12], frozenset(data[at : at + 4] for at in range(16, end - 3, 4))


class _Boxes:
    """Walks the boxes of a file, as many as a real one has."""

    def __init__(self, data: bytes) -> None:
        self._data: Final = data
        self._left = _MAX_SEGMENTS

    def within(self, at: int, end: int) -> Iterator[Box]:
        """Those between two offsets: ISO/IEC 14496-12, section 4.2."""
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise PictureError(f"data is a damaged AVIF: it has more than {_MAX_SEGMENTS:,} boxes")
            size, name = struct.unpack_from(">I4s", self._data, at)
            begin = at + 8
            if size == 1:  # the size follows, in 64 bits
                (size,) = struct.unpack_from(">Q", self._data, begin)
                begin += 8
            stop = at + size if size else end  # 0: up to the end
            if stop < begin or stop > end:
                raise PictureError(f"data is a damaged AVIF, or cut off: the size of a box {name!r} is wrong")
            yield name, begin, stop
            at = stop


def _links(data: bytes, at: int, end: int) -> Iterator[tuple[int, list[int]]]:
    """The properties of each item, as numbers from 1 on: ISO/IEC 23008-12, section 9.3.2 (`ipma`)."""
    version, flags, count = struct.unpack_from(">B2xBI", data, at)
    item, link = (">IB" if version else ">HB"), (">H" if flags & 1 else ">B")
    mask = 0x7FFF if flags & 1 else 0x7F  # the upper bit says whether a reader must know the property
    at += 8
    for _ in range(count):
        number, amount = struct.unpack_from(item, data, at)
        at += struct.calcsize(item)
        step = struct.calcsize(link)
        if at + amount * step > end:
            raise PictureError("data is a damaged AVIF: its box `ipma` is too short")
        yield number, [struct.unpack_from(link, data, at + each * step)[0] & mask for each in range(amount)]
        at += amount * step
