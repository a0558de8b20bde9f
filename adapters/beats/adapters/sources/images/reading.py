"""Reads pictures from a file or a folder, one at a time; synchronous, for a worker thread.

Pillow composes the frames of an animation (disposal and blending), so each picture is whole.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from beats.adapters.pixels import MAX_PX
from beats.adapters.sources.images.convert import Shape, to_png
from beats.kernel.errors import InputError

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


class Reader:
    """Reads what is at a path, as often as asked; each fault is reported once."""

    def __init__(self, path: str, shape: Shape, report: Callable[[str], None]) -> None:
        self._path = _path(path)
        self._shape = shape
        self._report = report
        self._reported: set[Path] = set()

    def pictures(self) -> Iterator[Picture]:
        """One pass over the file, or over the folder's files in natural order.

        Raises:
            InputError: nothing could be read; says why.
        """
        if not self._path.is_dir():
            yield from self._alone()
            return
        found = False
        for path in _files(self._path):
            for picture in self._one_of_many(path):
                found = True
                yield picture
        if not found:
            raise InputError(_nothing_in(self._path))

    def _alone(self) -> Iterator[Picture]:
        count = 0
        try:
            for picture in _frames(self._path, self._shape):
                yield picture
                count += 1
        except Exception as error:  # on broken files, Pillow raises whatever its decoders stumble on
            if count == 0:
                raise InputError(f"{self._path} {_why(error)}") from error
            self._report_once(self._path, f"{_why(error)}; the {count} pictures before that are shown")

    def _one_of_many(self, path: Path) -> Iterator[Picture]:
        try:
            yield from _frames(path, self._shape)
        except Exception as error:  # as above
            self._report_once(path, f"{_why(error)}; skipped")

    def _report_once(self, path: Path, text: str) -> None:
        if path not in self._reported:
            self._reported.add(path)
            self._report(f"{path} {text}")


def can_read(path: str | Path) -> str | None:
    """Why a path cannot be put on air, or None; looks at headers only, decodes nothing."""
    place = _path(path)
    if not place.is_dir():
        return _why_not(place)
    try:
        if any(_why_not(file) is None for file in _files(place)):
            return None
    except OSError as error:
        return f"{place} {_why(error)}"
    return _nothing_in(place)


def frame_s(duration_ms: float | None) -> float:
    """How long a frame of an animation is shown.

    None or at most 10 ms becomes 100 ms, as in browsers: many old files say 0 and were drawn for viewers
    too slow to notice (https://webkit.org/b/36082, the rule of WebKit, Chromium and Firefox).
    """
    if duration_ms is None or not duration_ms > SHORTEST_MS:
        return UNSET_S
    return duration_ms / 1000


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sorts `frame2` before `frame10`; letter case decides only between equals."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if index % 2 else part.casefold() for index, part in enumerate(parts)], name


def _path(path: str | Path) -> Path:
    return Path(path).expanduser()


def _files(folder: Path) -> list[Path]:
    """What may be pictures: no hidden files (`.DS_Store`), no folders, and no FIFO, which would block."""
    found = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file()]
    return sorted(found, key=lambda path: natural_key(path.name))


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


def _is_animated(image: Image.Image) -> tuple[bool, Exception | None]:
    """Whether there is more than one frame; and what is wrong with the second, when the first can be read."""
    if image.format == "MPO":  # a camera's second view, not a second frame
        return False, None
    try:
        return bool(getattr(image, "is_animated", False)), None
    except Exception as error:  # a GIF looks for its second frame, and that may be cut
        return False, error


def _opened(path: Path) -> Image.Image:
    if not path.is_file() and path.exists():
        raise OSError("is neither a file nor a folder")
    Image.init()
    image = Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN])
    if image.width * image.height > MAX_PX:
        image.close()
        raise Image.DecompressionBombError
    return image


def _why_not(path: Path) -> str | None:
    try:
        with _opened(path):
            return None
    except Exception as error:  # as in Reader
        return f"{path} {_why(error)}"


def _why(error: Exception) -> str:
    """The rest of a sentence that begins with the path."""
    if isinstance(error, FileNotFoundError):
        return f"does not exist: give a picture ({READABLE}) or a folder of pictures"
    if isinstance(error, UnidentifiedImageError):
        return f"is not a picture that can be read: {READABLE} would be"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"has more than {MAX_PX:,} pixels, which may be an attack: make it smaller"
    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be read: {error.strerror}"
    text = str(error) or type(error).__name__
    return text if text.startswith(("is ", "would ")) else f"is broken: {text}"


def _nothing_in(folder: Path) -> str:
    return f"{folder} holds no picture that can be read: put {READABLE} files into it"
