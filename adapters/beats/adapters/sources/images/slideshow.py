"""The pictures at a path, pass after pass: from memory if they fit, and from files again once they change."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from PIL.Image import Image

from beats.adapters.sources.images.decode import (
    BrokenAnimationError,
    Enlargement,
    TimedFrame,
    nothing_in,
    pictures_in,
    why,
    why_not,
)
from beats.adapters.sources.images.listing import File, Listing, look
from beats.config.settings import PixelSettings
from beats.kernel.envelope import Frame
from beats.kernel.errors import InputError
from beats.kit.paths import Stamp, expanded
from beats.pictures.pixels import Pixels
from beats.pictures.publishing import PixelPublisher


class Slide(NamedTuple):
    """A picture, and the file that it comes from."""

    picture: TimedFrame
    file: File


class _Cached(NamedTuple):
    stamp: Stamp
    form: PixelSettings
    """How they were encoded."""
    pictures: list[TimedFrame]
    size_bytes: int


def can_read(path: str | Path) -> str | None:
    """Why a path cannot be shown; None if it can. Reads headers only."""
    place = expanded(path)
    try:
        listing = look(place)
    except (OSError, ValueError) as error:
        return f"{place} {why(error)}"
    if not listing.is_folder:
        reason = why_not(place)
        return None if reason is None else f"{place} {reason}"
    return None if any(why_not(file) is None for file in listing.stamps) else nothing_in(place)


class Slideshow:
    """Synchronous: `slides` runs in one worker thread at a time; `look` may be called at the same time."""

    def __init__(
        self,
        path: str,
        enlargement: Enlargement,
        pixels: PixelPublisher,
        report: Callable[[str], None],
        *,
        loop: bool = True,
        cache_bytes: int = 0,
        is_watched: bool = False,
    ) -> None:
        """Read nothing yet.

        Args:
            path: a file or a folder.
            enlargement: how pictures are enlarged.
            pixels: encodes them.
            report: called once for each fault, and again after the file changed.
            loop: whether to repeat after the first pass.
            cache_bytes: most bytes of pictures kept for later passes.
            is_watched: whether `listing` may change later, so that a pass without pictures is not the end.
        """
        self._path: Final = expanded(path)
        self._enlargement: Final = enlargement
        self._pixels: Final = pixels
        self._report: Final = report
        self._loop: Final = loop
        self._cache_bytes: Final = cache_bytes
        self._is_watched: Final = is_watched
        self._cache: dict[Path, _Cached] = {}
        self._cached_bytes = 0
        self._fault = ""
        self._trouble = ""
        self._reported: dict[Path, Stamp] = {}
        self.listing = Listing({}, is_folder=True)
        """The files to show; a new value takes effect with the next slide."""

    def look(self) -> Listing | None:
        """The files at the path now; None if there are none, which is reported once."""
        try:
            found = look(self._path)
            trouble = "" if found.stamps or not self.listing.stamps else "no longer holds a file"
        except OSError as error:
            found, trouble = None, why(error)
        if trouble and trouble != self._trouble:
            self._report(f"{self._path} {trouble}; still showing the pictures in the cache")
        self._trouble = trouble
        return None if trouble else found

    def slides(self) -> Generator[Slide | None]:
        """One picture after the other; None if there is nothing to show for now.

        Raises:
            InputError: no picture is readable, and the path is not watched, or is a file; says why.
        """
        try:
            self.listing = look(self._path)
        except (OSError, ValueError) as error:
            raise InputError(f"{self._path} {why(error)}") from error
        is_first = True
        while is_first or self._loop:
            self._fault = nothing_in(self._path)
            is_empty = True
            for slide in self._pass():
                is_empty = False
                yield slide
            if is_empty and (not self._is_watched or (is_first and not self.listing.is_folder)):
                raise InputError(self._fault)
            if is_empty:
                if is_first:
                    self._report(f"{self._fault}; waiting for a picture")
                yield None
            is_first = False

    def _pass(self) -> Iterator[Slide]:
        """Each file once, as it is when its turn comes."""
        self._forget()
        file = self.listing.after(None)
        while file is not None:
            for picture in self._pictures(file):
                yield Slide(picture, file)
                if self._loop and file not in self.listing:  # it was removed or rewritten
                    break
            file = self.listing.after(file.path)

    def _pictures(self, file: File) -> Iterator[TimedFrame]:
        cached, form = self._cache.get(file.path), self._pixels.settings
        if cached is not None and (cached.stamp, cached.form) == (file.stamp, form):
            yield from cached.pictures
            return
        pictures: list[TimedFrame] = []
        count = size = 0
        room = self._cache_bytes - self._cached_bytes + (0 if cached is None else cached.size_bytes)
        try:
            for picture in pictures_in(file.path, self._enlargement, self._encode):
                count += 1
                size += len(picture.frame.data)
                if size <= room:
                    pictures.append(picture)
                yield picture
        except BrokenAnimationError as error:
            self._report_once(file, str(error))
            yield error.default
            pictures, count, size = [error.default], 1, len(error.default.frame.data)
        except Exception as error:  # for broken files, Pillow's decoders raise anything
            self._report_once(file, self._describe(error, count, cached))
            if cached is not None and not count and not self.listing.is_folder:
                yield from cached.pictures
        if count and size <= room:
            self._cached_bytes += size - (0 if cached is None else cached.size_bytes)
            self._cache[file.path] = _Cached(file.stamp, form, pictures, size)

    def _encode(self, image: Image) -> Frame:
        return self._pixels.frame(Pixels.of_image(image))

    def _describe(self, error: Exception, count: int, cached: _Cached | None) -> str:
        """What is wrong with a file, and what is shown instead."""
        if self.listing.is_folder:
            return f"{why(error)}; skipped"
        if count:
            return f"{why(error)}; showing the {count} pictures before the fault"
        if cached is not None:
            return f"{why(error)}; still showing what was read before"
        self._fault = f"{self._path} {why(error)}"
        return why(error)

    def _forget(self) -> None:
        """Forget files that were removed."""
        stamps = self.listing.stamps
        self._cache = {path: cached for path, cached in self._cache.items() if path in stamps}
        self._cached_bytes = sum(cached.size_bytes for cached in self._cache.values())
        self._reported = {path: stamp for path, stamp in self._reported.items() if path in stamps}

    def _report_once(self, file: File, text: str) -> None:
        if self._reported.get(file.path) != file.stamp:
            self._reported[file.path] = file.stamp
            self._report(f"{file.path} {text}")
