"""The real command on a terminal of a given size, and what a person sees there."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import pyte
import pyte.modes

from tests.support import BEATS, TIMEOUT_S, clean_environment

T = TypeVar("T")
ALTERNATE: Final = 1049 << 5
"""The mode in which a terminal has a second screen, as pyte keeps private modes."""
KEYS: Final = {"up": b"\x1b[A", "down": b"\x1b[B", "right": b"\x1b[C", "left": b"\x1b[D"}


class Screen:
    """A person's side of a terminal, which shows what a command draws on the other one."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", ours: int, theirs: int, columns: int, lines: int
    ) -> None:
        self.process: Final = process
        self.raw = b""
        """All that was written."""
        self._ours = ours
        self._theirs: Final = theirs
        self._screen: Final = pyte.HistoryScreen(columns, lines, history=1000)
        self._stream: Final = pyte.ByteStream(self._screen)

    def lines(self) -> list[str]:
        """What is seen, line by line, without blanks at the end."""
        return [line.rstrip() for line in self._screen.display]

    def text(self) -> str:
        """What is seen."""
        return "\n".join(self.lines())

    def above(self) -> list[str]:
        """What was scrolled out at the top."""
        return [
            "".join(line[column].data for column in range(self._screen.columns)).rstrip()
            for line in self._screen.history.top
        ]

    def colours(self, line: int) -> list[tuple[str, str]]:
        """Foreground and background of each place in a line."""
        cells = self._screen.buffer[line]
        return [(cells[column].fg, cells[column].bg) for column in range(self._screen.columns)]

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read until what is seen has a match; `^` and `$` are those of a line."""

        def look() -> re.Match[str] | None:
            return re.search(pattern, self.text(), re.MULTILINE)

        return self.until(look, repr(pattern))

    def until(self, look: Callable[[], T | None], wanted: str = "") -> T:
        """Read until there is something to be seen."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while (found := look()) is None:
            assert time.monotonic() < deadline_s, f"no {wanted} in\n{self.text()}"
            self._read(0.2)
        return found

    def press(self, *keys: str) -> None:
        """Press keys, arrows by name."""
        os.write(self._ours, b"".join(KEYS.get(key, key.encode()) for key in keys))

    def resize(self, columns: int, lines: int) -> None:
        """Pull at the window's corner: the command is told by SIGWINCH."""
        self._read(0)
        self._screen.resize(lines, columns)
        set_size(self._ours, columns, lines)

    def modes(self) -> set[int]:
        """What the terminal was switched to."""
        return self._screen.mode

    @property
    def has_cursor(self) -> bool:
        """Whether one is seen."""
        return pyte.modes.DECTCEM in self._screen.mode

    def suspend_output(self) -> None:
        """Press Ctrl-S: the terminal takes nothing more."""
        termios.tcflow(self._theirs, termios.TCOOFF)

    def resume_output(self) -> None:
        """Press Ctrl-Q."""
        termios.tcflow(self._theirs, termios.TCOON)

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self._ours)
        self._ours = -1

    def close(self) -> None:
        """Close both sides."""
        os.close(self._theirs)
        if self._ours >= 0:
            self.hang_up()

    def settings(self) -> list[Any]:
        """How the terminal behaves: `termios.tcgetattr`."""
        return termios.tcgetattr(self._theirs)

    def end(self) -> int:
        """Wait for the command's end, reading what it writes."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline_s, f"it does not end:\n{self.text()}"
            self._read(0.05)
        while self._read(0):
            pass
        return self.process.wait()

    def _read(self, wait_s: float) -> bool:
        """Read once, since on a busy machine a command may draw faster than the screen can be parsed."""
        data = b""
        if select.select([self._ours], [], [], wait_s)[0]:
            with suppress(OSError):
                data = os.read(self._ours, 65536)
        self.raw += data
        self._stream.feed(data)
        return bool(data)


def set_size(fd: int, columns: int, lines: int) -> None:
    """Give a terminal a size."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@contextmanager
def on_a_screen(
    *arguments: str, cwd: Path, columns: int = 80, lines: int = 24, **variables: str
) -> Generator[Screen]:
    """Run the command with all its streams on a terminal; it is killed at the end if it still runs."""
    ours, theirs = pty.openpty()
    set_size(theirs, columns, lines)

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C is a signal to it

    environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **variables}
    with subprocess.Popen(
        [*BEATS, *arguments],
        cwd=cwd,
        env=clean_environment(**environment),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_terminal,
    ) as process:
        screen = Screen(process, ours, theirs, columns, lines)
        try:
            yield screen
        finally:
            process.kill()
            screen.close()
