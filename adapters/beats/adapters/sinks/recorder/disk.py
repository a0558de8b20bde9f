"""What a recorder has written, and the disk that it writes to."""

import os
import threading
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from beats.kernel.resources import Output
from beats.kit.paths import why_unwritable

_PAUSE_S: Final = 1.0


class Counters:
    """What a recorder has written. Never decreases; any thread may add, and any may read."""

    def __init__(self) -> None:
        self.written_bytes = 0
        """All bytes put on disk, including metadata and what a failed write removed again."""
        self.envelopes = 0
        """The envelopes in files, without those only in memory."""
        self.files = 0
        """The files that are finished and have their own name."""
        self._lock: Final = threading.Lock()

    def add(self, *, written_bytes: int = 0, envelopes: int = 0, files: int = 0) -> None:
        """Add to the counters."""
        with self._lock:  # several threads may write snapshots
            self.written_bytes += written_bytes
            self.envelopes += envelopes
            self.files += files


class DiskWatch:
    """Checks the free space of a disk regularly; a disk that hangs blocks only a thread of its own."""

    def __init__(self, path: Path) -> None:
        """Watch the disk of a file, which need not exist yet."""
        self.free_bytes: int | None = None
        """The free space for this user at the last check; None before."""
        self._path: Final = path

    def look(self) -> None:
        """Check the free space, in a worker thread; keeps the last value when it cannot be determined."""
        for folder in self._path.absolute().parents:
            try:
                found = os.statvfs(folder)
            except (FileNotFoundError, NotADirectoryError):
                continue  # it will be created
            except OSError:
                return
            self.free_bytes = found.f_bavail * found.f_frsize
            return

    def check(self) -> None:
        """Check whether a file could be created, without creating anything; in a worker thread.

        Raises:
            OSError: it could not; says why.
        """
        why = why_unwritable(Output("path", self._path))
        if why is not None:
            raise OSError(f"{self._path} {why}")

    async def watch(self) -> None:
        """Check once a second until it is cancelled, without waiting for the disk then."""
        while True:
            await to_thread.run_sync(self.look, abandon_on_cancel=True)
            await anyio.sleep(_PAUSE_S)
