"""`beats export`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from beats.cli.files import (
    EndOption,
    RecordingsArgument,
    StartOption,
    check_there,
    ending_in_order,
    why_no_file,
    why_no_folder,
    why_no_recording,
)
from beats.cli.output import EXIT_USAGE, Failed, complain, exit_with, progress, say, warn
from beats.cli.recordings import failing, telling_what_is_not_shown, warn_of_skipped
from beats.kernel.envelope import Kind

# The packages that read recordings and pictures are imported when needed, so that other commands start
# faster.
if TYPE_CHECKING:
    from beats.recordings.export.passes import Result
    from beats.recordings.selection import Selection

_EVENTS: Final = (".jsonl", ".csv")
_OUTPUTS: Final = (
    "--frames DIR, --gif FILE, --apng FILE, --mp4 FILE, --foxglove FILE.mcap, --events FILE.jsonl, "
    "--events FILE.csv"
)


def export(
    files: RecordingsArgument,
    frames: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Each frame as its original file, in a folder.")
    ] = None,
    gif: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Frames as an animated GIF: 256 colours, 50 fps at most."),
    ] = None,
    apng: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Frames as an animated PNG, without loss.")
    ] = None,
    mp4: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Frames as a video: H.264, each frame at its own time."),
    ] = None,
    foxglove: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Frames and updates as an MCAP file for Foxglove, Lichtblick and PlotJuggler.",
        ),
    ] = None,
    events: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Peripheral updates, one a line; .jsonl or .csv. May be given several times."
        ),
    ] = None,
    start: StartOption = None,
    end: EndOption = None,
    topics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Only these topics, such as frame,'peripheral/knob-*'; may be given several times.",
        ),
    ] = None,
) -> None:
    """Write the content of recordings as pictures, animations, videos, tables, and for Foxglove.

    Nothing is ever overwritten, and an export that ends early leaves nothing behind.

    Exit code 0: something was written; 1: nothing was written, or something failed; 2: wrong usage; 78: a
    package is missing.

    Examples: `beats export show.mcap --mp4 show.mp4 --events show.csv`,
    `beats export recordings/ --frames frames --start 21:30 --end 21:35`.
    """
    _check_usage([frames, gif, apng, mp4, foxglove, *(events or ())], start, end)
    _check_ending("--gif", gif, ".gif")
    _check_ending("--apng", apng, ".png", ".apng")
    _check_ending("--mp4", mp4, ".mp4", ".m4v")
    for path in events or ():
        _check_ending("--events", path, *_EVENTS)
    if foxglove is not None and (why := why_no_recording(foxglove)) is not None:
        raise exit_with(f"--foxglove {foxglove}: {why}", EXIT_USAGE)
    from beats.recordings.export.outputs import open_outputs
    from beats.recordings.export.passes import export as write

    check_there(files)
    with failing(), ending_in_order():
        kinds: set[Kind] = set()
        if frames or gif or apng or mp4 or foxglove:
            kinds.add("frame")
        if events or foxglove:
            kinds.add("peripheral")
        patterns = [pattern for text in topics or () for pattern in text.split(",")]
        selection = _selection(files, start, end, patterns, kinds)
        warn_of_skipped(selection.skipped)
        outputs = open_outputs(
            frames=frames, gif=gif, apng=apng, mp4=mp4, foxglove=foxglove, events=events or ()
        )
        with telling_what_is_not_shown(selection), progress("exporting", 1.0) as tell:
            results = write(selection, outputs, warn, tell)
    _say(results)


def _check_ending(option: str, path: Path | None, *endings: str) -> None:
    """Refuse a name from which programs would take the file for another format."""
    if path is not None and path.suffix.lower() not in endings:
        text = f"{option} {path}: its name must end with {' or '.join(endings)}"
        raise exit_with(text, EXIT_USAGE)


def _check_usage(outputs: Sequence[Path | None], start: str | None, end: str | None) -> None:
    named = [_absolute(path) for path in outputs if path is not None]
    if not named:
        raise exit_with(f"nothing to write: give at least one of {_OUTPUTS}", EXIT_USAGE)
    if len(set(named)) < len(named):
        raise exit_with("two outputs have the same name: give each a different one", EXIT_USAGE)
    for check, path in zip((why_no_folder, *[why_no_file] * len(outputs)), outputs, strict=False):
        if path is not None and (why := check(path)) is not None:
            raise exit_with(f"{str(path)!r}: {why}", EXIT_USAGE)
    from beats.recordings.ranges import check_moment

    for option, moment in (("--start", start), ("--end", end)):
        try:
            if moment is not None:
                check_moment(moment)
        except ValueError as error:
            raise exit_with(f"{option}: {error}", EXIT_USAGE) from None


def _absolute(path: Path) -> Path:
    try:
        return path.absolute()
    except OSError:  # the current folder was removed, so that creating the file will fail
        return path


def _selection(
    files: Sequence[Path], start: str | None, end: str | None, topics: Sequence[str], kinds: set[Kind]
) -> "Selection":
    from beats.recordings.selection import Selection

    try:
        return Selection(files, start=start, end=end, topics=topics, kinds=kinds)
    except ValueError as error:  # the end is not after the start
        raise exit_with(f"--start, --end: {error}", EXIT_USAGE) from None


def _say(results: Sequence["Result"]) -> None:
    for result in results:
        (say if result.is_written else complain)(f"{result.path}: {result.text}")
    if not any(result.is_written for result in results):
        raise Failed
