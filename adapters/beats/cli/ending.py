"""Ends a command that makes files without leaving half of one behind."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ending_in_order() -> Generator[None]:
    """Let a signal that would end the process at once take away first what is half written.

    The exit code is that of shells, 128 and the signal's number.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    # One that is ignored stays so: `nohup` means it.
    ending = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) == signal.SIG_DFL]
    for number in ending:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ending:
            signal.signal(number, signal.SIG_DFL)
