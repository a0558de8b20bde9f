"""Single keys from a terminal."""

import os
import sys
import termios
import tty
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from typing import Final

import anyio

_NAMED: Final = {b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[C": "right", b"\x1b[D": "left"}
_READ_BYTES: Final = 64


def parse(data: bytes) -> Iterator[str]:
    """The keys in what a terminal sent: arrows by name, everything else as the character it is."""
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
    """Have a terminal send each key at once and show none; Ctrl-C still interrupts. Restored at the end."""
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


async def pressed() -> AsyncGenerator[str]:
    """The keys that are pressed, as they are; none when standard input is no terminal."""
    if not sys.stdin.isatty():
        return
    fd = sys.stdin.fileno()
    with unbuffered(fd):
        while True:
            await anyio.wait_readable(fd)
            data = os.read(fd, _READ_BYTES)
            if not data:  # the terminal has gone
                return
            for key in parse(data):
                yield key
