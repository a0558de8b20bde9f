"""`beats init`."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from beats.cli.commands.config import schema_text
from beats.cli.common import refused
from beats.cli.more import More
from beats.cli.output import EXIT_SETTINGS, EXIT_USAGE, exit_with, say
from beats.cli.plugin import Plugin, Role
from beats.config.errors import SettingsError
from beats.config.layers.profiles import DEFAULT, check_name
from beats.config.output.starter import starter_files
from beats.runtime.registry import InstalledAdapters

_FOLDER: Final = Path("config")
_TYPE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
"""What can be the type of an adapter, the name of a module, and that of a distribution."""


def init(
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="Name of the profile; `default` is used without --profile.")
    ] = DEFAULT,
    sink: Annotated[
        str | None,
        typer.Option("--sink", metavar="NAME", help="Write a package with a sink of this type instead."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="NAME", help="Write a package with a source of this type instead."),
    ] = None,
) -> None:
    """Write a first profile, with explanations, into the folder `config` of the current folder.

    Also writes an example of local.toml, and a JSON Schema with which editors complete and check profiles.
    With --sink or --source it writes a package of your own into a new folder: code with settings, a test, a
    profile and a README.
    Existing files are never overwritten.

    Exit code 0: written; 1: a file exists already, or cannot be written; 2: wrong usage; 78: wrong name.

    Examples: `beats init`, `beats init --profile wall`, `beats init --sink printer`.
    """
    named: tuple[tuple[Role, str | None], ...] = (("sink", sink), ("source", source))
    wanted = [Plugin(role, name) for role, name in named if name is not None]
    if wanted:
        if len(wanted) > 1 or profile != DEFAULT:
            raise exit_with(
                "--profile, --sink and --source write different things: give one of them", EXIT_USAGE
            )
        _write_package(wanted[0])
        return
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


def _write_package(plugin: Plugin) -> None:
    option, folder = f"--{plugin.role}", plugin.folder
    if not _TYPE.fullmatch(plugin.name):
        raise exit_with(
            f"{option}: {plugin.name!r:.80} is not a type, such as my_printer: use lower case, digits, _",
            EXIT_SETTINGS,
            more=More.PLUGINS,
        )
    if plugin.name in InstalledAdapters().names("sinks" if plugin.role == "sink" else "sources"):
        raise exit_with(
            f"{option}: there is a {plugin.role} {plugin.name!r} already: choose another name",
            EXIT_SETTINGS,
            more=More.PLUGINS,
        )
    done: list[str] = []
    try:
        folder.mkdir()
        for place, text in plugin.files().items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            done.append(_write(folder / place, text, keep=False))
    except FileExistsError:
        raise exit_with(f"{folder} exists and is not overwritten: choose another {option}") from None
    except OSError as error:
        raise exit_with(f"{error.filename}: cannot be written: {error.strerror}") from None
    for line in done:  # after the files, as above
        say(line)
    say(f"next: cd {folder} && pip install -e '.[test]' && pytest && beats run --profile {plugin.name}")


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
