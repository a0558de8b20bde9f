"""`beats run`."""

from pathlib import Path

import typer

from beats.adapters.cli.common import (
    EXIT_USAGE,
    ConfigOption,
    DurationOption,
    LogFormatOption,
    PictureArgument,
    ProfileOption,
    Reader,
    SetOption,
    StdinOption,
    complain,
)
from beats.adapters.cli.stage import perform


def run(
    picture: PictureArgument = None,
    stdin: StdinOption = False,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    duration: DurationOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """Stream until interrupted, or until the sources end.

    Exit code 0: ended well; 1: something failed; 2: wrong usage; 78: wrong settings.

    Examples: `beats run`, `beats run picture.gif`, `some-sensor | beats run --stdin`,
    `beats run --profile studio --set sinks.browser.port=9000`.
    """
    perform(Reader(profile, config, sets, sources(picture, stdin), log_format=log_format), duration)


def sources(picture: Path | None, stdin: bool) -> dict[str, object] | None:
    """The tables of the sources that the arguments name, in place of the profile's."""
    sources: dict[str, object] = {}
    if picture is not None:
        from beats.adapters.sources.images.reading import can_read  # only now: it loads the picture library

        if (reason := can_read(picture)) is not None:
            complain(reason)
            raise typer.Exit(EXIT_USAGE)
        sources["picture"] = {"type": "images", "path": str(picture)}
    if stdin:
        sources["stdin"] = {"type": "jsonl", "path": "-"}
    return sources or None
