"""The file under a recording that is being written: never overwritten, never ahead of what it holds."""

import errno
import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from mcap.data_stream import RecordBuilder
from mcap.records import DataEnd, Footer
from mcap.writer import MCAP0_MAGIC

from beats.recordings import PART_SUFFIX


class Output:
    """An unbuffered file at `<path>.part` that becomes `path` when it is whole.

    It remembers the last place up to which it holds whole records, and can go back there after a write that
    failed half way.
    """

    def __init__(self, path: Path) -> None:
        """Make the file, and the folders above it.

        Raises:
            FileExistsError: there is such a recording, or one is being written.
            OSError: it cannot be made; the error names it.
        """
        self.written_bytes = 0
        """What was written, with what was taken away again; it only rises."""
        self.path: Final = path
        self.part_path: Final = path.with_name(path.name + PART_SUFFIX)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(self.part_path, flags, 0o666)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # see `is_being_written`
        self._identity: Final = _identity(os.fstat(self._fd))
        self._size = 0
        self._whole = 0
        self._lock: Final = threading.Lock()
        self._closed = False
        self._where = self.part_path

    def write(self, data: bytes) -> int:
        """Append all of the data, as a binary file does.

        Raises:
            OSError: the disk does not take it; the error names the file.
        """
        view = memoryview(data)
        while view:
            try:
                written = os.write(self._fd, view)
            except OSError as error:
                error.filename = str(self.part_path)
                raise
            self._size += written
            self.written_bytes += written
            view = view[written:]
        return len(data)

    def tell(self) -> int:
        """The size in bytes."""
        return self._size

    def flush(self) -> None:
        """Nothing is held back, so all that was written is whole up to here."""
        self._whole = self._size

    def free_bytes(self) -> int:
        """What the disk has left for this user."""
        found = os.fstatvfs(self._fd)
        return found.f_bavail * found.f_frsize

    def sync(self) -> None:
        """Have the disk take what was written; another thread may write meanwhile."""
        with self._lock:
            if self._closed:
                return
            fd = os.dup(self._fd)
        try:
            _sync(fd)
        finally:
            os.close(fd)

    @property
    def has_name(self) -> bool:
        """Whether it was closed and has its own name."""
        return self._where == self.path

    def is_in_place(self) -> bool:
        """Whether the file is still where it was made; somebody may have removed or moved it."""
        try:
            return _identity(self.part_path.stat()) == self._identity
        except OSError:
            return False

    def close(self) -> None:
        """Close the file and give it its own name; nothing is overwritten.

        Raises:
            OSError: it cannot be renamed; it stays where it is, closed.
        """
        self._close()
        self._rename()

    def close_cut(self) -> bool:
        """After a failed write: go back to what is whole, end the file there, close it.

        An end without a summary makes it a file that every MCAP reader opens. When the disk does not take
        even that, it stays a `.part` without an end, up to its last whole record.

        Returns:
            Whether the file has an end and its own name.
        """
        ended = False
        try:
            os.ftruncate(self._fd, self._whole)
            os.lseek(self._fd, self._whole, os.SEEK_SET)
            self._size = self._whole
            self.write(_END)
            ended = True
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self._whole)
        with suppress(OSError):
            self._close()
        if ended:
            try:
                self._rename()
            except OSError:
                return False
        return ended

    def remove(self) -> None:
        """Close the file and take it away again: nobody has a use for it."""
        with suppress(OSError):
            self._close()
        with suppress(OSError):
            self._where.unlink()

    def _rename(self) -> None:
        _rename(self.part_path, self.path)
        self._where = self.path

    def _close(self) -> None:
        with self._lock:  # a number that was given back must not be duplicated
            self._closed = True
            fd, self._fd = self._fd, -1  # whoever writes after this fails, and does not hit another file
            os.close(fd)


def is_being_written(path: Path) -> bool:
    """Whether a living process has the file open as its `Output`."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return False


def _end() -> bytes:
    """The shortest end of a file: no summary, no checksums (https://mcap.dev/spec, "Footer")."""
    builder = RecordBuilder()
    DataEnd(data_section_crc=0).write(builder)
    Footer(summary_start=0, summary_offset_start=0, summary_crc=0).write(builder)
    records: bytes = builder.end()  # type: ignore[no-untyped-call]  # the library forgot `-> bytes`
    return records + MCAP0_MAGIC


_END: Final = _end()


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _sync(fd: int) -> None:
    # fdatasync also writes the size, which is all that is needed to find the data again; macOS lacks it.
    getattr(os, "fdatasync", os.fsync)(fd)


def _rename(source: Path, target: Path) -> None:
    """Rename without ever replacing a file, which `os.rename` would do in silence."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links, such as a memory card's
        if target.exists():
            problem = os.strerror(errno.EEXIST)
            raise FileExistsError(errno.EEXIST, problem, str(source), None, str(target)) from None
        source.rename(target)
    else:
        source.unlink()
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name, too, shall survive a power cut
    except OSError as error:  # some file systems do not know how
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(folder)
