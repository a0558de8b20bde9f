"""What libraries that are not written in Python say on standard error, as lines of the log.

Some decoders of pictures write there by themselves (libtiff, libjpeg), and one such line spoils a log that is
for a program.
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
"""Of one line; what is longer is more than one."""
_TIMEOUT_S: Final = 1.0
_log: Final = logging.getLogger(__name__)


class Diversion:
    """While it lasts, what is written to standard error by its number is logged.

    What Python writes there goes to where it went before: `sys.stderr` has a number of its own.
    """

    def __init__(self) -> None:
        self._before: TextIO | None = None
        self._thread = threading.Thread()

    def begin(self) -> None:
        """Divert, if `sys.stderr` is the process's own standard error."""
        if self._before is not None or not _is_own(sys.stderr):
            return
        self._before = sys.stderr
        sys.stderr.flush()
        ours, theirs = os.pipe()
        # A library that holds the interpreter lock while it writes must not wait for the thread that reads.
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
        """Divert no more; what was written until now is logged first."""
        if self._before is None:
            return
        atexit.unregister(self.end)
        own, sys.stderr = sys.stderr, self._before
        own.flush()
        os.dup2(own.fileno(), _STDERR)  # which closes the pipe, and so ends the thread
        self._thread.join(_TIMEOUT_S)  # unless a process that was started meanwhile holds it open
        if (raw := raw_output(own)) is not None:
            os.close(raw.move_to(_STDERR))
        else:
            own.close()
        self._before = None


def _is_own(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.fileno() == _STDERR
    except OSError:  # it is no file
        return False


def _like(stream: TextIO, fd: int) -> TextIO:
    """A stream in the same encoding."""
    return open(fd, "w", encoding=stream.encoding, errors=stream.errors, buffering=1)


def _log_lines(fd: int) -> None:
    reports = ThrottledLog(_log, "standard error")
    with open(fd, "rb") as lines:
        while line := lines.readline(_MOST_BYTES):
            if text := line.decode(errors="replace").strip():
                reports.add("messages of libraries", text)
