"""Reads the pictures of a file, one at a time; synchronous, for a worker thread.

Pillow composes the frames of an animation (disposal and blending), so each picture is whole.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from beats.adapters.sources.images.convert import Shape, to_png
from beats.adapters.sources.images.plain_png import SIGNATURE, without_animation
from beats.kit.pixels import MAX_PX

FORMATS: Final = ("PNG", "GIF", "WEBP", "JPEG", "BMP", "TIFF", "PPM", "QOI", "AVIF")
"""What is tried. Not all that Pillow knows: some of its formats start other programs (EPS)."""
READABLE: Final = "PNG, APNG, GIF, WebP, JPEG, BMP, TIFF, PPM, QOI or AVIF"
SHORTEST_MS: Final = 10.0
UNSET_S: Final = 0.1


class Picture(NamedTuple):
    """One picture, ready to be sent."""

    png: bytes
    duration_s: float | None
    """How long the file wants it shown; None when it is not part of an animation."""


class BrokenAnimationError(Exception):
    """The animation of a PNG is broken, and its default image, which is whole, is to be shown instead."""

    def __init__(self, fault: Exception, default: Picture) -> None:
        super().__init__(f"is broken in its animation ({_text(fault)}); its default image is shown")
        self.default: Final = default


def frame_s(duration_ms: float | None) -> float:
    """How long a frame of an animation is shown.

    None or at most 10 ms becomes 100 ms, as in browsers: many old files say 0 and were drawn for viewers
    too slow to notice (https://webkit.org/b/36082, the rule of WebKit, Chromium and Firefox).
    """
    if duration_ms is None or not duration_ms > SHORTEST_MS:
        return UNSET_S
    return duration_ms / 1000


def pictures_in(path: Path, shape: Shape) -> Iterator[Picture]:
    """The picture, or the frames of the animation, that a file holds.

    Raises:
        BrokenAnimationError: after the frames that could be read.
        Exception: whatever Pillow's decoders stumble on in a broken file.
    """
    try:
        yield from _frames(path, shape)
    except Exception as error:
        plain = _without_animation(path)
        if plain is None:
            raise
        # As PNG recommends (third edition, "Error handling" of animations): stop, and show the default image.
        with _opened(path, io.BytesIO(plain)) as image:
            default = Picture(to_png(image, shape), None)
        raise BrokenAnimationError(error, default) from error


def why(error: Exception) -> str:
    """The rest of a sentence that begins with the path."""
    if isinstance(error, FileNotFoundError):
        return f"does not exist: give a picture ({READABLE}) or a folder of pictures"
    if isinstance(error, UnidentifiedImageError):
        return f"is not a picture that can be read: {READABLE} would be"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"has more than {MAX_PX:,} pixels, which may be an attack: make it smaller"
    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be read: {error.strerror}"
    text = _text(error)
    return text if text.startswith(("is ", "would ")) else f"is broken: {text}"


def why_not(path: Path) -> str | None:
    """Why a file cannot be shown, as far as its header tells; None when it can."""
    try:
        with _opened(path):
            return None
    except Exception as error:  # as in `pictures_in`
        return None if _without_animation(path) is not None else why(error)


def nothing_in(folder: Path) -> str:
    """What is wrong with a folder without a picture."""
    return f"{folder} holds no picture that can be read: put {READABLE} files into it"


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


def _frames(path: Path, shape: Shape) -> Iterator[Picture]:
    with _opened(path) as image:
        animated, fault = _is_animated(image)
        if not animated:
            yield Picture(to_png(ImageOps.exif_transpose(image), shape), None)
            if fault is not None:
                raise fault
            return
        # An APNG's default image is for viewers that cannot animate, unless it is frame one as well.
        number = 1 if image.info.get("default_image") else 0
        while True:
            try:
                image.seek(number)
            except EOFError:
                return
            image.load()  # WebP knows its frame's duration only then
            timed = image.format != "TIFF"  # pages have no time
            yield Picture(to_png(image, shape), frame_s(image.info.get("duration")) if timed else None)
            number += 1


def _without_animation(path: Path) -> bytes | None:
    """An animated PNG file as a plain one; None when it is none."""
    if not path.is_file():  # a FIFO would be waited for
        return None
    try:
        with path.open("rb") as file:
            return without_animation(file.read()) if file.read(len(SIGNATURE)) == SIGNATURE else None
    except OSError:
        return None


def _is_animated(image: Image.Image) -> tuple[bool, Exception | None]:
    """Whether there is more than one frame; and what is wrong with the second, when the first can be read."""
    if image.format == "MPO":  # a camera's second view, not a second frame
        return False, None
    try:
        return bool(getattr(image, "is_animated", False)), None
    except Exception as error:  # a GIF looks for its second frame, and that may be cut
        return False, error


def _opened(path: Path, content: IO[bytes] | None = None) -> Image.Image:
    if not path.is_file() and path.exists():
        raise OSError("is neither a file nor a folder")
    Image.init()
    image = Image.open(content or path, formats=[name for name in FORMATS if name in Image.OPEN])
    if image.width * image.height > MAX_PX:
        image.close()
        raise Image.DecompressionBombError
    return image
