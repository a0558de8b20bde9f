"""Logging what native libraries write, in separate processes."""

import os
import signal
from pathlib import Path

from tests.support import python

PROGRAM = """
import logging, os, subprocess, sys
from beats.cli.native import Diversion

logging.basicConfig(format="LOG %(message)s", stream=sys.stdout)
diversion = Diversion()
"""


def run(code: str, folder: Path) -> tuple[str, str]:
    """Standard output, which has the log, and standard error."""
    with python(PROGRAM + code, folder) as program:
        assert program.end() == 0, program.err.text()
    return program.out.text(), program.err.text()


def test_what_is_written_by_number_is_logged_and_what_python_writes_is_not(tmp_path: Path) -> None:
    """One record a line, also from child processes; an unfinished line is logged at the end."""
    out, err = run(
        """
diversion.begin()
diversion.begin()
os.write(2, b"one\\n\\ntwo\\xff\\n")
print("own", file=sys.stderr)
subprocess.run([sys.executable, "-c", "import sys; print('child', file=sys.stderr)"], check=True)
os.write(2, b"three")
diversion.end()
os.write(2, b"after")
""",
        tmp_path,
    )
    said = ["one", "two\ufffd", "child", "three"]
    assert out.splitlines() == [f"LOG standard error: {text}" for text in said]
    assert err == "own\nafter"


def test_the_end_of_the_process_ends_it_and_loses_nothing(tmp_path: Path) -> None:
    """Without an explicit call; a standard error that the program has replaced or closed is left alone."""
    out, err = run("diversion.begin()\nos.write(2, b'one\\n')\nprint('own', file=sys.stderr)", tmp_path)
    assert (out, err) == ("LOG standard error: one\n", "own\n")
    for stream in ("open(1, 'w', closefd=False)", "None", "__import__('io').StringIO()"):
        out, err = run(f"sys.stderr = {stream}\ndiversion.begin()\nos.write(2, b'one')", tmp_path)
        assert (out, err) == ("", "one")


def test_a_flood_is_not_waited_for_and_logged_in_part(tmp_path: Path) -> None:
    """A library that writes while it holds the interpreter lock must not block."""
    code = """
import ctypes
diversion.begin()
write = ctypes.PyDLL(None).write  # which, unlike CDLL, holds the interpreter
for _ in range(10_000):
    write(2, b"x" * 99 + b"\\n", 100)
diversion.end()
"""
    out, err = run(code, tmp_path)
    lines = out.splitlines()
    assert 11 <= len(lines) <= 14
    assert lines[0] == "LOG standard error: " + "x" * 99
    assert err == ""


def test_a_process_that_holds_on_is_not_waited_for_at_the_end(tmp_path: Path) -> None:
    """It has inherited the pipe, and may run for long."""
    code = """
diversion.begin()
child = subprocess.Popen(["sleep", "600"])
os.write(2, b"one\\n")
diversion.end()
print(child.pid)
"""
    with python(PROGRAM + code, tmp_path) as program:
        program.out.wait_for("LOG standard error: one")
        program.out.wait_for(r"^\d+$")
        assert program.process.wait(10) == 0
        os.kill(int(program.out.so_far().splitlines()[-1]), signal.SIGTERM)
