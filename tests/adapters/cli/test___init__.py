"""The command as a whole."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from beats.adapters import cli
from tests.support import ran


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    """`beats --version` prints name and version, and nothing else."""
    assert ran("--version", cwd=tmp_path) == (0, f"beats {version('beats')}\n", "")


def test_the_help_names_every_command(tmp_path: Path) -> None:
    """Without a command there is help, and the exit code of wrong usage."""
    code, out, err = ran(cwd=tmp_path)
    assert code == 2
    for command in ("run", "profiles", "adapters", "--version"):
        assert re.search(rf"\b{command.strip('-')}\b", out + err)


def test_an_unknown_command_is_wrong_usage(tmp_path: Path) -> None:
    """A command that does not exist ends with code 2 and is named."""
    code, out, err = ran("rum", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert "rum" in err


def test_an_interrupt_outside_a_run_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before or after the part that ends in order gives 130, as shells have it."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 130
