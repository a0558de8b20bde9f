"""`beats run`."""

import mimetypes
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from beats.cli.common import (
    ConfigOption,
    DurationOption,
    LogFormatOption,
    PictureArgument,
    ProfileOption,
    SetOption,
    StdinOption,
)
from beats.cli.more import More
from beats.cli.output import EXIT_USAGE, can_ask, confirm, exit_with, show_line
from beats.cli.runner import perform
from beats.recordings import SUFFIX
from beats.runtime.reader import Reader

if TYPE_CHECKING:  # few runs have any
    from beats.cli.free_ports import Taken
    from beats.workers.start import Workers

_VIDEOS: Final = (".mkv", ".m4v", ".ts", ".m2ts", ".flv", ".y4m", ".wmv")
"""Endings of videos that not every system knows as such."""

WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        max=256,
        metavar="N",
        help="Serve viewers from N processes on one port, to use several cores. Needs nats-server.",
        show_default=False,
    ),
]
BrokerOption = Annotated[
    str | None,
    typer.Option(
        "--broker",
        metavar="URL",
        help="The nats-server that connects them, such as nats://127.0.0.1:4222; by default one is started.",
        show_default=False,
    ),
]


def run(
    picture: PictureArgument = None,
    stdin: StdinOption = False,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    duration: DurationOption = None,
    workers: WorkersOption = None,
    broker: BrokerOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """Stream until interrupted, until the sources end, or until the terminal is closed.

    Exit code 0: success; 1: a sink or source failed; 2: wrong usage; 78: invalid settings, or what they need
    is missing.

    Examples: `beats run`, `beats run picture.gif`, `some-sensor | beats run --stdin`,
    `beats run --profile studio --set sinks.browser.port=9000`.
    """
    reader = Reader(profile, config, sets, sources(picture, stdin), log_format=log_format)
    if can_ask() and not stdin:
        from beats.cli.free_ports import moved  # only now: a service asks nobody

        reader = moved(reader, _wants)
    perform(reader, duration, workers=_workers(reader, workers, broker))


def _wants(taken: "Taken") -> bool:
    """Ask whether to take a free port."""
    return confirm(f"port {taken.port.port} is in use ({taken.key}): use {taken.free} instead?")


def _workers(reader: Reader, processes: int | None, broker: str | None) -> "Workers | None":
    if processes is None:
        if broker is not None:
            text = "--broker needs --workers N: give the number of workers"
            raise exit_with(text, EXIT_USAGE, more=More.WORKERS)
        return None
    if broker is not None:
        from beats.adapters.nats.servers import server

        try:
            server(broker)
        except ValueError as error:
            raise exit_with(f"--broker {error}", EXIT_USAGE, more=More.WORKERS) from None
    from beats.cli.worker import told
    from beats.workers.start import Workers

    return Workers(processes, broker, told(reader), show_line)


def _why_no_picture(path: Path) -> str | None:
    from beats.adapters.sources.images.slideshow import can_read  # only now: it loads Pillow

    try:
        return can_read(path)
    except OSError as error:  # such as a too long name or a closed folder
        return f"{path} cannot be read: {error.strerror}"


def _another_way(path: Path) -> tuple[str, More]:
    """How a file that is no picture is streamed, as the end of a sentence, and the page about it."""
    name = shlex.quote(str(path))
    kind = mimetypes.guess_type(path.name)[0] or ""
    if kind.startswith("video/") or path.suffix.lower() in _VIDEOS:
        return f"; for a video: beats run --profile video --set sources.video.input={name}", More.VIDEOS
    if path.suffix.lower() == SUFFIX:
        return f"; for a recording: beats replay {name}", More.REPLAY
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return f"; for lines of JSON: beats run --stdin < {name}", More.SOURCES
    return "", More.PICTURES


def sources(picture: Path | None, stdin: bool) -> dict[str, object] | None:
    """The tables of the sources given as arguments, which replace those of the profile."""
    sources: dict[str, object] = {}
    if picture is not None:
        if (reason := _why_no_picture(picture)) is not None:
            hint, page = _another_way(picture)
            raise exit_with(reason + hint, EXIT_USAGE, more=page)
        sources["picture"] = {"type": "images", "path": str(picture)}
    if stdin:
        sources["stdin"] = {"type": "jsonl", "path": "-"}
    return sources or None
