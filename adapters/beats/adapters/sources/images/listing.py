"""The files with pictures, in the order in which they are shown."""

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from stat import S_ISREG
from typing import Final, NamedTuple

from beats.kit.paths import Stamp, stamp_of

_Key = tuple[list[str | int], str]


class File(NamedTuple):
    """One file, as it was when the listing was made."""

    path: Path
    stamp: Stamp


class Listing:
    """The files at one moment; two listings are equal if no file has changed."""

    def __init__(self, stamps: Mapping[Path, Stamp], *, is_folder: bool) -> None:
        self.is_folder: Final = is_folder
        self.stamps: Final = stamps

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listing) and self.stamps == other.stamps

    def __contains__(self, file: File) -> bool:
        """Whether a file is there, unchanged."""
        return self.stamps.get(file.path) == file.stamp

    def after(self, path: Path | None) -> File | None:
        """The file after another one, which need not exist any more; the first one after None."""
        index = 0 if path is None else bisect_right(self._keys, natural_key(path.name))
        if index == len(self._keys):
            return None
        found = self._by_key[index]
        return File(found, self.stamps[found])

    @cached_property
    def _by_key(self) -> list[Path]:
        """The files in the order of showing. Sorted only when needed: most listings show no change."""
        return sorted(self.stamps, key=lambda path: natural_key(path.name))

    @cached_property
    def _keys(self) -> list[_Key]:
        return [natural_key(path.name) for path in self._by_key]


def look(path: Path) -> Listing:
    """List the files at a path: the file itself, or those in a folder.

    Leaves out hidden files (`.DS_Store`), folders, and FIFOs, which would block.

    Raises:
        OSError: the path does not exist or cannot be read.
    """
    if not path.is_dir():
        return Listing({path: stamp_of(path.stat())}, is_folder=False)
    return Listing(dict(_in_folder(path)), is_folder=True)


def natural_key(name: str) -> _Key:
    """Sort `frame2` before `frame10`; letter case decides only between equal names."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if index % 2 else part.casefold() for index, part in enumerate(parts)], name


def _in_folder(folder: Path) -> Iterator[tuple[Path, Stamp]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                about = entry.stat()
            except OSError:  # it was removed meanwhile, or is a broken link
                continue
            if S_ISREG(about.st_mode):
                yield folder / entry.name, stamp_of(about)
