"""What a recorder has put on disk so far."""

import threading
from typing import Final


class Counters:
    """Numbers that only rise. Any thread may add, and any may read."""

    def __init__(self) -> None:
        self.written_bytes = 0
        """With what files hold besides messages, and what a failed write took away again."""
        self.envelopes = 0
        """Those that are in a file; what is in memory only is not among them yet."""
        self.files = 0
        """Those that have their end and their name."""
        self._lock: Final = threading.Lock()

    def add(self, *, written_bytes: int = 0, envelopes: int = 0, files: int = 0) -> None:
        """Count on."""
        with self._lock:  # snapshots are written while others are told of
            self.written_bytes += written_bytes
            self.envelopes += envelopes
            self.files += files
