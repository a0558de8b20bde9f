"""The real command on a terminal of a given size, and what a person sees there."""

import fcntl
import re
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import pyte
import pyte.modes

from tests.cli.terminal import Side, opened
from tests.support import BEATS, TIMEOUT_S

T = TypeVar("T")
ALTERNATE: Final = 1049 << 5
"""The mode in which a terminal has a second screen, as pyte keeps private modes."""


class Screen(Side):
    """Shows what the command draws."""

    def __init__(
        self, process: "subprocess.Popen[Any]", ours: int, theirs: int, *, columns: int, lines: int
    ) -> None:
        super().__init__(process, ours, theirs)
        self.raw = b""
        """All that was written."""
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

    def resize(self, columns: int, lines: int) -> None:
        """Pull at the window's corner: the command is told by SIGWINCH."""
        self._read(0)
        self._screen.resize(lines, columns)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

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

    def _take(self, data: bytes) -> None:
        self.raw += data
        self._stream.feed(data)


@contextmanager
def on_a_screen(
    *arguments: str, cwd: Path, columns: int = 80, lines: int = 24, **variables: str
) -> Generator[Screen]:
    """Run the command with all its streams on a terminal; it is killed at the end if it still runs."""
    make = partial(Screen, columns=columns, lines=lines)
    environment = {"COLORTERM": "truecolor", **variables}
    with opened(make, [*BEATS, *arguments], cwd, (lines, columns), None, **environment) as screen:
        yield screen
