"""`beats record` and `beats snapshot`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from beats.adapters.sinks.recorder.naming import check_template, is_taken, taken
from beats.cli.commands.run import sources
from beats.cli.common import (
    ConfigOption,
    DurationOption,
    LogFormatOption,
    PictureArgument,
    PidOption,
    ProfileOption,
    SetOption,
    StdinOption,
    ask_or_exit,
)
from beats.cli.files import why_no_recording
from beats.cli.output import EXIT_USAGE, exit_with, say_value
from beats.cli.runner import perform
from beats.config.errors import SettingsError
from beats.config.settings import SinkSettings
from beats.kit.paths import expanded
from beats.runtime.reader import Reader

_TYPE = "recorder"


def record(
    picture: PictureArgument = None,
    stdin: StdinOption = False,
    to: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="The recording; its name may contain {profile}, {start:%Y%m%d-%H%M%S} and {part:03}.",
            show_default=False,
        ),
    ] = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    duration: DurationOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """Stream as `beats run` does, and record everything.

    Uses the recorder of the profile if it has one, else adds one that writes to `recordings/`.

    Examples: `beats record`, `beats record --out show.mcap --duration 60`,
    `some-sensor | beats record --stdin --out sensor.mcap`.
    """
    if to is not None:
        _check(to)
    replaced = sources(picture, stdin)
    base = Reader(profile, config, sets, replaced, log_format=log_format)
    perform(base._replace(overrides=_recorder(base, to)), duration)


def snapshot(pid: PidOption = None) -> None:
    """Make a running Beats write the last seconds, which it holds in memory, to a file.

    It needs a sink of type `recorder` with `snapshot_s`. Prints the paths of the files.

    Examples: `beats snapshot`, `beats snapshot --pid 4711`.
    """
    for path in ask_or_exit("snapshot", pid).values():
        say_value(str(path))


def _check(to: str) -> None:
    """End the command if `--out` is not a valid name for a recording."""
    path = expanded(Path(to))
    why = why_no_recording(path)
    if why is None:
        try:
            check_template(to)
        except ValueError as error:
            why = str(error)
    if why is not None:
        raise exit_with(f"--out {to!r}: {why}", EXIT_USAGE)
    if "{" not in to and is_taken(path):
        found = taken(path)
        raise exit_with(f"--out {found.filename}: {found.strerror}", EXIT_USAGE)


def _recorder(reader: Reader, to: str | None) -> dict[str, object]:
    """The overrides that make a profile record.

    Args:
        reader: reads the profile without them.
        to: the file; None for that of the settings.
    """
    named = {} if to is None else {"path": to}
    try:
        sinks: Mapping[str, SinkSettings] = reader.read().sinks
    except SettingsError:
        # Perhaps `--set` refers to the recorder that is not added yet. Any other error is still there once it
        # is added, and is reported then.
        sinks = {}
    for name, sink in sinks.items():
        if sink.type == _TYPE:
            return {"sinks": {name: {"idle": False, **named}}}
    name = _TYPE
    while name in sinks:  # a sink of another type has that name
        name += "-1"
    return {"sinks": {name: {"type": _TYPE, "enabled": True, **named}}}
