"""A file that has its own name only once it is whole, and never takes another's place."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from beats.recordings import PART_SUFFIX

_TAKEN: Final = "is there already and is not overwritten: give another name, or remove it first"
_BEING_WRITTEN: Final = "is there already: another export is writing it, or one was killed; remove it then"


class Target:
    """A file at `<path>.part` that becomes `path` when it is whole."""

    def __init__(self, path: Path) -> None:
        """Make the file.

        Raises:
            FileExistsError: there is such a file; says what to do.
            OSError: it cannot be made; the error names it.
        """
        self.path: Final = path
        self._part_path: Final = path.with_name(path.name + PART_SUFFIX)
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, _TAKEN, str(path))
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "cannot be made: its folder does not exist", str(path))
        try:
            self.file: Final[IO[bytes]] = self._part_path.open("x+b")
        except FileExistsError:
            raise FileExistsError(errno.EEXIST, _BEING_WRITTEN, str(self._part_path)) from None

    def commit(self, *, sync: bool = True) -> int:
        """Close the file and give it its own name; gives its size in bytes.

        Args:
            sync: whether to have the disk take it before.

        Raises:
            FileExistsError: somebody has made such a file meanwhile.
            OSError: the disk does not take it.
        """
        self.file.flush()
        if sync:
            os.fsync(self.file.fileno())
        size = self.file.seek(0, 2)
        self.file.close()
        self._rename()
        return size

    def discard(self) -> None:
        """Take the file away, if it has not got its own name."""
        with suppress(OSError):  # what is still buffered, a full disk refuses once more
            self.file.close()
        with suppress(OSError):
            self._part_path.unlink()

    def _rename(self) -> None:
        """As in recordings/output.py: `os.rename` would replace a file in silence."""
        try:
            os.link(self._part_path, self.path)
        except FileExistsError:
            raise FileExistsError(errno.EEXIST, _TAKEN, str(self.path)) from None
        except OSError:  # a file system without hard links, such as a memory card's
            if os.path.lexists(self.path):
                raise FileExistsError(errno.EEXIST, _TAKEN, str(self.path)) from None
            self._part_path.rename(self.path)
        else:
            self._part_path.unlink()
