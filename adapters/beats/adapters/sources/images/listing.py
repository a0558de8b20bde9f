"""Which files with pictures there are, in the order in which they are shown."""

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from stat import S_ISREG
from typing import Final, NamedTuple

from beats.kit.stamps import Stamp, stamp_of

_Key = tuple[list[str | int], str]


class File(NamedTuple):
    """One file, as it was when it was looked at."""

    path: Path
    stamp: Stamp


class Listing:
    """What was found at one moment; equal to another one when no file has changed."""

    def __init__(self, stamps: Mapping[Path, Stamp], *, is_folder: bool) -> None:
        self.is_folder: Final = is_folder
        self.stamps: Final = stamps

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listing) and self.stamps == other.stamps

    def __hash__(self) -> int:
        return hash(frozenset(self.stamps.items()))

    def __contains__(self, file: File) -> bool:
        """Whether a file is there and still the same."""
        return self.stamps.get(file.path) == file.stamp

    def after(self, path: Path | None) -> File | None:
        """The file that comes after another one, which may have gone; the first one after None."""
        index = 0 if path is None else bisect_right(self._keys, natural_key(path.name))
        if index == len(self._keys):
            return None
        found = self._by_key[index]
        return File(found, self.stamps[found])

    @cached_property
    def _by_key(self) -> list[Path]:
        """In the order of showing; made only when needed, since most looks find what was there before."""
        return sorted(self.stamps, key=lambda path: natural_key(path.name))

    @cached_property
    def _keys(self) -> list[_Key]:
        return [natural_key(path.name) for path in self._by_key]


def look(path: Path) -> Listing:
    """What is at a path now.

    Of a folder, all that may be pictures: no hidden files (`.DS_Store`), no folders, and no FIFO, which would
    block.

    Raises:
        OSError: there is nothing, or it cannot be looked at.
    """
    if not path.is_dir():
        return Listing({path: stamp_of(path.stat())}, is_folder=False)
    return Listing(dict(_in_folder(path)), is_folder=True)


def natural_key(name: str) -> _Key:
    """Sorts `frame2` before `frame10`; letter case decides only between equals."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if index % 2 else part.casefold() for index, part in enumerate(parts)], name


def _in_folder(folder: Path) -> Iterator[tuple[Path, Stamp]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                about = entry.stat()
            except OSError:  # it has gone since, or is a link to nowhere
                continue
            if S_ISREG(about.st_mode):
                yield folder / entry.name, stamp_of(about)
