"""`python -m beats`."""

from importlib.metadata import entry_points
from pathlib import Path

from tests.support import ran

import beats.__main__ as module
from beats.adapters.cli import main


def test_the_module_and_the_console_script_are_one_command() -> None:
    """`beats` is installed as the function that `python -m beats` calls."""
    (script,) = entry_points(group="console_scripts", name="beats")
    assert script.load() is module.main is main


def test_python_m_beats_runs_the_command(tmp_path: Path) -> None:
    """The module, run as a program, is the command."""
    code, out, err = ran("--version", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.startswith("beats ")
