"""What the commands share: reading a profile, and saying what is wrong with it."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from beats.cli import completers, logs
from beats.cli.output import EXIT_FAILED, EXIT_SETTINGS, complain, warn
from beats.config.errors import SettingsError
from beats.config.layers.environment import variable_name
from beats.config.layers.merging import Leaf, child
from beats.config.layers.profiles import wanted_folder
from beats.config.load import inspect_profile, load_profile
from beats.config.settings import LogFormat, ProfileSettings
from beats.runtime.registry import InstalledAdapters


def _begin_log(log_format: LogFormat | None) -> LogFormat | None:
    """Say what goes wrong in the way that is asked for, also before there are settings that could say it."""
    if (log_format or os.environ.get(variable_name(("kernel", "log_format")))) == "json":
        from beats.cli.output import err  # only now: see there

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
        readable=False,  # a closed folder is a fault of the settings, and said with the others
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="PATH=VALUE",
        help="One setting, above all files and variables.",
        autocompletion=completers.settings,
    ),
]

DurationOption = Annotated[
    float | None, typer.Option("--duration", min=0, metavar="SECONDS", help="Stop after so many seconds.")
]
PictureArgument = Annotated[
    Path | None,
    typer.Argument(
        help="A GIF, APNG, WebP or folder of pictures to stream in place of the profile's sources."
    ),
]
StdinOption = Annotated[
    bool,
    typer.Option("--stdin", help="Stream peripheral updates, one JSON object a line, from standard input."),
]
LogFormatOption = Annotated[
    LogFormat | None,
    typer.Option(
        help="Log lines for a person, or as JSON objects; in place of kernel.log_format.",
        show_default=False,
        is_eager=True,
        callback=_begin_log,
    ),
]
PidOption = Annotated[int | None, typer.Option(help="Which one, when several run.", show_default=False)]


def refused(error: SettingsError) -> typer.Exit:
    """Say all that is wrong with the settings on standard error; what to raise to end the command."""
    for warning in error.warnings:
        warn(warning)
    for problem in error.problems:
        complain(str(problem))
    return typer.Exit(EXIT_SETTINGS)


def ask_or_exit(command: str, pid: int | None) -> Mapping[str, object]:
    """What a running Beats says to a command; ends this one with code 1 when it cannot be had."""
    from beats.runtime.control_socket import ask  # only now: few commands ask

    try:
        return ask(command, pid)
    except (LookupError, RuntimeError, OSError, ValueError) as error:
        complain(str(error))
        raise typer.Exit(EXIT_FAILED) from None


class Reader(NamedTuple):
    """Where the settings of a command come from, so that they can be read again."""

    profile: str | None
    config_dir: Path | None
    sets: Sequence[str] | None
    replace_sources: Mapping[str, object] | None = None
    """Tables of sources in place of the profile's."""
    overrides: Mapping[str, object] | None = None
    """Settings at the height of `--set`."""
    log_format: LogFormat | None = None
    """What the log looks like, above all else; as the settings say when None."""

    def read(self) -> ProfileSettings:
        """The checked settings, as they are now.

        Raises:
            SettingsError: something is wrong with them.
        """
        return load_profile(
            InstalledAdapters(),
            profile=self.profile,
            config_dir=self.config_dir,
            environ=os.environ,
            overrides=self.overrides,
            sets=self._all_sets,
            replace_sources=self.replace_sources,
        )

    def read_or_exit(self) -> ProfileSettings:
        """The checked settings; ends the command with code 78 and all that is wrong on standard error."""
        try:
            return self.read()
        except SettingsError as error:
            self._follow_log_format()
            raise refused(error) from None

    def _follow_log_format(self) -> None:
        """Take on what the settings say of the log, as far as that can be known when they are wrong."""
        with suppress(SettingsError):
            found = inspect_profile(
                InstalledAdapters(),
                profile=self.profile,
                config_dir=self.config_dir,
                environ=os.environ,
                sets=self._all_sets,
            )
            leaf = child(child(found.root, "kernel"), "log_format")
            _begin_log("json" if isinstance(leaf, Leaf) and leaf.value == "json" else "human")

    @property
    def _all_sets(self) -> Sequence[str]:
        chosen = [] if self.log_format is None else [f"kernel.log_format={self.log_format}"]
        return [*(self.sets or ()), *chosen]

    @property
    def folder(self) -> Path:
        """The folder of profiles that is looked into."""
        return wanted_folder(self.config_dir, os.environ)
