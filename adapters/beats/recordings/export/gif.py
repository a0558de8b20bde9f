"""Writes an animated GIF as a stream (GIF89a, https://www.w3.org/Graphics/GIF/spec-gif89a.txt).

Pillow encodes each frame, and its image goes into the file with its own colour table. Only one frame is in
memory at a time, whereas Pillow's own writer for animations collects all frames first.
"""

import io
import math
import struct
from typing import IO, Final, NamedTuple

from PIL import Image

from beats.recordings.export.pace import Pace, Shown
from beats.recordings.export.png import FrameError, decode, fitted

TICKS_PER_S: Final = 100
LEAST_TICKS: Final = 2
"""Most viewers show a shorter frame for 10 ticks (https://webkit.org/b/36082)."""
MAX_SIDE_PX: Final = 0xFFFF
_LONGEST_TICKS: Final = 60_000
"""A frame shown for longer is repeated, since the field has 16 bits; the rest is never too short."""
_SCREEN: Final = struct.Struct("<6sHHBBB")
_CONTROL: Final = struct.Struct("<3sBHBB")
_IMAGE: Final = struct.Struct("<BHHHHB")
_EXTENSION, _IMAGE_MARK, _TRAILER = b"!", b",", b";"
_CONTROL_HEAD: Final = b"\x21\xf9\x04"
_LOOP: Final = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
"""Repeat forever (http://www.vurdalakov.net/misc/gif/netscape-looping-application-extension)."""
_TABLE: Final = 0x80
_KEEP: Final = 1 << 2
_CLEAR: Final = 2 << 2
_HAS_CLEAR: Final = 1
_SAMPLE_PX: Final = 100_000
OPAQUE_FROM: Final = 128
"""The least alpha of a pixel that is opaque in a GIF, which has no degrees of transparency."""


class GifImage(NamedTuple):
    """An encoded frame."""

    image: bytes
    """The frame's image descriptor, colour table and data (sections 20 to 22)."""
    clear: int | None
    """The index of a colour that no opaque pixel has."""
    is_transparent: bool
    """Whether a pixel has that colour."""


class GifWriter:
    """Writes frames to a file one by one. Synchronous; `finish` completes the file."""

    converted_why: Final = "as their size differed from that of the first one"

    def __init__(self, file: IO[bytes]) -> None:
        """Start with an empty, seekable file; nothing is written before the first frame."""
        self.frames = 0
        """How many frames were written."""
        self.converted = 0
        """Frames whose size differed from that of the first one."""
        self.pace: Final[Pace[GifImage]] = Pace(TICKS_PER_S, LEAST_TICKS)
        self._file: Final = file
        self._size: tuple[int, int] | None = None
        self._first: _Written | None = None
        self._before: _Written | None = None

    def add(self, position_s: float, png_data: bytes) -> None:
        """Add the next frame.

        Raises:
            FrameError: it cannot be decoded, or is too large; the frame before it is shown for longer.
        """
        image = decode(png_data)
        if self._size is None:
            self._begin(image.size)
        elif image.size != self._size:
            self.converted += 1
        if (shown := self.pace.add(position_s, encode(fitted(image, self._size or image.size)))) is not None:
            self._write(shown)

    def finish(self) -> None:
        """Write the last frame and the end of the file."""
        if (shown := self.pace.finish()) is not None:
            self._write(shown)
        self._file.write(_TRAILER)

    def _begin(self, size: tuple[int, int]) -> None:
        if max(size) > MAX_SIDE_PX:
            raise FrameError(
                f"it has {size[0]} x {size[1]} pixels, but a side of a GIF has at most {MAX_SIDE_PX}"
            )
        self._size = size
        self._file.write(_SCREEN.pack(b"GIF89a", *size, 0x70, 0, 0) + _LOOP)  # 0x70: 8 bits a channel

    def _write(self, shown: Shown[GifImage]) -> None:
        picture, ticks = shown
        if picture.is_transparent:
            self._make_room()
        while ticks > _LONGEST_TICKS:
            self._write_one(picture, _LONGEST_TICKS)
            ticks -= _LONGEST_TICKS
        self._write_one(picture, max(ticks, LEAST_TICKS))
        self.frames += 1

    def _write_one(self, picture: GifImage, ticks: int) -> None:
        self._before = _Written(self._file.tell(), picture.clear is not None)
        self._first = self._first or self._before
        flags = _CLEAR | _HAS_CLEAR if picture.is_transparent else _KEEP
        self._file.write(_CONTROL.pack(_CONTROL_HEAD, flags, ticks, picture.clear or 0, 0) + picture.image)

    def _make_room(self) -> None:
        """Make viewers clear the canvas before a frame with transparent pixels, which would show through.

        Some, such as Pillow, clear to a colour unless the cleared frame has a transparent one, and use an
        opaque canvas unless the first frame has a transparent colour.
        """
        if self._before is not None:
            self._set_flags(self._before, 0, _CLEAR)
        if self._first is not None:
            self._set_flags(self._first, _KEEP | _CLEAR, 0)
        self._file.seek(0, 2)

    def _set_flags(self, written: "_Written", kept: int, flags: int) -> None:
        at = written.offset + len(_CONTROL_HEAD)
        self._file.seek(at)
        flags |= self._file.read(1)[0] & kept | (_HAS_CLEAR if written.has_clear else 0)
        self._file.seek(at)
        self._file.write(bytes([flags]))


class _Written(NamedTuple):
    """A frame that is in the file."""

    offset: int
    """The offset of the frame's control extension."""
    has_clear: bool
    """Whether it has a colour for transparent pixels."""


def encode(image: Image.Image) -> GifImage:
    """The image block of a picture in RGB or RGBA, with its own colour table."""
    mapped, clear, is_transparent = to_palette(image)
    out = io.BytesIO()
    # Optimising would change the indices of the colours.
    mapped.save(out, "GIF", optimize=False, interlace=0)
    return GifImage(_image_of(out.getvalue()), clear, is_transparent)


def _image_of(gif: bytes) -> bytes:
    """The image block of a GIF with one picture; the global colour table becomes that of the image."""
    flags = gif[10]
    at = _SCREEN.size + _table_bytes(flags)
    table = gif[_SCREEN.size : at]
    while gif[at : at + 1] == _EXTENSION:
        at = _after_blocks(gif, at + 2)
    mark, left, top, width, height, image_flags = _IMAGE.unpack_from(gif, at)
    assert mark == _IMAGE_MARK[0]
    at += _IMAGE.size
    end = _after_blocks(gif, at + _table_bytes(image_flags) + 1)
    if not image_flags & _TABLE:
        image_flags |= _TABLE | flags & 7
        return _IMAGE.pack(mark, left, top, width, height, image_flags) + table + gif[at:end]
    return gif[at - _IMAGE.size : end]


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & _TABLE else 0


def _after_blocks(gif: bytes, at: int) -> int:
    """The offset after blocks that each begin with their length, the last with 0 (section 15)."""
    while gif[at]:
        at += gif[at] + 1
    return at + 1


class PaletteImage(NamedTuple):
    """A picture with at most 256 colours."""

    image: Image.Image
    """The image, in mode P."""
    clear: int | None
    """The index of a colour that no opaque pixel has; None when all 256 are used."""
    is_transparent: bool
    """Whether a pixel has that colour."""


def to_palette(image: Image.Image) -> PaletteImage:
    """Convert a picture in RGB or RGBA to at most 256 colours; exact if it has no more."""
    if image.mode == "RGBA":
        is_hidden = [255] * OPAQUE_FROM + [0] * (256 - OPAQUE_FROM)
        hidden = image.getchannel("A").point(is_hidden)  # pyright: ignore[reportUnknownMemberType]
        image = image.convert("RGB")
        if hidden.getbbox() is not None:
            image.paste((0, 0, 0), mask=hidden)  # invisible pixels must not use up colours
            mapped = _quantized(image, 255)
            clear = _add_colour(mapped)
            assert clear is not None
            mapped.paste(clear, mask=hidden)
            return PaletteImage(mapped, clear, is_transparent=True)
    mapped = _quantized(image, 256)
    return PaletteImage(mapped, _add_colour(mapped), is_transparent=False)


def _quantized(image: Image.Image, colours: int) -> Image.Image:
    """Reduce a picture in RGB to a number of colours.

    Pillow's median cut keeps every colour when they are few enough; its octree was six times as far off in
    gradients. When there are more, so that some are lost anyway, the palette comes from a sample of the
    pixels: 0.14 s instead of 1.7 s for a photograph of 1920 x 1080 pixels, with the same accuracy.
    """
    reduce_by = math.sqrt(image.width * image.height / _SAMPLE_PX)
    if reduce_by <= 1 or image.getcolors(colours) is not None:
        return image.quantize(colours, Image.Quantize.MEDIANCUT)
    size = max(1, int(image.width / reduce_by)), max(1, int(image.height / reduce_by))
    sample = image.resize(size, Image.Resampling.NEAREST)  # pyright: ignore[reportUnknownMemberType]
    chosen = sample.quantize(colours, Image.Quantize.MEDIANCUT)
    return image.quantize(palette=chosen, dither=Image.Dither.NONE)


def _add_colour(mapped: Image.Image) -> int | None:
    """Add a colour and return its index; None when there are 256."""
    colours = mapped.getpalette() or []
    if len(colours) >= 3 * 256:
        return None
    mapped.putpalette([*colours, 0, 0, 0])
    return len(colours) // 3
