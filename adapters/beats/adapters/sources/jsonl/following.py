"""A file that is followed by its name, as `tail -F` does: through rotation, rewriting and absence."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import anyio

from beats.adapters.sources.jsonl.chunks import CHUNK_BYTES, LOOK_AGAIN_S, Chunk

_PROBE_BYTES: Final = 512
"""Of the beginning, and of what was read last: where these differ later, the file was rewritten."""
_MOST_OPEN: Final = 16
"""Files that may be open at once: the one that is read, and those that have taken its name since."""


class FollowedFile:
    """Never ends. Each file that had the name is read to its end before the next one is begun."""

    def __init__(self, path: str, report: Callable[[str], None]) -> None:
        """Open what is there, if anything is; `report` is told once why nothing can be read."""
        self._path: Final = path
        self._report: Final = report
        self._trouble = ""
        self._files: list[_OpenFile] = []
        self._at_end = False
        self._look()

    async def wait(self) -> None:
        """A moment, at the end of what is there."""
        await anyio.sleep(LOOK_AGAIN_S if self._at_end else 0)

    def read(self) -> Chunk:
        """What comes next: of the file that is read, or of the one that has taken its name."""
        self._look()
        self._at_end = not self._files
        if not self._files:
            return Chunk(b"")
        chunk = self._files[0].read()
        if chunk.data or chunk.then != "more":
            return chunk
        if not self._is_succeeded():
            self._at_end = True
            return chunk
        last = self._files[0].read()  # a program may write to its file until it writes to the next one
        if last.data:
            return last
        self._files.pop(0).close()
        return Chunk(b"", "restart")

    def close(self) -> None:
        """Close all that is open."""
        while self._files:
            self._files.pop().close()

    def _is_succeeded(self) -> bool:
        """Whether the file that is read is finished: a program has begun with the next one."""
        return len(self._files) > 2 or (len(self._files) == 2 and self._files[1].size_bytes > 0)

    def _look(self) -> None:
        """Open the file that has the name now, unless it is open."""
        trouble = ""
        try:
            about = Path(self._path).stat()
            if not stat.S_ISREG(about.st_mode):
                trouble = "it is not a regular file"
            elif not self._is_open(about) and len(self._files) < _MOST_OPEN:
                self._files.append(_OpenFile(self._path))
        except FileNotFoundError as error:  # for a moment, between two of a rotation
            trouble = "" if self._files else error.strerror or str(error)
        except OSError as error:
            trouble = error.strerror or str(error)
        if trouble and trouble != self._trouble:
            self._report(f"cannot be read ({trouble}), and is waited for")
        self._trouble = trouble

    def _is_open(self, about: os.stat_result) -> bool:
        return bool(self._files) and self._files[-1].identity == (about.st_dev, about.st_ino)


class _OpenFile:
    """A file by what it is, whatever its name; read from its beginning again when it was rewritten."""

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

    def read(self) -> Chunk:
        """The next bytes, if any; `restart` when the file is no longer the one that was read."""
        found = os.pread(self._fd, len(self._last) + CHUNK_BYTES, self._offset - len(self._last))
        data = found[len(self._last) :]
        if not found.startswith(self._last) or (data and not self._begins_as_before()):
            self._offset, self._begin, self._last = 0, b"", b""
            return Chunk(b"", "restart")
        if len(self._begin) < _PROBE_BYTES:
            self._begin = (self._begin + data)[:_PROBE_BYTES]
        self._last = found[-_PROBE_BYTES:]
        self._offset += len(data)
        return Chunk(data)

    def close(self) -> None:
        os.close(self._fd)

    def _begins_as_before(self) -> bool:
        return os.pread(self._fd, len(self._begin), 0) == self._begin
