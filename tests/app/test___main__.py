"""`python -m beats`."""

from importlib.metadata import entry_points
from pathlib import Path

from beats.cli import main
from tests.support import ran


def test_the_console_script_is_the_module() -> None:
    """`beats` is installed as what `python -m beats` runs."""
    (script,) = entry_points(group="console_scripts", name="beats")
    assert script.value == "beats.__main__:main"
    assert script.load() is main


def test_python_m_beats_runs_the_command(tmp_path: Path) -> None:
    """The module, run as a program, is the command."""
    code, out, err = ran("--version", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out.startswith("beats ")
