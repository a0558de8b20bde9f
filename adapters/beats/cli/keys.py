"""Reads single keys from a terminal, and obeys its signals."""

import errno
import os
import signal
import sys
import termios
import tty
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import anyio

_NAMED: Final = {b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[C": "right", b"\x1b[D": "left"}
_READ_BYTES: Final = 64
_BEGUN: Final = (b"\x1b", b"\x1b[", b"\x1bO")
"""Beginnings of an arrow key's sequence, whose rest may come with the next read."""


def parse(data: bytes) -> Iterator[str]:
    """The keys in the bytes from a terminal: arrows by name, other keys as characters."""
    # In application mode terminals send SS3 where they send CSI otherwise (xterm, "PC-Style Function Keys").
    data = data.replace(b"\x1bO", b"\x1b[")
    while data:
        if data[:3] in _NAMED:
            yield _NAMED[data[:3]]
            data = data[3:]
        else:
            yield chr(data[0])
            data = data[1:]


@contextmanager
def unbuffered(fd: int) -> Generator[None]:
    """Make a terminal send each key at once without echo until the block ends; Ctrl-C still interrupts."""
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield
    finally:
        with suppress(termios.error):  # the terminal may have gone
            termios.tcsetattr(fd, termios.TCSADRAIN, before)


async def pressed() -> AsyncGenerator[str]:
    """The keys as they are pressed; none in the background or without a terminal."""
    if not sys.stdin.isatty() or _in_background(fd := sys.stdin.fileno()):
        return
    begun = b""
    with unbuffered(fd):
        while True:
            await anyio.wait_readable(fd)
            more = _read(fd)
            if not more:  # the terminal has gone
                return
            data = begun + more
            begun = next((each for each in _BEGUN if data.endswith(each)), b"")
            for key in parse(data.removesuffix(begun)):
                yield key


async def obey_signals(
    scope: anyio.CancelScope, resized: Callable[[], object], suspend: Callable[[], object]
) -> None:
    """Call `resized` on SIGWINCH and `suspend` on Ctrl-Z, and cancel the scope on a signal that ends."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH, signal.SIGTSTP)
    with anyio.open_signal_receiver(*numbers) as received:
        async for number in received:
            if number == signal.SIGWINCH:
                resized()
            elif number == signal.SIGTSTP:
                suspend()
            else:
                scope.cancel()


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, _READ_BYTES)
    except OSError as error:
        if error.errno != errno.EIO:  # Linux reports a closed terminal this way
            raise
        return b""


def _in_background(fd: int) -> bool:
    """Whether another job has the terminal: using it would stop this one (SIGTTIN, SIGTTOU)."""
    try:
        return os.tcgetpgrp(fd) != os.getpgrp()
    except OSError:  # not a controlling terminal
        return False
