"""A process that answers each line with a line of JSON."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from tests.support import Program

ROOT: Final = Path(__file__).parents[2]
TIMEOUT_S: Final = 90.0


class AnswerError(RuntimeError):
    """A process ended, or said nothing, where an answer was due."""


class Process:
    """`python -m MODULE ARGUMENTS` in a session of its own, which ends with the `with` block."""

    def __init__(self, module: str, arguments: Sequence[object]) -> None:
        self._name: Final = module.rpartition(".")[2]
        command = [sys.executable, "-m", module, *map(str, arguments)]
        self._program: Final = Program(command, ROOT, os.environ, subprocess.PIPE)
        self._answers = 0

    @property
    def pid(self) -> int:
        """Its id, for what /proc says of it."""
        return self._program.process.pid

    def ask(self, command: str) -> dict[str, Any]:
        """Give a command and return its answer."""
        self.tell(command)
        return self.answer()

    def tell(self, command: str) -> None:
        """Give a command; its answer comes later."""
        try:
            self._program.write(command)
        except BrokenPipeError:
            raise AnswerError(f"{self._name} has ended: {self._program.err.so_far()}") from None

    def answer(self, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """The next line.

        Raises:
            AnswerError: none came, or it tells of an error.
        """
        line = self._program.out.line(self._answers, timeout_s)
        if line is None:
            raise AnswerError(f"{self._name} gives no answer: {self._program.err.so_far()}")
        self._answers += 1
        answer: dict[str, Any] = json.loads(line)
        if answer.get("error"):
            raise AnswerError(f"{self._name}: {answer['error']}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with suppress(OSError, subprocess.TimeoutExpired):
            self._program.close_input()
            self._program.process.wait(0.0 if kind else 2.0)
        self._program.__exit__()
