"""Writes an APNG as a stream (https://www.w3.org/TR/png-3/#apng-frame-based-animation).

The data of a frame that has the form of the file is copied, which is exact and fast. Only one frame is in
memory at a time, whereas Pillow's own writer collects all frames first.
"""

import io
import struct
from typing import IO, Final

from beats.proto.encode import PNG_SIGNATURE
from beats.recordings.export.pace import Pace, Shown
from beats.recordings.export.png import (
    RGB,
    RGBA,
    Chunk,
    Form,
    FrameError,
    Header,
    check,
    chunk,
    decode,
    fitted,
    take_apart,
)

TICKS_PER_S: Final = 10_000
LEAST_TICKS: Final = 110
"""Browsers show a frame of at most 10 ms for 100 ms (https://webkit.org/b/36082)."""
_UINT16: Final = 0xFFFF
_ACTL: Final = struct.Struct(">II")
_FCTL: Final = struct.Struct(">IIIIIHHBB")
_SEQUENCE: Final = struct.Struct(">I")
_COLOURS: Final = (
    b"cICP",
    b"iCCP",
    b"sRGB",
    b"gAMA",
    b"cHRM",
    b"mDCV",
    b"cLLI",
    b"sBIT",
    b"PLTE",
    b"tRNS",
    b"pHYs",
)
"""Chunks of the first frame that say how to show the picture, and so apply to the whole file."""


class FormSurvey:
    """Examines every frame before the first is written, to find the form that loses nothing."""

    def __init__(self) -> None:
        self._first: Form | None = None
        self._before: list[Chunk] = []
        self._all_equal = True
        self._may_be_transparent = False

    def add(self, png_data: bytes) -> None:
        """Examine a frame.

        Raises:
            FrameError: it is not a picture.
        """
        png = take_apart(png_data)
        if self._first is None:
            self._first, self._before = png.form, png.before
        self._all_equal = self._all_equal and png.form == self._first
        self._may_be_transparent = self._may_be_transparent or png.form.may_be_transparent

    def form(self) -> tuple[Form, list[Chunk]] | None:
        """The form of the file, and the chunks that say how to show it; None when there are no frames.

        When all frames have the same form, it is theirs. Otherwise it has the size of the first frame, 8
        bits, and transparency if any frame may have some.
        """
        if self._first is None:
            return None
        if self._all_equal:
            return self._first, [each for each in self._before if each.name in _COLOURS]
        size = self._first.header[:2]
        return Form(Header(*size, 8, RGBA if self._may_be_transparent else RGB)), []


class ApngWriter:
    """Writes frames to a file one by one. Synchronous; `finish` completes the file."""

    converted_why: Final = "as the frames differ in size or colour type"

    def __init__(self, file: IO[bytes], form: Form, colours: list[Chunk]) -> None:
        """Write the head of the file.

        Args:
            file: empty and seekable.
            form: of the file, from a `FormSurvey` of the frames.
            colours: the chunks that say how to show it.
        """
        self.frames = 0
        """How many frames were written."""
        self.converted = 0
        """Frames that did not have the form of the file."""
        self.pace: Final[Pace[list[bytes]]] = Pace(TICKS_PER_S, LEAST_TICKS)
        self._file: Final = file
        self._form: Final = form
        self._sequence = 0
        file.write(PNG_SIGNATURE + chunk(b"IHDR", form.header.packed()))
        self._count_at: Final = file.tell()
        file.write(chunk(b"acTL", _ACTL.pack(0, 0)))
        for each in colours:
            file.write(chunk(each.name, each.data))

    def add(self, position_s: float, png_data: bytes) -> None:
        """Add the next frame.

        Raises:
            FrameError: it cannot be decoded; the frame before it is shown for longer.
        """
        if (shown := self.pace.add(position_s, self._data(png_data))) is not None:
            self._write(shown)

    def finish(self) -> None:
        """Write the last frame, the end of the file, and the number of frames into its head."""
        if (shown := self.pace.finish()) is not None:
            self._write(shown)
        self._file.write(chunk(b"IEND", b""))
        self._file.seek(self._count_at)
        self._file.write(chunk(b"acTL", _ACTL.pack(self.frames, 0)))  # 0: repeat forever
        self._file.seek(0, 2)

    def _data(self, png_data: bytes) -> list[bytes]:
        png = take_apart(png_data)
        if png.form == self._form:
            check(png)
        else:
            self.converted += 1
            png = take_apart(self._converted(png_data))
            if png.form != self._form:
                raise FrameError("it was recorded during the export, and its form differs from the others")
        return [each.data for each in png.data]

    def _converted(self, png_data: bytes) -> bytes:
        header = self._form.header
        image = decode(png_data).convert("RGBA" if header.colour == RGBA else "RGB")
        out = io.BytesIO()
        # Level 3, for the reason given in sources/images/decode.py.
        fitted(image, (header.width_px, header.height_px)).save(out, "PNG", compress_level=3)
        return out.getvalue()

    def _write(self, shown: Shown[list[bytes]]) -> None:
        header = self._form.header
        # Each frame replaces the whole canvas: dispose_op and blend_op are 0.
        control = (header.width_px, header.height_px, 0, 0, *delay(shown.ticks), 0, 0)
        self._file.write(chunk(b"fcTL", _FCTL.pack(self._next(), *control)))
        for data in shown.picture:
            first = self.frames == 0  # viewers without support for animation show it
            self._file.write(
                chunk(b"IDAT", data) if first else chunk(b"fdAT", _SEQUENCE.pack(self._next()) + data)
            )
        self.frames += 1

    def _next(self) -> int:
        """The sequence number of the next animation chunk."""
        self._sequence += 1
        return self._sequence - 1


def delay(ticks: int) -> tuple[int, int]:
    """Numerator and denominator of a time in seconds, as exact as 16 bits each allow."""
    per_s = TICKS_PER_S
    numerator = ticks
    while numerator > _UINT16 and per_s > 1:
        per_s //= 10
        numerator = round(ticks * per_s / TICKS_PER_S)
    return min(numerator, _UINT16), per_s
