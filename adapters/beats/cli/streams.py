"""Standard output and standard error of the command, whatever they are connected to.

Both are replaced by streams that can spell any text in any encoding. A failed write is an `OutputError`, not
an `OSError`, which a command would take for a fault of its own files. Standard error raises nothing: there is
no other place to report it.

A command that runs a stream calls `detach`. From then on threads write, so that a terminal or pipe that takes
nothing (Ctrl-S, a pager, a hanging connection) blocks neither the event loop nor the stream.
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
"""Output that may wait for a terminal or pipe; more is dropped and counted."""
LINGER_S: Final = 5.0
"""Longest wait at the end for output to be taken."""
_GONE: Final = frozenset({errno.EPIPE, errno.EIO})
"""The reader has left, or the terminal was closed: not a fault."""
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
    """The lower end of one stream, where its bytes leave the process."""

    def __init__(self, fd: int, name: str, *, raises: bool) -> None:
        super().__init__()
        self.name: Final = name
        self.error: OSError | None = None
        """The first failure."""
        self.raises = raises
        self.spool: _Spool | None = None
        """Writes in place of the caller, once the stream is detached."""
        self._fd = fd

    def writable(self) -> bool:
        """It takes bytes."""
        return True

    def fileno(self) -> int:
        """Where they go."""
        return self._fd

    def isatty(self) -> bool:
        """Whether a person reads them."""
        return os.isatty(self._fd)

    def write(self, data: Any, /) -> int:  # any buffer: its type is typeshed's alone before Python 3.12
        """Write all of it, or hand it to the spool."""
        whole = bytes(data)
        if self.spool is not None:
            self.spool.put(self, whole)
        else:
            self.write_now(whole)
        return len(whole)

    def move_to(self, fd: int) -> int:
        """Write elsewhere from now on; gives where it was."""
        before, self._fd = self._fd, fd
        return before

    def write_now(self, data: bytes) -> None:
        """Write all of it, for as long as that takes.

        Raises:
            OutputError: it failed for the first time, and the stream raises.
        """
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:  # another program has set O_NONBLOCK on the terminal or pipe we share
                select.select([], [self._fd], [])
            except OSError as error:
                self._failed(error)
                return

    @property
    def is_at_fault(self) -> bool:
        """Whether something was lost that was wanted; a stream that runs may have its output closed."""
        unwanted = _GONE if self.spool is None else _GONE | {errno.EBADF}
        return self.error is not None and self.error.errno not in unwanted

    def _failed(self, error: OSError) -> None:
        if self.error is not None:
            return
        self.error = error
        if self.raises:
            self.raises = False  # what is still buffered would raise once more at the interpreter's end
            raise OutputError(error)
        if self.spool is not None and self.is_at_fault:
            _log.error("%s cannot be written: %s; the stream goes on", self.name, error.strerror)


class _Spool:
    """A thread that writes what others leave with it, in order and bounded."""

    def __init__(self) -> None:
        self.dropped = 0
        """Writes that found no room."""
        self._waiting: Final[deque[tuple[RawOutput, bytes]]] = deque()
        self._bytes = 0
        self._changed: Final = threading.Condition()
        threading.Thread(target=self._run, name="beats-output", daemon=True).start()

    def put(self, raw: RawOutput, data: bytes) -> None:
        """Leave something to be written; never waits."""
        with self._changed:
            if self._waiting and self._bytes + len(data) > MOST_WAITING_BYTES:
                self.dropped += 1
                return
            self._waiting.append((raw, data))
            self._bytes += len(data)
            self._changed.notify_all()

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything is written; False if that takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, timeout_s)

    def _run(self) -> None:
        told = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                raw, data = self._waiting[0]
            raw.write_now(data)
            with self._changed:
                self._waiting.popleft()
                self._bytes -= len(data)
                self._changed.notify_all()
                missing = 0 if self._waiting else self.dropped - told
            if missing:
                told += missing
                _log.warning("%s took nothing for a while: %d writes were dropped", raw.name, missing)


_raws: Final[list[RawOutput]] = []
"""Of the streams that were replaced."""


@contextmanager
def standard_streams() -> Generator[None]:
    """Replace both streams, and end the process in order when standard output cannot be written.

    A reader that has left (`| head`) and a closed terminal end it silently with exit code 0; anything else is
    an error message and exit code 1.
    """
    _fill_closed()
    # Streams that a test or an embedding program has put there stay.
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
        from beats.cli.output import complain  # which needs the log, which needs this module

        complain(f"standard output cannot be written: {failed}")
        sys.exit(_EXIT_FAILED)


def detach() -> None:
    """Let threads do the writing from now on, one for each terminal, pipe or file.

    A failed write ends nothing any more: it is logged, and makes the exit code 1 at the end.
    """
    spools: dict[tuple[int, int, int], _Spool] = {}
    for raw in _raws:
        raw.raises = False
        found = os.fstat(raw.fileno())
        place = (found.st_dev, found.st_ino, found.st_rdev)
        if place not in spools:
            spools[place] = raw.spool or _Spool()
        raw.spool = spools[place]  # one thread for what is the same, or lines would change places


def raw_output(stream: TextIO) -> RawOutput | None:
    """The lower end of a stream that was replaced; None of any other."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, RawOutput) else None


def _replaced(stream: TextIO | None, fd: int, name: str, *, raises: bool) -> io.TextIOWrapper:
    raw = RawOutput(fd, name, raises=raises)
    _raws.append(raw)
    codecs.register_error(_ESCAPED, _escape)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8" if stream is None else stream.encoding,
        # A terminal shows one character for one, or lines would become too long for it.
        errors="replace" if raw.isatty() else _ESCAPED,
        line_buffering=raw.isatty() or not raises,
    )


def _fill_closed() -> None:
    """Have descriptors 0 to 2 taken, by what can be read or written as little as if it were closed.

    Otherwise the next file or socket that is opened gets the number: a recording in which libraries write
    their messages, or an event loop from which `--stdin` would read.
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
    r"""Spell a character that the encoding lacks as `\uXXXX`; a byte of a file's name is that byte."""
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
    """Wait for what is still to be written; False if it cannot be."""
    until_s = time.monotonic() + LINGER_S
    spools = [raw.spool for raw in _raws if raw.spool is not None]
    return all(spool.drain(max(0.0, until_s - time.monotonic())) for spool in spools)


def _is_whole() -> bool:
    """Whether all of standard output was written or nobody wanted it."""
    return not any(raw.is_at_fault for raw in _raws if raw.name == _STDOUT)
