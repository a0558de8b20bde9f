"""The pictures at a path, pass after pass: from memory where they fit, from files that have changed."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from beats.adapters.sources.images.convert import Shape
from beats.adapters.sources.images.listing import File, Listing, look
from beats.adapters.sources.images.reading import (
    BrokenAnimationError,
    Picture,
    nothing_in,
    pictures_in,
    why,
    why_not,
)
from beats.kernel.errors import InputError
from beats.kit.paths import expanded
from beats.kit.stamps import Stamp


class Shot(NamedTuple):
    """A picture, and the file that it is from."""

    picture: Picture
    file: File


class _Kept(NamedTuple):
    stamp: Stamp
    pictures: list[Picture]
    size_bytes: int


def can_read(path: str | Path) -> str | None:
    """Why a path cannot be put on air, or None; looks at headers only, decodes nothing."""
    place = expanded(path)
    try:
        listing = look(place)
    except (OSError, ValueError) as error:
        return f"{place} {why(error)}"
    if not listing.is_folder:
        reason = why_not(place)
        return None if reason is None else f"{place} {reason}"
    return None if any(why_not(file) is None for file in listing.stamps) else nothing_in(place)


class Film:
    """Synchronous: `shots` is drawn from in one worker thread at a time, `look` may be called beside it."""

    def __init__(
        self,
        path: str,
        shape: Shape,
        report: Callable[[str], None],
        *,
        loop: bool = True,
        cache_bytes: int = 0,
        is_watched: bool = False,
    ) -> None:
        """Read nothing yet.

        Args:
            path: a file or a folder.
            shape: how pictures are enlarged.
            report: told of each fault once, until the file changes.
            loop: whether there is another pass after the first.
            cache_bytes: most bytes of pictures that are kept for further passes.
            is_watched: whether `listing` may change later, so that having nothing to show is no end.
        """
        self._path: Final = expanded(path)
        self._shape: Final = shape
        self._report: Final = report
        self._loop: Final = loop
        self._cache_bytes: Final = cache_bytes
        self._is_watched: Final = is_watched
        self._kept: dict[Path, _Kept] = {}
        self._kept_bytes = 0
        self._fault = ""
        self._trouble = ""
        self._reported: dict[Path, Stamp] = {}
        self.listing = Listing({}, is_folder=True)
        """What is shown; another one takes effect with the next shot."""

    def look(self) -> Listing | None:
        """What is there now; None when that is nothing, which is reported once: nothing changes then."""
        try:
            found = look(self._path)
            trouble = "" if found.stamps else "holds no file any more"
        except OSError as error:
            found, trouble = None, why(error)
        if trouble and trouble != self._trouble:
            self._report(
                f"{self._path} {trouble}; what was read before is shown, as far as it is in the cache"
            )
        self._trouble = trouble
        return None if trouble else found

    def shots(self) -> Generator[Shot | None]:
        """One picture after the other; None when there is nothing to show for now.

        Raises:
            InputError: nothing can be read in the first pass, or, when not watched, in a later one; says why.
        """
        try:
            self.listing = look(self._path)
        except (OSError, ValueError) as error:
            raise InputError(f"{self._path} {why(error)}") from error
        is_first = True
        while is_first or self._loop:
            self._fault = nothing_in(self._path)
            is_empty = True
            for shot in self._pass():
                is_empty = False
                yield shot
            if is_empty and (is_first or not self._is_watched):
                raise InputError(self._fault)
            if is_empty:
                yield None
            is_first = False

    def _pass(self) -> Iterator[Shot]:
        """Each file once, as it is when its turn comes."""
        self._forget()
        file = self.listing.after(None)
        while file is not None:
            for picture in self._pictures(file):
                yield Shot(picture, file)
                if self._loop and file not in self.listing:  # it has gone, or was rewritten
                    break
            file = self.listing.after(file.path)

    def _pictures(self, file: File) -> Iterator[Picture]:
        kept = self._kept.get(file.path)
        if kept is not None and kept.stamp == file.stamp:
            yield from kept.pictures
            return
        pictures: list[Picture] = []
        count = size = 0
        room = self._cache_bytes - self._kept_bytes + (0 if kept is None else kept.size_bytes)
        try:
            for picture in pictures_in(file.path, self._shape):
                count += 1
                size += len(picture.png)
                if size <= room:
                    pictures.append(picture)
                yield picture
        except BrokenAnimationError as error:
            self._report_once(file, str(error))
            yield error.default
            pictures, count, size = [error.default], 1, len(error.default.png)
        except Exception as error:  # on broken files, Pillow raises whatever its decoders stumble on
            self._report_once(file, self._said_of(error, count, kept))
            if kept is not None and not count and not self.listing.is_folder:
                yield from kept.pictures
        if count and size <= room:
            self._kept_bytes += size - (0 if kept is None else kept.size_bytes)
            self._kept[file.path] = _Kept(file.stamp, pictures, size)

    def _said_of(self, error: Exception, count: int, kept: _Kept | None) -> str:
        """What is wrong with a file, and what is shown of it."""
        if self.listing.is_folder:
            return f"{why(error)}; skipped"
        if count:
            return f"{why(error)}; the {count} pictures before that are shown"
        if kept is not None:
            return f"{why(error)}; what was read before is shown"
        self._fault = f"{self._path} {why(error)}"
        return why(error)

    def _forget(self) -> None:
        """Drop what is known of files that have gone."""
        stamps = self.listing.stamps
        self._kept = {path: kept for path, kept in self._kept.items() if path in stamps}
        self._kept_bytes = sum(kept.size_bytes for kept in self._kept.values())
        self._reported = {path: stamp for path, stamp in self._reported.items() if path in stamps}

    def _report_once(self, file: File, text: str) -> None:
        if self._reported.get(file.path) != file.stamp:
            self._reported[file.path] = file.stamp
            self._report(f"{file.path} {text}")
