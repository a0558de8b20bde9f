"""A process that answers each line with a line of JSON, from both of its ends."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).parents[2]
TIMEOUT_S: Final = 90.0


def pin(cpu: int | None) -> None:
    """Keep this process, with all its threads, on one CPU."""
    if cpu is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cpu})


def answer(message: dict[str, object]) -> None:
    """Answer a command, as the process that was asked."""
    print(json.dumps(message), flush=True)


class AnswerError(RuntimeError):
    """A process ended, or said nothing, where an answer was due."""


class Process:
    """`python -m MODULE ARGUMENTS` in a process group of its own, which ends with the `with` block."""

    def __init__(self, module: str, arguments: Sequence[object]) -> None:
        self._name: Final = module.rpartition(".")[2]
        self._process: Final = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin: Final = self._process.stdin
        self._stdout: Final = self._process.stdout
        self._lines = b""

    @property
    def pid(self) -> int:
        """Its id, for a profiler."""
        return self._process.pid

    def ask(self, command: str, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """Give a command and return its answer."""
        self.tell(command)
        return self.answer(timeout_s)

    def tell(self, command: str) -> None:
        """Give a command; its answer comes later."""
        try:
            self._stdin.write(command.encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            raise AnswerError(f"{self._name} has ended") from None

    def answer(self, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """The next line.

        Raises:
            AnswerError: none came, or it tells of an error.
        """
        deadline_s = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            while b"\n" not in self._lines:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or not selector.select(left_s):
                    raise AnswerError(f"{self._name} said nothing for {timeout_s:g} s")
                piece = os.read(self._stdout.fileno(), 1 << 20)
                if not piece:
                    raise AnswerError(f"{self._name} has ended with code {self._process.wait()}")
                self._lines += piece
        line, _, self._lines = self._lines.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if answer.get("error"):
            raise AnswerError(f"{self._name}: {answer['error']}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._stdin.close()
            self._process.wait(0.0 if kind else 2.0)
        except (OSError, subprocess.TimeoutExpired):
            pass
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._stdout.close()
