"""Logs what native libraries write to standard error.

Some picture decoders (libtiff, libjpeg) write there directly, and one such line breaks a JSON log.
"""

import atexit
import logging
import os
import sys
import threading
from typing import Final, TextIO

from beats.cli.streams import raw_output
from beats.kit.throttled_log import ThrottledLog

_STDERR: Final = 2
_MOST_BYTES: Final = 4096
"""Longest line; longer ones are split."""
_TIMEOUT_S: Final = 1.0
_log: Final = logging.getLogger(__name__)


class Diversion:
    """Logs what is written to file descriptor 2.

    `sys.stderr` gets another descriptor, so that Python still writes to the original target.
    """

    def __init__(self) -> None:
        self._before: TextIO | None = None
        self._thread = threading.Thread()

    def begin(self) -> None:
        """Start, if `sys.stderr` is the process's own standard error."""
        if self._before is not None or not _is_own(sys.stderr):
            return
        self._before = sys.stderr
        sys.stderr.flush()
        ours, theirs = os.pipe()
        # A library that writes while it holds the GIL must not wait for the reading thread.
        os.set_blocking(theirs, False)
        own = os.dup(_STDERR)
        if (raw := raw_output(sys.stderr)) is not None:
            raw.move_to(own)
        else:
            sys.stderr = _like(sys.stderr, own)
        os.dup2(theirs, _STDERR)
        os.close(theirs)
        self._thread = threading.Thread(target=_log_lines, args=(ours,), name="standard error", daemon=True)
        self._thread.start()
        atexit.register(self.end)

    def end(self) -> None:
        """Stop, after logging what was written until now."""
        if self._before is None:
            return
        atexit.unregister(self.end)
        own, sys.stderr = sys.stderr, self._before
        own.flush()
        os.dup2(own.fileno(), _STDERR)  # closes the pipe, which ends the thread
        self._thread.join(_TIMEOUT_S)  # a child process may hold the pipe open
        if (raw := raw_output(own)) is not None:
            os.close(raw.move_to(_STDERR))
        else:
            own.close()
        self._before = None


def _is_own(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.fileno() == _STDERR
    except OSError:  # it is not a file
        return False


def _like(stream: TextIO, fd: int) -> TextIO:
    """A stream with the same encoding."""
    return open(fd, "w", encoding=stream.encoding, errors=stream.errors, buffering=1)


def _log_lines(fd: int) -> None:
    reports = ThrottledLog(_log, "standard error")
    with open(fd, "rb") as lines:
        while line := lines.readline(_MOST_BYTES):
            if text := line.decode(errors="replace").strip():
                reports.add("messages of libraries", text)
