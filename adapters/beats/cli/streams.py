"""Replaces standard output and standard error with streams that handle failing and blocked targets.

The streams can write any text in any encoding. A failed write raises `OutputError`, since a command would
take an `OSError` for a problem of its own files. Standard error raises nothing, as there is no other place
to report it.

A command that runs a stream calls `detach`. From then on threads write, so that a blocked terminal or pipe
(Ctrl-S, a pager, a hanging connection) blocks neither the event loop nor the stream.
"""

import codecs
import errno
import io
import logging
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, TextIO, cast

MOST_WAITING_BYTES: Final = 256 * 1024
"""Largest amount of output that waits for a terminal or pipe; more is dropped and counted."""
LINGER_S: Final = 5.0
"""Longest wait at the end until output is written."""
_GONE: Final = frozenset({errno.EPIPE, errno.EIO})
"""The reader has left, or the terminal was closed: not an error."""
_ESCAPED: Final = "beats-escaped"
_EXIT_FAILED: Final = 1
_STDOUT: Final = "standard output"

_log: Final = logging.getLogger(__name__)


class OutputError(Exception):
    """Standard output cannot be written."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason.strerror)
        self.reason: Final = reason


class RawOutput(io.RawIOBase):
    """The raw layer of one stream, which writes bytes to a file descriptor."""

    def __init__(self, fd: int, name: str, *, raises: bool) -> None:
        super().__init__()
        self.name: Final = name
        self.error: OSError | None = None
        """The first error."""
        self.raises = raises
        self.spool: _Spool | None = None
        """Writes for the caller once the stream is detached."""
        self._fd = fd

    def writable(self) -> bool:
        """Always true."""
        return True

    def fileno(self) -> int:
        """The file descriptor."""
        return self._fd

    def isatty(self) -> bool:
        """Whether the descriptor is a terminal."""
        return os.isatty(self._fd)

    def write(self, data: Any, /) -> int:  # any buffer: before Python 3.12 only typeshed has a type for it
        """Write everything, or pass it to the spool."""
        whole = bytes(data)
        if self.spool is not None:
            self.spool.put(self, whole)
        else:
            self.write_now(whole)
        return len(whole)

    def move_to(self, fd: int) -> int:
        """Write to another descriptor from now on; returns the previous one."""
        before, self._fd = self._fd, fd
        return before

    def write_now(self, data: bytes) -> None:
        """Write everything, blocking as long as needed.

        Raises:
            OutputError: the first write that fails, if the stream raises.
        """
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:  # another program has set O_NONBLOCK on the shared terminal or pipe
                select.select([], [self._fd], [])
            except OSError as error:
                self._failed(error)
                return

    @property
    def is_at_fault(self) -> bool:
        """Whether wanted output was lost; a running stream may have its output closed."""
        unwanted = _GONE if self.spool is None else _GONE | {errno.EBADF}
        return self.error is not None and self.error.errno not in unwanted

    def _failed(self, error: OSError) -> None:
        if self.error is not None:
            return
        self.error = error
        if self.raises:
            self.raises = False  # buffered output would raise again at interpreter exit
            raise OutputError(error)
        if self.spool is not None and self.is_at_fault:
            _log.error("%s cannot be written: %s; the stream goes on", self.name, error.strerror)


class _Spool:
    """A thread that writes output of others, in order, with a bounded queue."""

    def __init__(self) -> None:
        self.dropped = 0
        """Writes dropped as the queue was full."""
        self._told = 0
        """How many of them the log knows of."""
        self._waiting: Final[deque[tuple[RawOutput, bytes]]] = deque()
        self._bytes = 0
        self._changed: Final = threading.Condition()
        threading.Thread(target=self._run, name="beats-output", daemon=True).start()

    def put(self, raw: RawOutput, data: bytes) -> None:
        """Queue output; never waits."""
        with self._changed:
            if self._waiting and self._bytes + len(data) > MOST_WAITING_BYTES:
                self.dropped += 1
                return
            self._waiting.append((raw, data))
            self._bytes += len(data)
            self._changed.notify_all()

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything is written and what is missing is logged; False on timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and self._told == self.dropped, timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                raw, data = self._waiting[0]
            raw.write_now(data)
            with self._changed:
                self._waiting.popleft()
                self._bytes -= len(data)
                missing = 0 if self._waiting else self.dropped - self._told
            if missing:
                _log.warning("%s was blocked for a while: %d writes were dropped", raw.name, missing)
            with self._changed:
                self._told += missing
                self._changed.notify_all()


_raws: Final[list[RawOutput]] = []
"""The raw layers of the replaced streams."""


@contextmanager
def standard_streams() -> Generator[None]:
    """Replace both streams until the block ends, and exit properly when standard output cannot be written.

    When the reader has left (`| head`) or the terminal was closed, the process exits silently with code 0;
    any other failure gives an error message and exit code 1.
    """
    _fill_closed()
    # Streams replaced by a test or an embedding program are kept.
    if sys.stdout is sys.__stdout__:
        sys.stdout = _replaced(sys.__stdout__, 1, _STDOUT, raises=True)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _replaced(sys.__stderr__, 2, "standard error", raises=False)
    is_taken = False
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
            is_taken = _drain()
    except BaseException as error:
        failed = _output_error(error)
        if failed is None:
            if isinstance(error, SystemExit) and not error.code and not (is_taken and _is_whole()):
                sys.exit(_EXIT_FAILED)
            raise
        if failed.reason.errno in _GONE:
            sys.exit(0)
        from beats.cli.output import complain  # only now: it imports the log, which imports this module

        complain(f"standard output cannot be written: {failed}")
        sys.exit(_EXIT_FAILED)


def detach() -> None:
    """Let threads write from now on, one for each terminal, pipe or file.

    A failed write no longer ends the process: it is logged, and the exit code is 1 at the end.
    """
    spools: dict[tuple[int, int, int], _Spool] = {}
    for raw in _raws:
        raw.raises = False
        found = os.fstat(raw.fileno())
        place = (found.st_dev, found.st_ino, found.st_rdev)
        if place not in spools:
            spools[place] = raw.spool or _Spool()
        raw.spool = spools[place]  # one thread for one target, so that lines keep their order


def raw_output(stream: TextIO) -> RawOutput | None:
    """The raw layer of a replaced stream; None for any other stream."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, RawOutput) else None


def _replaced(stream: TextIO | None, fd: int, name: str, *, raises: bool) -> io.TextIOWrapper:
    raw = RawOutput(fd, name, raises=raises)
    _raws.append(raw)
    codecs.register_error(_ESCAPED, _escape)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8" if stream is None else stream.encoding,
        # On a terminal one character stays one, so that lines do not become too long.
        errors="replace" if raw.isatty() else _ESCAPED,
        line_buffering=raw.isatty() or not raises,
    )


def _fill_closed() -> None:
    """Occupy closed descriptors from 0 to 2 with ones that fail like closed ones.

    Otherwise the next opened file or socket gets the number: libraries would write messages into a recording,
    or `--stdin` would read from a socket.
    """
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    for fd, (stream, mode) in enumerate(zip(streams, (os.O_WRONLY, os.O_RDONLY, os.O_RDONLY), strict=True)):
        if stream is None:
            null = os.open(os.devnull, mode)
            if null != fd:
                os.dup2(null, fd)
                os.close(null)
            os.set_inheritable(fd, True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    r"""Write a character that the encoding lacks as `\uXXXX`; an undecodable byte stays that byte."""
    assert isinstance(error, UnicodeEncodeError)
    code = ord(error.object[error.start])
    if 0xDC80 <= code <= 0xDCFF:  # PEP 383
        return bytes([code - 0xDC00]), error.start + 1
    return (f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"), error.start + 1


def _output_error(error: BaseException) -> OutputError | None:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error if isinstance(error, OutputError) else None


def _drain() -> bool:
    """Wait until all output is written; False on timeout."""
    until_s = time.monotonic() + LINGER_S
    spools = [raw.spool for raw in _raws if raw.spool is not None]
    return all(spool.drain(max(0.0, until_s - time.monotonic())) for spool in spools)


def _is_whole() -> bool:
    """Whether all of standard output was written, or its reader has left."""
    return not any(raw.is_at_fault for raw in _raws if raw.name == _STDOUT)
