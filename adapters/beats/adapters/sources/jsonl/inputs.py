"""Where the bytes come from: a file, read once or followed, a pipe or terminal, a FIFO.

Each has `wait`, which the event loop can cancel at any time, and `read`, which a worker thread calls after
it and which then has no reason to wait. So no thread is ever left in a read that does not return.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import anyio
import anyio.lowlevel

from beats.adapters.sources.jsonl.chunks import CHUNK_BYTES, LOOK_AGAIN_S, Chunk
from beats.adapters.sources.jsonl.following import FollowedFile
from beats.kernel.errors import InputError
from beats.kit.paths import expanded

WANTED: Final = 'give a file or FIFO of JSON Lines, or "-" for standard input'


class Input(Protocol):
    """A stream of bytes that is open."""

    async def wait(self) -> None:
        """Until reading makes sense."""
        ...

    def read(self) -> Chunk:
        """What is there, at most `CHUNK_BYTES`."""
        ...

    def close(self) -> None:
        """Give back what was opened."""
        ...


class FileInput:
    """A regular file."""

    def __init__(self, fd: int, *, owned: bool = True) -> None:
        self._fd = fd
        self._owned = owned

    async def wait(self) -> None:
        """There is no reason to."""
        await anyio.lowlevel.checkpoint()

    def read(self) -> Chunk:
        """The next bytes."""
        data = os.read(self._fd, CHUNK_BYTES)
        return Chunk(data, "more" if data else "end")

    def close(self) -> None:
        """Standard input stays open: it is not ours."""
        if self._owned:
            os.close(self._fd)


class StreamInput:
    """A pipe, a terminal or a socket, read until the other side closes it; nobody else may read from it.

    The descriptor stays as it is: O_NONBLOCK on standard input would change the terminal for the shell too.
    """

    def __init__(self, fd: int, *, owned: bool) -> None:
        self._fd = fd
        self._owned = owned
        self._selectable = True

    async def wait(self) -> None:
        """Until something can be read or the other side has closed."""
        if self._selectable:
            try:
                await anyio.wait_readable(self._fd)
            except PermissionError:  # epoll(7): EPERM for what is always ready, such as /dev/null
                self._selectable = False
        else:
            await anyio.lowlevel.checkpoint()

    def read(self) -> Chunk:
        """What is there."""
        try:
            data = os.read(self._fd, CHUNK_BYTES)
        except BlockingIOError:  # another reader of the same pipe was quicker
            return Chunk(b"")
        return Chunk(data, "more" if data else "end")

    def close(self) -> None:
        """Standard input stays open: it is not ours."""
        if self._owned:
            os.close(self._fd)


class FifoInput:
    """A FIFO, which stays on air: when its last writer closes it, the next one is waited for.

    Writers that have it open at the same time share one stream, so each must write whole lines at once.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._stream = self._opened()
        self._silent = False

    async def wait(self) -> None:
        """Until a writer has written or closed."""
        if self._silent:  # a system that reports "closed" before anybody has written: do not spin
            await anyio.sleep(LOOK_AGAIN_S)
        await self._stream.wait()

    def read(self) -> Chunk:
        """What is there; when the last writer has gone, open anew."""
        chunk = self._stream.read()
        if chunk.then != "end":
            self._silent = False
            return chunk
        self._silent = True
        # Opened before the old one is closed, so that what a new writer has already written is not lost.
        gone, self._stream = self._stream, self._opened()
        gone.close()
        return Chunk(b"", "pause")

    def close(self) -> None:
        """Writers get SIGPIPE from now on."""
        self._stream.close()

    def _opened(self) -> StreamInput:
        return StreamInput(os.open(self._path, os.O_RDONLY | os.O_NONBLOCK), owned=True)


def open_input(path: str, *, follow: bool, stdin_fd: int, report: Callable[[str], None]) -> Input:
    """Open what a setting names; may touch the disk, never waits for a writer.

    Args:
        path: a file, a FIFO, or "-".
        follow: whether a file is followed.
        stdin_fd: what "-" stands for.
        report: told what is odd about a file that is followed.

    Raises:
        InputError: there is nothing to read there; says what would be right.
    """
    try:
        if path == "-":
            if stdin_fd == 0 and sys.__stdin__ is None:  # something else may have the number by now
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


def _of_kind(fd: int, mode: int, *, owned: bool) -> Input:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISREG(mode):
        return FileInput(fd, owned=owned)
    return StreamInput(fd, owned=owned)


def _can_be_followed(path: str) -> bool:
    """Whether this is a file, or may become one; a terminal or a pipe just ends."""
    with suppress(OSError):
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - as the other calls here
    return True


def _is_fifo(path: str) -> bool:
    """Whether this is a FIFO in the file system, which can be opened again.

    `/dev/stdin`, and what the shell makes of `<(command)`, lead to a pipe without a name and end with it.
    """
    with suppress(OSError):
        return stat.S_ISFIFO(os.lstat(os.path.realpath(path)).st_mode)
    return False
