"""Commands that are imported when they are asked for."""

import gc
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from beats.cli.lazy import LazyGroup

CODE = """
import typer

def greet(name: str) -> None:
    "Say hello."
    typer.echo(f"hello {name}")

app = typer.Typer()
app.command()(greet)

@app.command()
def leave() -> None:
    "Say goodbye."
    typer.echo("bye")
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """A command whose parts are in modules that are not imported yet."""
    for module in ("greeting", "group"):
        (tmp_path / f"beats_{module}.py").write_text(CODE)
        monkeypatch.delitem(sys.modules, f"beats_{module}", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    class Commands(LazyGroup):
        places = {"hello": "beats_greeting:greet", "talk": "beats_group:app"}  # noqa: RUF012 - as declared

    made = typer.Typer(cls=Commands)

    @made.callback()
    def options() -> None:
        """What all share."""

    @made.command()
    def eager() -> None:
        """Registered as usual."""
        typer.echo("eager")

    assert options is not eager
    return made


def test_a_command_is_imported_when_it_is_called(app: typer.Typer) -> None:
    """And no other."""
    result = CliRunner().invoke(app, ["hello", "you"])
    assert (result.exit_code, result.output) == (0, "hello you\n")
    assert "beats_group" not in sys.modules
    assert gc.isenabled()


def test_a_group_of_commands_is_one_too(app: typer.Typer) -> None:
    """With commands of its own."""
    assert CliRunner().invoke(app, ["talk", "leave"]).output == "bye\n"
    assert "beats_greeting" not in sys.modules


def test_commands_that_were_registered_stay(app: typer.Typer) -> None:
    """Both kinds stand in one help, in order."""
    assert CliRunner().invoke(app, ["eager"]).output == "eager\n"
    lines = CliRunner().invoke(app, ["--help"]).output
    assert lines.index("Say hello.") < lines.index("talk") < lines.index("Registered as usual.")


def test_an_unknown_command_is_wrong_usage(app: typer.Typer) -> None:
    """As in any group."""
    assert CliRunner().invoke(app, ["helo"]).exit_code == 2
