"""`beats init`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from beats.adapters.cli.common import EXIT_FAILED, refused
from beats.adapters.cli.config import schema_text
from beats.config.errors import SettingsError
from beats.config.profiles import DEFAULT, check_name
from beats.config.starter import starter_files

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
    try:
        taken = [
            path for path in (_FOLDER / file.name for file in files if not file.is_shared) if path.exists()
        ]
        if taken:
            typer.echo(f"{taken[0]} exists, and nothing is overwritten: choose another --profile", err=True)
            raise typer.Exit(EXIT_FAILED)
        _FOLDER.mkdir(exist_ok=True)
        for file in files:
            _write(_FOLDER / file.name, file.text, keep=file.is_shared)
    except OSError as error:
        typer.echo(f"{error.filename}: cannot be written: {error.strerror}", err=True)
        raise typer.Exit(EXIT_FAILED) from None
    typer.echo(f"next: beats config check {_FOLDER / files[0].name}")


def _write(path: Path, text: str, *, keep: bool) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:  # also when it came into being a moment ago
            file.write(text)
    except FileExistsError:
        if not keep:
            raise
        typer.echo(f"{path} is there already, and stays as it is")
    else:
        typer.echo(f"wrote {path}")
