"""`beats record` and `beats snapshot`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from beats.adapters.sinks.recorder.naming import check_template
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
from beats.cli.output import EXIT_USAGE, complain, say_value
from beats.cli.run import sources
from beats.cli.runner import perform
from beats.config.errors import SettingsError
from beats.config.settings import SinkSettings
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
            help="The recording; with {profile}, {start:%Y%m%d-%H%M%S} or {part:03} in its name if you like.",
            show_default=False,
        ),
    ] = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    duration: DurationOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """Stream as `beats run` does, and record all of it.

    The profile's own recorder is used when it has one, else one is added that writes to `recordings/`.

    Examples: `beats record`, `beats record --out show.mcap --duration 60`,
    `some-sensor | beats record --stdin --out sensor.mcap`.
    """
    if to is not None:
        _check(to)
    replaced = sources(picture, stdin)
    plain = Reader(profile, config, sets, replaced, log_format=log_format)
    perform(plain._replace(overrides=_recorder(plain, to)), duration)


def snapshot(pid: PidOption = None) -> None:
    """Have a running Beats write down what it holds: what has just happened.

    It needs a sink of type `recorder` with `snapshot_s`. Prints the files.

    Examples: `beats snapshot`, `beats snapshot --pid 4711`.
    """
    for path in ask_or_exit("snapshot", pid).values():
        say_value(str(path))


def _check(to: str) -> None:
    """End the command when `--out` names what cannot be a recording."""
    why = why_no_recording(Path(to))
    if why is None:
        try:
            check_template(to)
        except ValueError as error:
            why = str(error)
    if why is not None:
        complain(f"--out {to!r}: {why}")
        raise typer.Exit(EXIT_USAGE)


def _recorder(reader: Reader, to: str | None) -> dict[str, object]:
    """What makes a profile record to a file.

    Args:
        reader: reads the profile as it is.
        to: the file; where the settings say, when None.
    """
    named = {} if to is None else {"path": to}
    try:
        sinks: Mapping[str, SinkSettings] = reader.read().sinks
    except SettingsError:
        # What is wrong may be that `--set` says something of a recorder that is not there yet. If not, it is
        # still wrong when the recorder is there, and told then.
        sinks = {}
    for name, sink in sinks.items():
        if sink.type == _TYPE:
            return {"sinks": {name: {"idle": False, **named}}}
    name = _TYPE
    while name in sinks:  # somebody's sink of another type has that name
        name += "-1"
    return {"sinks": {name: {"type": _TYPE, "enabled": True, **named}}}
