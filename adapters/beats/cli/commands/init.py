"""`beats init`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from beats.cli.commands.config import schema_text
from beats.cli.common import refused
from beats.cli.output import exit_with, say
from beats.config.errors import SettingsError
from beats.config.layers.profiles import DEFAULT, check_name
from beats.config.output.starter import starter_files

_FOLDER: Final = Path("config")


def init(
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="Name of the profile; `default` is used without --profile.")
    ] = DEFAULT,
) -> None:
    """Write a first profile, with explanations, into the folder `config` of the current folder.

    Also writes an example of local.toml, and a JSON Schema with which editors complete and check profiles.
    Existing files are never overwritten.

    Exit code 0: written; 1: the profile exists already, or cannot be written; 78: wrong name.

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
        for path in [_FOLDER / file.name for file in files if not file.is_shared]:
            if path.exists():
                raise exit_with(f"{path} exists and is not overwritten: choose another --profile")
        _FOLDER.mkdir(exist_ok=True)
        for file in files:
            done.append(_write(_FOLDER / file.name, file.text, keep=file.is_shared))
    except OSError as error:
        failure = error
    for line in done:  # after the files, which must be written even if standard output is closed
        say(line)
    if failure is not None:
        raise exit_with(f"{failure.filename}: cannot be written: {failure.strerror}")
    say(f"next: beats config check {_FOLDER / files[0].name}")


def _write(path: Path, text: str, *, keep: bool) -> str:
    """Write a new file; returns a line that says so, or that an existing file was kept."""
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        if not keep:
            raise
        return f"{path} exists already and was kept"
    try:
        with file:
            file.write(text)
    except OSError as error:  # an incomplete file would block the next attempt
        path.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from None
    return f"wrote {path}"
