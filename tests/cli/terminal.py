"""The real command on a pseudo-terminal of its own, as under a shell."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from abc import abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.support import BEATS, TIMEOUT_S, clean_environment

KEYS: Final = {"up": b"\x1b[A", "down": b"\x1b[B", "right": b"\x1b[C", "left": b"\x1b[D"}


class Side:
    """A person's side of a terminal, with a command on the other one."""

    def __init__(self, process: "subprocess.Popen[Any]", ours: int, theirs: int) -> None:
        self.process: Final = process
        self._ours = ours
        self._theirs: Final = theirs

    @abstractmethod
    def _take(self, data: bytes) -> None: ...

    def settings(self) -> list[Any]:
        """How the terminal behaves: `termios.tcgetattr`."""
        return termios.tcgetattr(self._theirs)

    def press(self, *keys: str) -> None:
        """Press keys, arrows by name."""
        os.write(self._ours, b"".join(KEYS.get(key, key.encode()) for key in keys))

    def end(self) -> int:
        """Wait for the command's end, reading what it writes."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while self._read(0.02) or self.process.poll() is None:
            assert time.monotonic() < deadline_s, "it does not end"
        return self.process.wait()

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self._ours)
        self._ours = -1

    def close(self) -> None:
        """Close both sides."""
        os.close(self._theirs)
        if self._ours >= 0:
            self.hang_up()

    def _read(self, wait_s: float) -> bool:
        """Read once, since on a busy machine a command may draw faster than a screen can be parsed."""
        data = b""
        if select.select([self._ours], [], [], wait_s)[0]:
            with suppress(OSError):
                data = os.read(self._ours, 65536)
        self._take(data)
        return bool(data)


class Terminal(Side):
    """Keeps what is written as text, without control sequences."""

    text = ""

    @property
    def is_raw(self) -> bool:
        """Whether it sends each key at once."""
        return not self.settings()[3] & termios.ICANON

    def wait_for(self, pattern: str, timeout_s: float = TIMEOUT_S) -> re.Match[str]:
        """Read until there is a match in what has been written since the last one."""
        deadline_s = time.monotonic() + timeout_s
        while (found := re.search(pattern, self.text)) is None:
            assert time.monotonic() < deadline_s, f"no {pattern!r} in {self.text!r}"
            self._read(0.2)
        self.text = self.text[found.end() :]
        return found

    def _take(self, data: bytes) -> None:
        self.text += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", data.decode(errors="replace"))


_Side = TypeVar("_Side", bound=Side)


@contextmanager
def opened(
    make: Callable[["subprocess.Popen[Any]", int, int], _Side],
    command: Sequence[str],
    cwd: Path,
    size: tuple[int, int],
    stdout: int | None = None,
    **variables: str,
) -> Generator[_Side]:
    """Run a program on a terminal of `size` lines and columns; it is killed at the end if it still runs.

    All its streams are there, except standard output if `stdout` says so, as for `subprocess.Popen`.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C is a signal to it

    with subprocess.Popen(
        command,
        cwd=cwd,
        env=clean_environment(**{"TERM": "xterm-256color", **variables}),
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        text=True,
        start_new_session=True,
        preexec_fn=take_terminal,
    ) as process:
        side = make(process, ours, theirs)
        try:
            yield side
        finally:
            process.kill()
            side.close()


@contextmanager
def on_a_terminal(
    *arguments: str,
    cwd: Path,
    size: tuple[int, int] = (40, 120),
    program: Sequence[str] = BEATS,
    stdout: int | None = None,
    **variables: str,
) -> Generator[Terminal]:
    """Run the command, or another program, on a terminal that keeps text."""
    with opened(Terminal, [*program, *arguments], cwd, size, stdout, **variables) as terminal:
        yield terminal
