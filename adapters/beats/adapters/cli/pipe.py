"""Standard output that may be a pipe whose reader leaves."""

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import typer

from beats.adapters.cli.common import EXIT_FAILED, err
from beats.kernel.supervisor import sole

_GONE: Final = {errno.EPIPE, errno.EIO}
"""The reader has left, or the terminal was closed."""


class OutputError(OSError):
    """Standard output does not take what is written."""


def write(text: str) -> None:
    """Write to standard output, and have it leave at once.

    Raises:
        OutputError: it is not taken.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(error.errno, error.strerror) from error


@contextmanager
def written() -> Generator[None]:
    """End in order when standard output takes no more: in silence if its reader has had enough."""
    # What an old terminal lacks must take one place there, or lines would become too long.
    lacking = "replace" if sys.stdout.isatty() else "backslashreplace"
    sys.stdout.reconfigure(errors=lacking)  # type: ignore[union-attr]  # it is a TextIOWrapper
    try:
        yield
    except BaseException as error:
        cause = sole(error)
        # Only of a terminal that has gone does anything else say so.
        if not isinstance(cause, OutputError) and not _is_hang_up(cause):
            raise
        # What is still held back would fail once more at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(cause, OutputError) and cause.errno not in _GONE:
            err.print(f"standard output cannot be written: {cause.strerror}", style="red", markup=False)
            raise typer.Exit(EXIT_FAILED) from None


def _is_hang_up(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EIO
