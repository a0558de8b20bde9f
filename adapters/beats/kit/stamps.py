"""Whether a file is still what it was, without reading it."""

import os
from pathlib import Path
from typing import NamedTuple


class Stamp(NamedTuple):
    """Identity, size and times: another one after a change, also when another file takes the name.

    Times advance in steps, of 4 or 10 ms on Linux: two changes within one, to the same size in the same file,
    are one.
    """

    device: int
    inode: int
    size_bytes: int
    modified_unix_ns: int
    changed_unix_ns: int
    """Of the inode: it tells of a change where a program sets the other time back."""


def stamp_of(about: os.stat_result) -> Stamp:
    """The stamp of a file from what the system has just said of it."""
    return Stamp(about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


def stamp(path: Path) -> Stamp | str:
    """The stamp of what a path leads to, or why it cannot be told."""
    try:
        return stamp_of(path.stat())
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:  # a name that no file can have
        return str(error)
