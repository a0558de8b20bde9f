"""The real command on a pseudo-terminal that is its own, as under a shell."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.support import BEATS, TIMEOUT_S, clean_environment

KEYS: Final = {"up": b"\x1b[A", "down": b"\x1b[B", "right": b"\x1b[C", "left": b"\x1b[D"}


class Terminal:
    """A person's side of a terminal, with a command on the other one."""

    def __init__(self, process: "subprocess.Popen[Any]", ours: int, theirs: int) -> None:
        self.process: Final = process
        self._ours = ours
        self._theirs = theirs
        self.text = ""

    def settings(self) -> list[Any]:
        """How the terminal behaves: `termios.tcgetattr`."""
        return termios.tcgetattr(self._theirs)

    @property
    def is_raw(self) -> bool:
        """Whether it sends each key at once."""
        return not self.settings()[3] & termios.ICANON

    def press(self, *keys: str) -> None:
        """Press keys, arrows by name."""
        os.write(self._ours, b"".join(KEYS.get(key, key.encode()) for key in keys))

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read until there is a match in what has been written since the last one."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while (found := re.search(pattern, self.text)) is None:
            ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline_s - time.monotonic()))
            assert ready, f"no {pattern!r} in {self.text!r}"
            self._read()
        self.text = self.text[found.end() :]
        return found

    def end(self) -> int:
        """Wait for the command's end, reading what it writes."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while (ready := select.select([self._ours], [], [], 0.01)[0]) or self.process.poll() is None:
            assert time.monotonic() < deadline_s, f"it does not end: {self.text!r}"
            if ready:
                self._read()
        return self.process.wait()

    def _read(self) -> None:
        data = os.read(self._ours, 65536).decode(errors="replace")
        self.text += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", data)


@contextmanager
def on_a_terminal(
    *arguments: str,
    cwd: Path,
    size: tuple[int, int] = (40, 120),
    program: Sequence[str] = BEATS,
    stdout: int | None = None,
    **variables: str,
) -> Generator[Terminal]:
    """Run a program on a terminal of `size` lines and columns; it is killed at the end if it still runs.

    All its streams are there, except standard output if `stdout` says so, as for `subprocess.Popen`.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C is a signal to it

    with subprocess.Popen(
        [*program, *arguments],
        cwd=cwd,
        env=clean_environment(**{"TERM": "xterm-256color", **variables}),
        stdin=theirs,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs,
        text=True,
        start_new_session=True,
        preexec_fn=take_terminal,
    ) as process:
        try:
            yield Terminal(process, ours, theirs)
        finally:
            process.kill()
            os.close(theirs)
            os.close(ours)
