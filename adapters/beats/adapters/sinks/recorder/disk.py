"""The disk that a recorder writes to, or will."""

import os
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from beats.kernel.resources import Output
from beats.kit.paths import why_unwritable

_PAUSE_S: Final = 1.0


class Disk:
    """Looks at a disk now and then; a disk that hangs keeps nobody waiting but a thread of its own."""

    def __init__(self, path: Path) -> None:
        """Take a file that is on it, or will be."""
        self.free_bytes: int | None = None
        """What it had left for this user when it was last seen; None until then."""
        self._path: Final = path

    def look(self) -> None:
        """See what is left; in a worker thread. What cannot be known stays as it was."""
        for folder in self._path.absolute().parents:
            try:
                found = os.statvfs(folder)
            except (FileNotFoundError, NotADirectoryError):
                continue  # it will be made
            except OSError:
                return
            self.free_bytes = found.f_bavail * found.f_frsize
            return

    def check(self) -> None:
        """Find out, without making anything, whether a file could be made; in a worker thread.

        Raises:
            OSError: it could not, and why.
        """
        why = why_unwritable(Output("path", self._path))
        if why is not None:
            raise OSError(f"{self._path} {why}")

    async def watch(self) -> None:
        """Look once a second until it is cancelled, which does not wait for the disk."""
        while True:
            await to_thread.run_sync(self.look, abandon_on_cancel=True)
            await anyio.sleep(_PAUSE_S)
