"""Decodes the pictures of a file into frames, one at a time; synchronous, for a worker thread.

Pillow composes the frames of an animation (disposal and blending), so each picture is complete. Some of
Pillow's annotations name NumPy types, which are unknown where NumPy is not installed.
"""

import io
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from beats.kernel.envelope import Frame
from beats.pictures.conversion import MAX_PX, to_rgb
from beats.pictures.errors import PictureError

FORMATS: Final = ("PNG", "GIF", "WEBP", "JPEG", "BMP", "TIFF", "PPM", "QOI", "AVIF")
"""The formats to try. Not all that Pillow knows: some of its formats start other programs (EPS)."""
READABLE: Final = "PNG, APNG, GIF, WebP, JPEG, BMP, TIFF, PPM, QOI or AVIF"
SHORTEST_MS: Final = 10.0
UNSET_S: Final = 0.1
SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_ANIMATION_CHUNKS: Final = (b"acTL", b"fcTL", b"fdAT")
"""The chunks that a viewer without animation skips (https://www.w3.org/TR/png-3/)."""


Encode = Callable[[Image.Image], Frame]
"""Makes a frame of a picture in RGB or RGBA."""


class TimedFrame(NamedTuple):
    """One picture, ready to be sent."""

    frame: Frame
    duration_s: float | None
    """How long the file wants it shown; None if it is not part of an animation."""


class BrokenAnimationError(Exception):
    """The animation of a PNG file is broken; its default image is intact and is shown instead."""

    def __init__(self, fault: Exception, default: TimedFrame) -> None:
        super().__init__(f"has a broken animation ({_text(fault)}); its default image is shown")
        self.default: Final = default


class Enlargement(NamedTuple):
    """How pictures are enlarged, always by nearest neighbour so that pixels stay sharp."""

    scale: int = 1
    """Whole-number factor."""
    size: tuple[int, int] | None = None
    """Width and height in pixels, instead of a factor."""

    def of(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size in which a picture of `size` is sent.

        Raises:
            ValueError: the result would be too large.
        """
        width, height = self.size or (size[0] * self.scale, size[1] * self.scale)
        if width * height > MAX_PX:
            raise ValueError(f"would be {width} x {height} pixels, more than {MAX_PX:,}: lower scale or size")
        return width, height


def pictures_in(path: Path, enlargement: Enlargement, encode: Encode) -> Iterator[TimedFrame]:
    """The picture, or the frames of the animation, in a file.

    Raises:
        BrokenAnimationError: after the frames that could be read.
        Exception: anything that Pillow's decoders raise for a broken file.
    """
    try:
        yield from _frames(path, enlargement, encode)
    except Exception as error:
        plain = _read_without_animation(path)
        if plain is None:
            raise
        # As PNG recommends (third edition, "Error handling" of animations): stop, and show the default image.
        with _open(path, io.BytesIO(plain)) as image:
            default = TimedFrame(to_frame(image, enlargement, encode), None)
        raise BrokenAnimationError(error, default) from error


def to_frame(image: Image.Image, enlargement: Enlargement, encode: Encode) -> Frame:
    """Enlarge and encode one loaded picture, in RGB or RGBA.

    Raises:
        ValueError: the result would be too large.
    """
    target = enlargement.of(image.size)
    image = to_rgb(image)
    if target != image.size:
        image = image.resize(target, Image.Resampling.NEAREST)  # pyright: ignore[reportUnknownMemberType]
    return encode(image)


def frame_s(duration_ms: float | None) -> float:
    """How long a frame of an animation is shown.

    None or at most 10 ms becomes 100 ms, as in browsers: many old files say 0 and were drawn for viewers
    too slow to notice (https://webkit.org/b/36082, the rule of WebKit, Chromium and Firefox).
    """
    if duration_ms is None or not duration_ms > SHORTEST_MS:
        return UNSET_S
    return duration_ms / 1000


def without_animation(data: bytes) -> bytes | None:
    """An animated PNG file reduced to its default image; None if the file has no animation.

    Args:
        data: the file after its signature; it may be truncated anywhere.
    """
    kept = [SIGNATURE]
    at, is_animated = 0, False
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if name in _ANIMATION_CHUNKS:
            is_animated = is_animated or name == b"acTL"
        else:
            kept.append(data[at:end])
        at = end
    return b"".join(kept) if is_animated else None


def why(error: Exception) -> str:
    """Why a path cannot be shown, as the end of a sentence that starts with the path."""
    if isinstance(error, FileNotFoundError):
        return f"does not exist: give a picture ({READABLE}) or a folder of pictures"
    if isinstance(error, UnidentifiedImageError):
        return f"is not a readable picture: give {READABLE}"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"has more than {MAX_PX:,} pixels, which may be an attack: make it smaller"
    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be read: {error.strerror}"
    if isinstance(error, PictureError):
        return f"cannot be shown: {error}"
    text = _text(error)
    return text if text.startswith(("is ", "would ")) else f"is broken: {text}"


def why_not(path: Path) -> str | None:
    """Why a file cannot be shown, as far as its header tells; None if it can."""
    try:
        with _open(path):
            return None
    except Exception as error:  # as in `pictures_in`
        return None if _read_without_animation(path) is not None else why(error)


def nothing_in(folder: Path) -> str:
    """The error about a folder without pictures."""
    return f"{folder} holds no readable picture: put {READABLE} files into it"


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


def _frames(path: Path, enlargement: Enlargement, encode: Encode) -> Iterator[TimedFrame]:
    with _open(path) as image:
        animated, fault = _is_animated(image)
        if not animated:
            yield TimedFrame(to_frame(ImageOps.exif_transpose(image), enlargement, encode), None)
            if fault is not None:
                raise fault
            return
        # An APNG's default image is for viewers that cannot animate, unless it is also the first frame.
        number = 1 if image.info.get("default_image") else 0
        while True:
            try:
                image.seek(number)
            except EOFError:
                return
            image.load()  # WebP knows its frame's duration only after this
            timed = image.format != "TIFF"  # pages have no duration
            shown_s = frame_s(image.info.get("duration")) if timed else None
            yield TimedFrame(to_frame(image, enlargement, encode), shown_s)
            number += 1


def _read_without_animation(path: Path) -> bytes | None:
    if not path.is_file():  # a FIFO would block
        return None
    try:
        with path.open("rb") as file:
            return without_animation(file.read()) if file.read(len(SIGNATURE)) == SIGNATURE else None
    except OSError:
        return None


def _is_animated(image: Image.Image) -> tuple[bool, Exception | None]:
    """Whether there is more than one frame; and what is wrong with the second, if it is unreadable."""
    if image.format == "MPO":  # a camera's second view, not a second frame
        return False, None
    try:
        return bool(getattr(image, "is_animated", False)), None
    except Exception as error:  # Pillow looks for a GIF's second frame, which may be truncated
        return False, error


def _open(path: Path, content: IO[bytes] | None = None) -> Image.Image:
    if not path.is_file() and path.exists():
        raise OSError("is neither a file nor a folder")
    Image.init()
    image = Image.open(content or path, formats=[name for name in FORMATS if name in Image.OPEN])
    if image.width * image.height > MAX_PX:
        image.close()
        raise Image.DecompressionBombError
    return image
