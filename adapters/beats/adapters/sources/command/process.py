"""A program in a process group of its own, and how it is ended with its children."""

import fcntl
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from beats.kernel import resources
from beats.kit.paths import expanded, program_path, why_not_a_program

STOP_S: Final = 0.8
"""How long a program may take to end after SIGTERM, before SIGKILL: less than the second that the kernel
gives a source that it removes."""
_LOOK_AGAIN_S: Final = 0.02
_PIPE_BYTES: Final = 1 << 20
"""Of the pipe, where the system allows it: fewer wake-ups for large frames. Linux has 64 KiB by default, and
1 MiB is the most for users: pipe(7)."""


class Program:
    """A running program; `stdout` and `stderr` are the ends of its pipes to read from, without blocking."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process: Final = process
        assert process.stdout is not None
        assert process.stderr is not None
        self.stdout: Final = process.stdout.fileno()
        self.stderr: Final = process.stderr.fileno()
        for fd in (self.stdout, self.stderr):
            os.set_blocking(fd, False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):  # the user has too many pipes already
                fcntl.fcntl(self.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    @classmethod
    async def start(cls, run: Sequence[str], cwd: Path | None, env: Mapping[str, str]) -> "Program":
        """Start a program whose standard input is empty.

        Raises:
            OSError: it cannot be started; says which and why.
        """
        wanted = resources.Program("run", run[0], cwd, env.get("PATH"))

        def start() -> "subprocess.Popen[bytes]":
            if (why := why_not_a_program(wanted)) is not None:
                raise FileNotFoundError(f"the program {run[0]!r} {why}")
            program = program_path(wanted)
            assert program is not None
            return subprocess.Popen(
                [program, *run[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=None if cwd is None else expanded(cwd),
                env={**os.environ, **env},
                start_new_session=True,
            )

        return cls(await to_thread.run_sync(start))

    async def wait(self) -> int:
        """Wait for its end: its exit code, or minus the number of a signal."""
        while (code := self._process.poll()) is None:  # noqa: ASYNC110 - the system sets no event
            await anyio.sleep(_LOOK_AGAIN_S)
        return code

    async def end(self) -> None:
        """End it and its children: by SIGTERM and closed pipes, and soon by SIGKILL. Not to be cancelled."""
        try:
            with anyio.CancelScope(shield=True):
                self._signal(signal.SIGTERM)
                self._close()
                with anyio.move_on_after(STOP_S):
                    while self._is_running():  # noqa: ASYNC110 - as above
                        await anyio.sleep(_LOOK_AGAIN_S)
                self._signal(signal.SIGKILL)
                await self.wait()
        finally:
            self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _is_running(self) -> bool:
        """Whether it, or a child in its group, is there; reaps it."""
        return self._process.poll() is None or self._signal(0)

    def _signal(self, number: int) -> bool:
        """Signal its group; whether there is one. The number of a group in use is not given again."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            return False
        return True
