"""Options that commands share, and what they do when settings are invalid."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from beats.cli import completers, logs
from beats.cli.more import More, of_problems
from beats.cli.output import EXIT_SETTINGS, complain, exit_with, point_to, warn
from beats.config.errors import SettingsError
from beats.config.layers.environment import variable_name
from beats.config.layers.merging import Leaf, child
from beats.config.settings import LogFormat, ProfileSettings
from beats.runtime.reader import Reader

if TYPE_CHECKING:  # a check of the settings does without it
    from beats.runtime.watcher import Watcher


def _begin_log(log_format: LogFormat | None) -> LogFormat | None:
    """Set up JSON logging early, so that errors before the settings are read are logged as JSON too."""
    if (log_format or os.environ.get(variable_name(("kernel", "log_format")))) == "json":
        from beats.cli.output import err  # only now: it is created when first used

        logs.set_up("INFO", "json", err)
    return log_format


ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        help="Name of the profile; BEATS_PROFILE, or `default`.",
        autocompletion=completers.profiles,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Folder of profiles; BEATS_CONFIG_DIR, or ./config.",
        show_default=False,
        readable=False,  # an unreadable folder is reported with the other problems of the settings
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="PATH=VALUE",
        help="One setting, which overrides all files and variables.",
        autocompletion=completers.settings,
    ),
]

DurationOption = Annotated[
    float | None, typer.Option("--duration", min=0, metavar="SECONDS", help="Stop after this many seconds.")
]
PictureArgument = Annotated[
    Path | None,
    typer.Argument(
        help="A GIF, APNG, WebP or folder of pictures to stream instead of the profile's sources."
    ),
]
StdinOption = Annotated[
    bool,
    typer.Option("--stdin", help="Stream peripheral updates from standard input, one JSON object per line."),
]
LogFormatOption = Annotated[
    LogFormat | None,
    typer.Option(
        help="Log lines for people, or JSON objects; overrides kernel.log_format.",
        show_default=False,
        is_eager=True,
        callback=_begin_log,
    ),
]
PidOption = Annotated[
    int | None, typer.Option(help="Process id of the run to ask, when there are several.", show_default=False)
]


def refused(error: SettingsError, reader: Reader | None = None) -> typer.Exit:
    """Print all problems of the settings on standard error; returns the exception that ends the command.

    Args:
        error: the problems.
        reader: what read the settings, if it is known, so that the pages about them can be named.
    """
    for warning in error.warnings:
        warn(warning)
    for problem in error.problems:
        complain(str(problem))
    point_to(*of_problems(error.problems, reader))
    return typer.Exit(EXIT_SETTINGS)


_ASKED: Final = {"reload": More.RELOADS, "snapshot": More.SNAPSHOTS}
"""The commands that a running Beats takes."""


def ask_or_exit(command: str, pid: int | None) -> Mapping[str, object]:
    """The answer of a running Beats to a command; exits with code 1 when there is none."""
    from beats.runtime.control_socket import ask  # only now: few commands ask

    try:
        return ask(command, pid)
    except RuntimeError as error:
        raise exit_with(str(error), more=_ASKED[command]) from None
    except (LookupError, OSError, ValueError) as error:
        raise exit_with(str(error), more=More.REQUESTS) from None


def read_or_exit(watcher: "Watcher") -> ProfileSettings:
    """The settings; if they are invalid, print all problems on standard error and exit with code 78."""
    try:
        return watcher.read()
    except SettingsError as error:
        _follow_log_format(watcher.reader)
        raise refused(error, watcher.reader) from None


def _follow_log_format(reader: Reader) -> None:
    """Use the log format of the settings, as far as it can be known when they are invalid."""
    with suppress(SettingsError):
        leaf = child(child(reader.inspect().root, "kernel"), "log_format")
        _begin_log("json" if isinstance(leaf, Leaf) and leaf.value == "json" else "human")
