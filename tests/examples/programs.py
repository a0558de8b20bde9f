"""The examples, as a person would start them."""

import shutil
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.docs.documents import ROOT
from tests.support import Program, clean_environment

EXAMPLES: Final = ROOT / "examples"
PYTHON: Final = ("numpy_animation", "pygame_loop", "camera", "robot_sensors", "phone_remote")
"""Folders with a `main.py` that streams until Ctrl-C, and prints the address of its page."""


@contextmanager
def running(
    name: str, folder: Path, command: Sequence[str], *, programs: Path | None = None
) -> Generator[Program]:
    """Run a command in a copy of an example's folder, which is made below `folder`.

    Args:
        name: the example.
        folder: where its copy goes.
        command: the program and its arguments.
        programs: a folder of programs to find before all others.
    """
    copy = folder / name
    if not copy.exists():
        shutil.copytree(EXAMPLES / name, copy)
    path = Path(sys.executable).parent
    environment = clean_environment(BEATS_WEBSOCKET_PORT="0")
    environment["PATH"] = f"{programs or path}:{path}:/usr/sbin:{environment['PATH']}"
    with Program(command, copy, environment) as program:
        yield program


@contextmanager
def main_of(name: str, folder: Path, *arguments: str) -> Generator[tuple[Program, str]]:
    """Run an example's `main.py`; gives the process and the address of its page."""
    with running(name, folder, [sys.executable, "main.py", *arguments]) as program:
        yield program, program.out.wait_for(r"^open (http://[^\s,]+)")[1]
