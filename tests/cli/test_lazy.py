"""Commands that are imported on demand, and their help."""

import gc
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main
from typer.testing import CliRunner

from beats import cli
from beats.cli.lazy import LazyGroup, arrange, epilog, split
from tests.support import called

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
    """Other commands are not imported."""
    result = CliRunner().invoke(app, ["hello", "you"])
    assert (result.exit_code, result.output) == (0, "hello you\n")
    assert "beats_group" not in sys.modules
    assert gc.isenabled()


def test_a_group_of_commands_is_one_too(app: typer.Typer) -> None:
    """With subcommands."""
    assert CliRunner().invoke(app, ["talk", "leave"]).output == "bye\n"
    assert "beats_greeting" not in sys.modules


def test_commands_that_were_registered_stay(app: typer.Typer) -> None:
    """One help lists both kinds, in order."""
    assert CliRunner().invoke(app, ["eager"]).output == "eager\n"
    lines = CliRunner().invoke(app, ["--help"]).output
    assert lines.index("Say hello.") < lines.index("talk") < lines.index("Registered as usual.")


GROUP: Any = typer.main.get_command(cli.app)
WIDEST = 76
"""Characters of an example that fit beside the margins of 80 columns."""


def commands(command: Any = GROUP, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command, those with commands of their own too."""
    yield path, command
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from commands(command.get_command(None, name), (*path, name))


EVERY = dict(commands())


def examples(command: Any) -> list[str]:
    """What is said to be worth trying."""
    head, *lines = (command.epilog or "").splitlines()
    assert head == "Examples:"
    return [re.sub(r"\[/?cyan\]", "", line).strip().replace("\\[", "[") for line in lines]


ids = [" ".join(path) or "beats" for path in EVERY]


def test_there_are_commands_to_look_at() -> None:
    """Including those of a group."""
    assert {("run",), ("doctor",), ("config", "check")} <= set(EVERY)


@pytest.mark.parametrize("path", EVERY, ids=ids)
def test_every_command_has_examples(path: tuple[str, ...]) -> None:
    """Each is an example of that command, and fits on one line of a small terminal."""
    found = examples(EVERY[path])
    assert found
    for example in found:
        assert re.search(rf"(^|\| ){' '.join(('beats', *path))}( |$)", example), example
        assert len(example) <= WIDEST, example


@pytest.mark.parametrize("path", EVERY, ids=ids)
def test_every_example_is_right_usage(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its options and arguments exist, with values of the right type."""
    monkeypatch.setenv("HOME", str(tmp_path))  # an option that does something at once does it there
    for example in examples(EVERY[path]):
        arguments = shlex.split(example.partition("beats ")[2])
        assert tuple(arguments[: len(path)]) == path
        own = arguments[len(path) :]
        own = own[: own.index("|")] if "|" in own else own
        with suppress(typer.Exit), EVERY[path].make_context("beats", own):
            pass


@pytest.mark.parametrize("path", EVERY, ids=ids)
def test_no_help_has_what_would_be_taken_for_markup(path: tuple[str, ...]) -> None:
    """A word in square brackets would disappear."""
    assert "[" not in EVERY[path].help


def test_help_ends_with_the_examples_a_line_each(tmp_path: Path) -> None:
    """A terminal still shows them when the options have filled it."""
    code, out, _ = called("run", "--help", cwd=tmp_path, COLUMNS="80")
    assert code == 0
    head, *lines = out.rstrip().splitlines()[-5:]
    assert head.strip() == "Examples:"
    assert [line.rstrip() for line in lines] == [f"   {example}" for example in examples(EVERY["run",])]


@pytest.mark.parametrize("columns", [80, 200])
def test_paragraphs_fill_the_width_of_the_terminal(tmp_path: Path, columns: int) -> None:
    """Lines are wrapped at the width of the terminal, not as in the code."""
    _, out, _ = called("config", "check", "--help", cwd=tmp_path, COLUMNS=str(columns))
    lines = [line.strip() for line in out.splitlines()]
    begin = next(
        index for index, line in enumerate(lines) if line.startswith("Such as two sinks on one port")
    )
    first, second = lines[begin : begin + 2]
    assert len(first) <= columns - 2 < len(first) + 1 + len(second.split()[0])


def test_a_docstring_is_split_into_paragraphs_and_examples() -> None:
    """Line breaks within either are ignored."""
    text = """Do it.

    More of
    it.

    Examples: `beats run`, `beats run
    --stdin`.
    """
    assert split(text) == ("Do it.\n\nMore of it.", ["beats run", "beats run --stdin"])
    assert split("Do it.") == ("Do it.", [])
    assert split("Do `it`.\n\nExample: `beats run`.") == ("Do `it`.", ["beats run"])
    assert split("") == ("", [])


def test_examples_are_not_taken_for_markup() -> None:
    """Square brackets are shown."""
    from rich.text import Text

    assert Text.from_markup(epilog(["beats x [a]"])).plain == "Examples:\n  beats x [a]"


def test_the_help_of_commands_in_a_group_is_arranged_too() -> None:
    """And one without examples keeps its epilog."""
    app = typer.Typer(add_completion=False)

    @app.command(epilog="By hand.")
    def one() -> None:
        """Do one."""

    @app.command()
    def two() -> None:
        """Do two.

        Example: `beats two`.
        """

    assert one is not two
    command: Any = typer.main.get_command(app)
    arrange(command)
    assert [command.commands[name].help for name in ("one", "two")] == ["Do one.", "Do two."]
    assert command.commands["one"].epilog == "By hand."
    assert examples(command.commands["two"]) == ["beats two"]
