"""Takes PNG files apart, checks whether a decoder will accept them, and decodes them.

Sections are those of the PNG specification, third edition (https://www.w3.org/TR/png-3/).
"""

import io
import struct
import warnings
import zlib
from typing import Final, NamedTuple

from PIL import Image, ImageOps

from beats.pictures.conversion import MAX_PX, to_rgb
from beats.pictures.encoders import png_chunk, transcode
from beats.pictures.errors import PictureError
from beats.proto.encode import PNG_SIGNATURE

PALETTE: Final = 3
"""The colour type of pictures whose pixels are indices into a palette (section 11.2.1)."""
RGB: Final = 2
RGBA: Final = 6
_WITH_ALPHA: Final = (4, RGBA)
_CHANNELS: Final = {0: 1, RGB: 3, PALETTE: 1, 4: 2, RGBA: 4}
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), 4: (8, 16), RGBA: (8, 16)}
_HEADER: Final = struct.Struct(">IIBBBBB")
_LENGTH_AND_NAME: Final = struct.Struct(">I4s")
_PASSES: Final = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""Adam7 (section 8.1): first column, first row, and the steps between them, of each pass."""
_STEP_BYTES: Final = 1 << 18
_SPARE_BYTES: Final = 1 << 16
"""Data beyond the last row that some encoders write and decoders ignore."""


class FrameError(ValueError):
    """A frame that cannot be decoded. The fault is the producer's; the text names it."""


class Chunk(NamedTuple):
    """One chunk of a PNG file (section 5.3)."""

    name: bytes
    data: bytes
    crc: int = -1
    """The checksum that the file has for this chunk; -1 while it is not known."""


class Header(NamedTuple):
    """The fields of IHDR."""

    width_px: int
    height_px: int
    depth: int
    """Bits of a channel."""
    colour: int
    """Colour type."""
    compression: int = 0
    filter: int = 0
    interlaced: int = 0

    def packed(self) -> bytes:
        """The bytes of IHDR."""
        return _HEADER.pack(*self)


class Form(NamedTuple):
    """What must be equal for the data of two pictures to mean the same in one file."""

    header: Header
    palette: bytes = b""
    """PLTE."""
    transparency: bytes = b""
    """tRNS."""

    @property
    def may_be_transparent(self) -> bool:
        """Whether a pixel can be anything but opaque."""
        return self.header.colour in _WITH_ALPHA or bool(self.transparency)


class Png(NamedTuple):
    """The parts of a PNG file."""

    form: Form
    before: list[Chunk]
    """The chunks between IHDR and the data."""
    data: list[Chunk]
    """IDAT."""


def chunk(name: bytes, data: bytes) -> bytes:
    """The bytes of a chunk."""
    return b"".join(png_chunk(name, data))


def take_apart(png_data: bytes) -> Png:
    """The parts of a file; checks their order and the header, but not the data (see `check`).

    Raises:
        FrameError: it is not a PNG file, or is cut.
    """
    if not png_data.startswith(PNG_SIGNATURE):
        raise FrameError("it does not begin as a PNG file")
    header: Header | None = None
    before: list[Chunk] = []
    data: list[Chunk] = []
    for each in _chunks(png_data):
        if header is None:
            header = _header(each)
        elif each.name == b"IDAT":
            data.append(each)
        elif not data:
            before.append(each)
    if header is None or not data:
        raise FrameError("it has no picture: IDAT is missing")
    named = {each.name: each.data for each in before}
    if header.colour == PALETTE and b"PLTE" not in named:
        raise FrameError("its palette is missing")
    # In a truecolour picture, PLTE only suggests colours for limited screens.
    palette = named.get(b"PLTE", b"") if header.colour == PALETTE else b""
    return Png(Form(header, palette, named.get(b"tRNS", b"")), before, data)


def check(png: Png) -> None:
    """Check every checksum, and that there is as much data as the header requires.

    Inflates the data step by step and discards it, which costs a small part of decoding.

    Raises:
        FrameError: a decoder would fail.
    """
    critical = [each for each in png.before if each.name in (b"PLTE", b"tRNS")] + png.data
    for each in critical:
        if zlib.crc32(each.data, zlib.crc32(each.name)) != each.crc:
            raise FrameError(f"the checksum of its {each.name.decode()} is wrong")
    wanted, inflated = data_bytes(png.form.header), 0
    inflater = zlib.decompressobj()
    try:
        for each in png.data:
            rest = each.data
            while rest and not inflater.eof:
                inflated += len(inflater.decompress(rest, _STEP_BYTES))
                rest = inflater.unconsumed_tail
                if inflated > wanted + _SPARE_BYTES:
                    raise FrameError("it has more data than its size allows")
            if inflater.eof:
                break
        inflated += len(inflater.flush())
    except zlib.error as error:
        raise FrameError(f"its data is damaged ({error})") from None
    if inflated < wanted or not inflater.eof:
        raise FrameError("its data ends too early")


def data_bytes(header: Header) -> int:
    """The size of a picture's rows, each with a byte for its filter (sections 7.2 and 9.2)."""
    bits = header.depth * _CHANNELS[header.colour]
    total = 0
    for column, row, across, down in _PASSES if header.interlaced else ((0, 0, 1, 1),):
        width_px = -((column - header.width_px) // across)
        height_px = -((row - header.height_px) // down)
        if width_px > 0 and height_px > 0:
            total += height_px * (1 + (width_px * bits + 7) // 8)
    return total


def as_png(data: bytes) -> bytes:
    """A frame as PNG: the same bytes when it is one.

    Raises:
        FrameError: it cannot be decoded, or is too large.
    """
    if data.startswith(PNG_SIGNATURE):
        return data
    try:
        return transcode(data, "", "png")
    except PictureError as error:
        raise FrameError(str(error)) from error


def decode(png_data: bytes) -> Image.Image:
    """The picture of a frame in 8-bit RGB, or in RGBA when some of it is transparent.

    Raises:
        FrameError: it cannot be decoded, or is too large.
    """
    png_data = as_png(png_data)
    take_apart(png_data)  # checks its size before memory is spent
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow decodes what it warns about
            with Image.open(io.BytesIO(png_data), formats=["PNG"]) as image:
                image.load()
                return to_rgb(image)
    except Exception as error:  # Pillow raises many types of error for broken files
        raise FrameError(f"its data is damaged ({error})") from error


def fitted(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture scaled to fit a size in proportion, with black or transparent bars.

    Enlarged pixels stay crisp, reduced ones are averaged.
    """
    if image.size == size:
        return image
    grows = image.width <= size[0] and image.height <= size[1]
    method = Image.Resampling.NEAREST if grows else Image.Resampling.BOX
    return ImageOps.pad(image, size, method, color=(0,) * len(image.getbands()))


def _chunks(png_data: bytes) -> list[Chunk]:
    found: list[Chunk] = []
    at, size = len(PNG_SIGNATURE), len(png_data)
    while at + 12 <= size:
        length, name = _LENGTH_AND_NAME.unpack_from(png_data, at)
        after = at + 12 + length
        if after > size:
            break
        if name == b"IEND":
            return found
        crc = int.from_bytes(png_data[after - 4 : after], "big")
        found.append(Chunk(name, png_data[at + 8 : after - 4], crc))
        at = after
    raise FrameError("it is cut")


def _header(found: Chunk) -> Header:
    if found.name != b"IHDR" or len(found.data) != _HEADER.size:
        raise FrameError("its header is missing")
    if zlib.crc32(found.data, zlib.crc32(found.name)) != found.crc:
        raise FrameError("the checksum of its IHDR is wrong")
    header = Header(*_HEADER.unpack(found.data))
    pixels = header.width_px * header.height_px
    known = header.depth in _DEPTHS.get(header.colour, ()) and header.interlaced in (0, 1)
    if not known or header.compression or header.filter or not pixels:
        raise FrameError("its header has values that PNG does not define")
    if pixels > MAX_PX:
        raise FrameError(f"it has {pixels:,} pixels, more than {MAX_PX:,}")
    return header
