"""Writes an animated GIF as a stream (GIF89a, https://www.w3.org/Graphics/GIF/spec-gif89a.txt).

Pillow encodes each frame alone, and its image is put into the file with a colour table of its own. Only one
frame is in memory: Pillow's own writer for animations gathers all of them first.
"""

import io
import struct
from typing import IO, Final, NamedTuple

from PIL import Image

from beats.recordings.export.pace import Pace, Shown
from beats.recordings.export.pictures import decode, fitted, to_palette
from beats.recordings.export.png import PictureError

TICKS_PER_S: Final = 100
LEAST_TICKS: Final = 2
"""Viewers show a frame of less for much longer, most of them for 10 (https://webkit.org/b/36082)."""
MAX_SIDE_PX: Final = 0xFFFF
_LONGEST_TICKS: Final = 60_000
"""What is shown for longer is repeated, as 16 bits hold no more; far enough below to leave no short rest."""
_SCREEN: Final = struct.Struct("<6sHHBBB")
_CONTROL: Final = struct.Struct("<3sBHBB")
_IMAGE: Final = struct.Struct("<BHHHHB")
_EXTENSION, _IMAGE_MARK, _TRAILER = b"!", b",", b";"
_CONTROL_HEAD: Final = b"\x21\xf9\x04"
_LOOP: Final = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
"""Repeats for ever (http://www.vurdalakov.net/misc/gif/netscape-looping-application-extension)."""
_TABLE: Final = 0x80
_KEEP: Final = 1 << 2
_CLEAR: Final = 2 << 2
_HAS_CLEAR: Final = 1


class Picture(NamedTuple):
    """A frame, encoded."""

    image: bytes
    """Its image descriptor, colour table and data (sections 20 to 22)."""
    clear: int | None
    """The number of a colour that is transparent, or could be."""
    is_transparent: bool
    """Whether a pixel has it."""


class GifWriter:
    """Writes frames to a file as they come. Synchronous; `finish` makes the file whole."""

    converted_why: Final = "as they were not of the first one's size"

    def __init__(self, file: IO[bytes]) -> None:
        """Begin with an empty file that can be sought in; nothing is written before the first frame."""
        self.frames = 0
        """How many pictures were written."""
        self.converted = 0
        """Frames that were not of the first one's size."""
        self.pace: Final[Pace[Picture]] = Pace(TICKS_PER_S, LEAST_TICKS)
        self._file: Final = file
        self._size: tuple[int, int] | None = None
        self._first: _Written | None = None
        self._before: _Written | None = None

    def add(self, position_s: float, png_data: bytes) -> None:
        """Take the next frame.

        Raises:
            PictureError: it cannot be decoded, or is too large; the one before it is shown for longer.
        """
        image = decode(png_data)
        if self._size is None:
            self._begin(image.size)
        elif image.size != self._size:
            self.converted += 1
        if (shown := self.pace.add(position_s, encode(fitted(image, self._size or image.size)))) is not None:
            self._write(shown)

    def finish(self) -> None:
        """Write the last frame and the file's end."""
        if (shown := self.pace.finish()) is not None:
            self._write(shown)
        self._file.write(_TRAILER)

    def _begin(self, size: tuple[int, int]) -> None:
        if max(size) > MAX_SIDE_PX:
            raise PictureError(
                f"it is {size[0]} x {size[1]} pixels, and a side in a GIF at most {MAX_SIDE_PX}"
            )
        self._size = size
        self._file.write(_SCREEN.pack(b"GIF89a", *size, 0x70, 0, 0) + _LOOP)  # 0x70: 8 bits a channel

    def _write(self, shown: Shown[Picture]) -> None:
        picture, ticks = shown
        if picture.is_transparent:
            self._make_room()
        while ticks > _LONGEST_TICKS:
            self._write_one(picture, _LONGEST_TICKS)
            ticks -= _LONGEST_TICKS
        self._write_one(picture, max(ticks, LEAST_TICKS))
        self.frames += 1

    def _write_one(self, picture: Picture, ticks: int) -> None:
        self._before = _Written(self._file.tell(), picture.clear is not None)
        self._first = self._first or self._before
        flags = _CLEAR | _HAS_CLEAR if picture.is_transparent else _KEEP
        self._file.write(_CONTROL.pack(_CONTROL_HEAD, flags, ticks, picture.clear or 0, 0) + picture.image)

    def _make_room(self) -> None:
        """Have viewers clear the canvas after the frame before: through what comes now, it would be seen.

        Some, such as Pillow, clear to a colour unless that frame has a transparent one, and have a canvas
        without transparency unless the first frame has.
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
    """A frame in the file."""

    offset: int
    """Of its control extension."""
    has_clear: bool
    """Whether one of its colours is, or could be, transparent."""


def encode(image: Image.Image) -> Picture:
    """The image block of a picture in RGB or RGBA, with a colour table of its own."""
    mapped, clear, is_transparent = to_palette(image)
    out = io.BytesIO()
    # Not optimised, which would give the colours other numbers.
    mapped.save(out, "GIF", optimize=False, interlace=0)
    return Picture(_image_of(out.getvalue()), clear, is_transparent)


def _image_of(gif: bytes) -> bytes:
    """What a GIF of one picture holds besides head and end; the table of all becomes that of the image."""
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
    """The place after blocks of which each begins with its length, the last with 0 (section 15)."""
    while gif[at]:
        at += gif[at] + 1
    return at + 1
