"""Standard output whose reader leaves."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import clean_environment

WRITER = """
import sys
from beats.adapters.cli.pipe import write, written
sys.stdout.reconfigure(encoding=sys.argv[1])
with written():
    for number in range(int(sys.argv[2])):
        write(f"{number} \\u25bc\\n")
print("after", file=sys.stderr)
"""


def run(
    command: str, cwd: Path, encoding: str = "utf-8", count: int = 100_000
) -> "subprocess.CompletedProcess[str]":
    (cwd / "writer.py").write_text(WRITER)
    line = f"set -o pipefail; {sys.executable} writer.py {encoding} {count} {command}"
    return subprocess.run(
        ["bash", "-c", line], cwd=cwd, env=clean_environment(), capture_output=True, text=True, check=False
    )


def test_a_reader_that_has_enough_ends_it_in_silence(tmp_path: Path) -> None:
    """`| head -1` is no error: no traceback, exit code 0."""
    done = run("| head -1", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 \u25bc\n", "after\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_an_output_that_takes_nothing_is_said(tmp_path: Path) -> None:
    """A full disk under the file that it was sent to."""
    done = run("> /dev/full", tmp_path)
    assert done.returncode == 1
    assert "standard output cannot be written: No space left on device" in done.stderr


def test_what_a_terminal_cannot_show_is_no_error(tmp_path: Path) -> None:
    """A terminal of another time has signs of its own; others are shown as Python writes them."""
    done = run("", tmp_path, "latin-1", 1)
    assert (done.returncode, done.stdout) == (0, "0 \\u25bc\n")
