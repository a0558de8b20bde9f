"""Files that get their own name only once they are whole, and never overwrite another file."""

import errno
import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from beats.recordings import UNFINISHED_SUFFIX

_TAKEN: Final = "exists and is not overwritten: give another name, or remove it first"
_BEING_WRITTEN: Final = "exists: another export is writing it, or one was killed; remove it in that case"
_UNFINISHED: Final = "exists: it is being written, or was left unfinished: `beats recover {}` makes it whole"


def unfinished(path: Path) -> Path:
    """The name of a file while it is being written."""
    return path.with_name(path.name + UNFINISHED_SUFFIX)


def finished(path: Path) -> Path:
    """The name of a file once it is finished."""
    return path.with_name(path.name.removesuffix(UNFINISHED_SUFFIX))


class UnfinishedFile:
    """A file at `<path>.part` that becomes `path` when it is whole."""

    def __init__(self, path: Path) -> None:
        """Create the file.

        Raises:
            FileExistsError: the name is taken; says what to do.
            OSError: it cannot be created; the error names it.
        """
        self.path: Final = path
        self._unfinished: Final = unfinished(path)
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, _TAKEN, str(path))
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "cannot be made: its folder does not exist", str(path))
        try:
            self.file: Final[IO[bytes]] = self._unfinished.open("x+b")
        except FileExistsError:
            raise FileExistsError(errno.EEXIST, _BEING_WRITTEN, str(self._unfinished)) from None
        except OSError as error:
            raise _impossible(error, path) from error

    def commit(self, *, sync: bool = True) -> int:
        """Close the file and give it its own name; returns its size in bytes.

        Args:
            sync: whether to wait until it is on the disk.

        Raises:
            FileExistsError: the name was taken meanwhile.
            OSError: the disk rejects it.
        """
        self.file.flush()
        if sync:
            os.fsync(self.file.fileno())
        size = self.file.seek(0, 2)
        self.file.close()
        try:
            rename_new(self._unfinished, self.path)
        except FileExistsError:
            raise FileExistsError(errno.EEXIST, _TAKEN, str(self.path)) from None
        return size

    def discard(self) -> None:
        """Remove the file, unless it has its own name."""
        with suppress(OSError):  # closing writes what is buffered, which a full disk rejects again
            self.file.close()
        with suppress(OSError):
            self._unfinished.unlink()


def _impossible(error: OSError, path: Path) -> OSError:
    """The error for a file that cannot be created; it names the file as the user gave it."""
    return OSError(error.errno, f"cannot be created: {error.strerror}", str(path))


def new_folder(path: Path) -> bool:
    """Create a folder if it does not exist; returns whether it is new.

    Raises:
        OSError: it cannot be created, or is a file.
    """
    is_new = not path.exists()
    if not (is_new or path.is_dir()):
        raise NotADirectoryError(errno.ENOTDIR, "is not a folder: give one, or a new name", str(path))
    path.mkdir(parents=True, exist_ok=True)
    return is_new


def write_new(path: Path, data: bytes) -> None:
    """Write a whole new file without waiting for the disk: many small files would take far longer.

    Raises:
        FileExistsError: the name is taken; says what to do.
        OSError: the disk rejects it; nothing is left. The error names the file.
    """
    target = UnfinishedFile(path)
    try:
        target.file.write(data)
        target.commit(sync=False)
    except BaseException as error:
        target.discard()
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise


class UnfinishedRecording:
    """An unbuffered file at `<path>.part` that becomes `path` when it is whole.

    It remembers up to where it consists of whole records, and can go back there after a write that failed
    half way.
    """

    def __init__(self, path: Path) -> None:
        """Create the file, and the folders above it.

        Raises:
            FileExistsError: the name is taken, by a finished recording or one being written.
            OSError: it cannot be created; the error names it.
        """
        self.written_bytes = 0
        """All bytes written, with those that were removed again; never decreases."""
        self.path: Final = path
        self.unfinished_path: Final = unfinished(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise FileExistsError(errno.EEXIST, _TAKEN, str(path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._fd = os.open(self.unfinished_path, flags, 0o666)
        except FileExistsError:
            raise FileExistsError(
                errno.EEXIST, _UNFINISHED.format(self.unfinished_path), str(self.unfinished_path)
            ) from None
        except OSError as error:
            raise _impossible(error, path) from error
        with suppress(OSError):  # a file system without locks
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # see `is_being_written`
        self._identity: Final = _identity(os.fstat(self._fd))
        self._size = 0
        self._whole = 0
        self._lock: Final = threading.Lock()
        self._closed = False
        self._where = self.unfinished_path

    def write(self, data: bytes) -> int:
        """Append all of the data, as a binary file does.

        Raises:
            OSError: the disk rejects it; the error names the file.
        """
        view = memoryview(data)
        while view:
            try:
                written = os.write(self._fd, view)
            except OSError as error:
                error.filename = str(self.unfinished_path)
                raise
            self._size += written
            self.written_bytes += written
            view = view[written:]
        return len(data)

    def tell(self) -> int:
        """The size in bytes."""
        return self._size

    def flush(self) -> None:
        """Mark everything written so far as whole; nothing is buffered."""
        self._whole = self._size

    def free_bytes(self) -> int:
        """The free space on the disk for this user."""
        found = os.fstatvfs(self._fd)
        return found.f_bavail * found.f_frsize

    def sync(self) -> None:
        """Wait until the disk has what was written; another thread may write meanwhile."""
        with self._lock:
            if self._closed:
                return
            fd = os.dup(self._fd)
        try:
            # fdatasync also writes the size, which is all that is needed to find the data; macOS lacks it.
            getattr(os, "fdatasync", os.fsync)(fd)
        finally:
            os.close(fd)

    @property
    def has_name(self) -> bool:
        """Whether it was closed and has its own name."""
        return self._where == self.path

    def is_in_place(self) -> bool:
        """Whether the file is still where it was created, neither removed nor moved."""
        try:
            return _identity(self.unfinished_path.stat()) == self._identity
        except OSError:
            return False

    def close(self) -> None:
        """Close the file and give it its own name; nothing is overwritten.

        Raises:
            OSError: it cannot be renamed; it is closed and keeps its name.
        """
        self._close()
        self._rename()

    def close_cut(self) -> bool:
        """Truncate the file after a failed write to what is whole, write an end, and close it.

        An end without a summary makes it a file that every MCAP reader opens. When the disk rejects even
        that, it stays a `.part` without an end, up to its last whole record.

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
        """Close the file and remove it."""
        with suppress(OSError):
            self._close()
        with suppress(OSError):
            self._where.unlink()

    def _rename(self) -> None:
        rename_new(self.unfinished_path, self.path)
        self._where = self.path
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name must survive a power cut, too
        except OSError as error:  # some file systems do not support it
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
                raise
        finally:
            os.close(folder)

    def _close(self) -> None:
        with self._lock:  # a closed descriptor must not be duplicated
            self._closed = True
            fd, self._fd = self._fd, -1  # a later write fails, and does not reach another file
            os.close(fd)


def is_being_written(path: Path) -> bool:
    """Whether a running process has the file open as an `UnfinishedRecording`."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return False


def rename_new(source: Path, target: Path) -> None:
    """Rename without replacing a file, which `os.rename` would do silently.

    Raises:
        FileExistsError: the name is taken; names both files.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if isinstance(error, FileExistsError) or os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, _TAKEN, str(source), None, str(target)) from None
        source.rename(target)  # a file system without hard links, such as that of a memory card
    else:
        source.unlink()


_END: Final = b"\x0f" + b"\4".ljust(12, b"\0") + b"\2" + b"\x14".ljust(28, b"\0") + b"\x89MCAP0\r\n"
"""The shortest end of a file: DataEnd and Footer without summary and checksums (https://mcap.dev/spec)."""


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
