"""`beats init`."""

from pathlib import Path
from typing import IO, Annotated, Final

import typer

from beats.cli.common import refused
from beats.cli.config import schema_text
from beats.cli.output import EXIT_FAILED, complain, say
from beats.config.errors import SettingsError
from beats.config.layers.profiles import DEFAULT, check_name
from beats.config.output.starter import starter_files

_FOLDER: Final = Path("config")


def init(
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="Name of the profile; `default` runs without --profile.")
    ] = DEFAULT,
) -> None:
    """Write a first profile of your own, with comments, into the folder `config` here.

    Beside it an example of local.toml, and a JSON Schema with which editors complete and check. Nothing is
    ever overwritten.

    Exit code 0: it is there; 1: there is such a profile already, or it cannot be written; 78: wrong name.

    Examples: `beats init`, `beats init --profile wall`.
    """
    try:
        check_name(profile, "--profile")
    except SettingsError as error:
        raise refused(error) from None
    files = starter_files(profile, schema_text())
    done: list[str] = []
    failure: OSError | None = None
    try:
        taken = [
            path for path in (_FOLDER / file.name for file in files if not file.is_shared) if path.exists()
        ]
        if taken:
            complain(f"{taken[0]} exists, and nothing is overwritten: choose another --profile")
            raise typer.Exit(EXIT_FAILED)
        _FOLDER.mkdir(exist_ok=True)
        for file in files:
            done.append(_write(_FOLDER / file.name, file.text, keep=file.is_shared))
    except OSError as error:
        failure = error
    for line in done:  # only now: all is written even if standard output cannot be
        say(line)
    if failure is not None:
        complain(f"{failure.filename}: cannot be written: {failure.strerror}")
        raise typer.Exit(EXIT_FAILED)
    say(f"next: beats config check {_FOLDER / files[0].name}")


def _write(path: Path, text: str, *, keep: bool) -> str:
    """Make a file; gives what was done."""
    try:
        with path.open("x", encoding="utf-8") as file:  # also when it came into being a moment ago
            _fill(file, path, text)
    except FileExistsError:
        if not keep:
            raise
        return f"{path} is there already, and stays as it is"
    return f"wrote {path}"


def _fill(file: IO[str], path: Path, text: str) -> None:
    try:
        file.write(text)
        file.flush()
    except OSError as error:  # half a file would be in the way of the next attempt
        path.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from None
