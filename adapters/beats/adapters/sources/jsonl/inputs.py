"""Where the bytes come from: a file, read once or followed, a pipe or terminal, a FIFO.

Each input has `wait`, which the event loop can cancel at any time, and `read`, which runs in a worker thread
afterwards and then does not block. So no thread is ever left in a read that does not return.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

import anyio
import anyio.lowlevel

from beats.kernel.errors import InputError
from beats.kit.paths import expanded

WANTED: Final = 'give a file or FIFO of JSON Lines, or "-" for standard input'
CHUNK_BYTES: Final = 8 * 1024
"""Bytes per read. Parsing them takes a millisecond. With 64 KiB, which takes longer than Python's switch
interval of 5 ms, the parsing thread delayed the event loop by 20 to 30 ms, and was no faster."""
LOOK_AGAIN_S: Final = 0.2
"""Interval between checks of a followed file, or of a FIFO that reports an end without a writer."""
_PROBE_BYTES: Final = 512
"""How much of the start of a file and of the last read is remembered: if these change, it was rewritten."""
_MOST_OPEN: Final = 16
"""Most files open at once: the one being read, and those that have taken its name since."""


class ByteChunk(NamedTuple):
    """The result of one read."""

    data: bytes
    then: Literal["more", "pause", "restart", "end"] = "more"
    """pause: one writer is done, so its last line is complete, but others may follow; restart: the same,
    and the next bytes are the start of a file."""


class ByteInput(Protocol):
    """An open stream of bytes."""

    async def wait(self) -> None:
        """Wait until there is something to read."""
        ...

    def read(self) -> ByteChunk:
        """Read what is there, at most `CHUNK_BYTES`."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


class StreamInput:
    """A pipe, a terminal or a socket, read until the other side closes it. It must have no other reader.

    The descriptor stays in blocking mode: O_NONBLOCK on standard input would affect the shell too.
    """

    def __init__(self, fd: int, *, owned: bool) -> None:
        self._fd = fd
        self._owned = owned
        self._selectable = True

    async def wait(self) -> None:
        """Wait until there is something to read or the other side has closed."""
        if self._selectable:
            try:
                await anyio.wait_readable(self._fd)
            except PermissionError:  # epoll(7): EPERM for files that are always ready, such as /dev/null
                self._selectable = False
        else:
            await anyio.lowlevel.checkpoint()

    def read(self) -> ByteChunk:
        """Read the bytes that are available."""
        try:
            data = os.read(self._fd, CHUNK_BYTES)
        except BlockingIOError:  # another reader of the same pipe was faster
            return ByteChunk(b"")
        return ByteChunk(data, "more" if data else "end")

    def close(self) -> None:
        """Close it, unless it is standard input, which belongs to the process."""
        if self._owned:
            os.close(self._fd)


class FileInput(StreamInput):
    """A regular file."""

    async def wait(self) -> None:
        """Return at once: a file can always be read."""
        await anyio.lowlevel.checkpoint()


class FifoInput:
    """A FIFO, which stays open: when its last writer closes it, this waits for the next one.

    Simultaneous writers share one stream, so each must write whole lines at once.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._stream = self._opened()
        self._silent = False

    async def wait(self) -> None:
        """Wait until a writer has written or closed."""
        if self._silent:  # some systems report an end before the first writer: do not spin
            await anyio.sleep(LOOK_AGAIN_S)
        await self._stream.wait()

    def read(self) -> ByteChunk:
        """Read what is there; after the last writer has closed, reopen the FIFO."""
        chunk = self._stream.read()
        if chunk.then != "end":
            self._silent = False
            return chunk
        self._silent = True
        # Open the new one before closing the old, so that bytes from a new writer are not lost.
        ended, self._stream = self._stream, self._opened()
        ended.close()
        return ByteChunk(b"", "pause")

    def close(self) -> None:
        """Close it; writers get SIGPIPE from now on."""
        self._stream.close()

    def _opened(self) -> StreamInput:
        return StreamInput(os.open(self._path, os.O_RDONLY | os.O_NONBLOCK), owned=True)


class FollowedFile:
    """A file followed by name, as `tail -F` does: through rotation, rewriting and absence.

    It never ends. Each file that had the name is read to its end before the next one is started.
    """

    def __init__(self, path: str, report: Callable[[str], None]) -> None:
        """Open the file, if there is one; `report` is called once with the reason if it cannot be read."""
        self._path: Final = path
        self._report: Final = report
        self._trouble = ""
        self._files: list[_OpenFile] = []
        self._at_end = False
        self._look()

    async def wait(self) -> None:
        """Pause at the end of the file."""
        await anyio.sleep(LOOK_AGAIN_S if self._at_end else 0)

    def read(self) -> ByteChunk:
        """Read on in the current file, or in the one that has taken its name."""
        self._look()
        self._at_end = not self._files
        if not self._files:
            return ByteChunk(b"")
        chunk = self._files[0].read()
        if chunk.data or chunk.then != "more":
            return chunk
        if not self._is_succeeded():
            self._at_end = True
            return chunk
        last = self._files[0].read()  # a program may write to the old file until it starts the next one
        if last.data:
            return last
        self._files.pop(0).close()
        return ByteChunk(b"", "restart")

    def close(self) -> None:
        """Close all open files."""
        while self._files:
            self._files.pop().close()

    def _is_succeeded(self) -> bool:
        """Whether the current file is finished, because a program has started to write to the next one."""
        return len(self._files) > 2 or (len(self._files) == 2 and self._files[1].size_bytes > 0)

    def _look(self) -> None:
        """Open the file that has the name now, unless it is open already."""
        trouble = ""
        try:
            about = Path(self._path).stat()
            if not stat.S_ISREG(about.st_mode):
                trouble = "it is not a regular file"
            elif not self._is_open(about) and len(self._files) < _MOST_OPEN:
                self._files.append(_OpenFile(self._path))
        except FileNotFoundError as error:  # normal for a moment during a rotation
            trouble = "" if self._files else error.strerror or str(error)
        except OSError as error:
            trouble = error.strerror or str(error)
        if trouble and trouble != self._trouble:
            self._report(f"cannot be read ({trouble}); waiting for it")
        self._trouble = trouble

    def _is_open(self, about: os.stat_result) -> bool:
        return bool(self._files) and self._files[-1].identity == (about.st_dev, about.st_ino)


class _OpenFile:
    """An open file, independent of its name; read from the start again after it was rewritten."""

    def __init__(self, path: str) -> None:
        self._fd: Final = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        about = os.fstat(self._fd)
        self.identity: Final = (about.st_dev, about.st_ino)
        self._offset = 0
        self._begin = b""
        self._last = b""

    @property
    def size_bytes(self) -> int:
        return os.fstat(self._fd).st_size

    def read(self) -> ByteChunk:
        """Read the next bytes, if any; `restart` if the file was rewritten."""
        found = os.pread(self._fd, len(self._last) + CHUNK_BYTES, self._offset - len(self._last))
        data = found[len(self._last) :]
        if not found.startswith(self._last) or (data and not self._begins_as_before()):
            self._offset, self._begin, self._last = 0, b"", b""
            return ByteChunk(b"", "restart")
        if len(self._begin) < _PROBE_BYTES:
            self._begin = (self._begin + data)[:_PROBE_BYTES]
        self._last = found[-_PROBE_BYTES:]
        self._offset += len(data)
        return ByteChunk(data)

    def close(self) -> None:
        os.close(self._fd)

    def _begins_as_before(self) -> bool:
        return os.pread(self._fd, len(self._begin), 0) == self._begin


def open_input(path: str, *, follow: bool, stdin_fd: int, report: Callable[[str], None]) -> ByteInput:
    """Open the input that a setting names. May access the disk, but never waits for a writer.

    Args:
        path: a file, a FIFO, or "-".
        follow: whether to follow a file.
        stdin_fd: the descriptor that "-" stands for.
        report: called with problems of a followed file.

    Raises:
        InputError: the path cannot be read; says what to give instead.
    """
    try:
        if path == "-":
            if stdin_fd == 0 and sys.__stdin__ is None:  # the number may belong to another file by now
                raise OSError(errno.EBADF, "it was closed when the program started")  # noqa: TRY301
            return _of_kind(stdin_fd, os.fstat(stdin_fd).st_mode, owned=False)
        place = str(expanded(path))
        if _is_fifo(place):
            return FifoInput(place)
        if follow and _can_be_followed(place):
            return FollowedFile(place, report)
        fd = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            return _of_kind(fd, os.fstat(fd).st_mode, owned=True)
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        name = "standard input" if path == "-" else path
        raise InputError(f"{name} cannot be read ({error.strerror}): {WANTED}") from error


def _of_kind(fd: int, mode: int, *, owned: bool) -> ByteInput:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISREG(mode):
        return FileInput(fd, owned=owned)
    return StreamInput(fd, owned=owned)


def _can_be_followed(path: str) -> bool:
    """Whether this is a regular file, or may become one; a terminal or a pipe cannot be followed."""
    with suppress(OSError):
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - as the other calls here
    return True


def _is_fifo(path: str) -> bool:
    """Whether this is a FIFO in the file system, which can be reopened.

    `/dev/stdin`, and the path that a shell makes of `<(command)`, lead to a pipe, which cannot.
    """
    with suppress(OSError):
        return stat.S_ISFIFO(os.lstat(os.path.realpath(path)).st_mode)
    return False
