"""`beats export`."""

import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from beats.cli import completers
from beats.cli.files import ending_in_order, why_no_file
from beats.cli.output import EXIT_FAILED, EXIT_USAGE, complain, err, say, warn
from beats.cli.recordings import warn_of_skipped
from beats.kernel.envelope import Kind
from beats.kernel.errors import InputError

# What reads recordings and pictures is imported when it is needed: it takes longer than all of the rest, and
# no other command waits for it.
if TYPE_CHECKING:
    from beats.recordings.export.passes import Result
    from beats.recordings.selection import Selection

_EVENTS: Final = (".jsonl", ".csv")
_OUTPUTS: Final = "--frames DIR, --gif FILE, --apng FILE, --events FILE.jsonl, --events FILE.csv"


def export(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Recordings, or folders of recordings.",
            autocompletion=completers.recordings,
        ),
    ],
    frames: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Each frame as the PNG file it was, in a folder.")
    ] = None,
    gif: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Frames as an animated GIF: 256 colours, 50 fps at most."),
    ] = None,
    apng: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Frames as an animated PNG: every pixel as it was.")
    ] = None,
    events: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Peripheral updates, one a line; .jsonl or .csv. May be given several times."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="MOMENT", help="Seconds from the beginning, a time of day (21:30), or an ISO 8601 time."
        ),
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="MOMENT", help="Where to stop, said likewise.")] = None,
    topics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Only such topics, such as frame,'peripheral/knob-*'; may be given several times.",
        ),
    ] = None,
) -> None:
    """Write what recordings hold as pictures, animations and tables.

    Nothing is ever overwritten, and whatever ends an export early leaves no half file.

    Exit code 0: something was written; 1: nothing was, or something failed; 2: wrong usage.

    Examples: `beats export show.mcap --gif show.gif --events show.csv`,
    `beats export recordings/ --frames frames --start 21:30 --end 21:35`.
    """
    _check_usage([frames, gif, apng, *(events or ())], events or (), start, end)
    from beats.recordings.export.outputs import open_outputs
    from beats.recordings.export.passes import export as write

    with _clear_errors(), ending_in_order():
        kinds: set[Kind] = set()
        if frames or gif or apng:
            kinds.add("frame")
        if events:
            kinds.add("peripheral")
        patterns = [pattern for text in topics or () for pattern in text.split(",")]
        selection = _selection(files, start, end, patterns, kinds)
        warn_of_skipped(selection.skipped)
        outputs = open_outputs(frames=frames, gif=gif, apng=apng, events=events or ())
        with _progress() as progress:
            results = write(selection, outputs, warn, progress)
    _say(results)


def _check_usage(
    outputs: Sequence[Path | None], events: Sequence[Path], start: str | None, end: str | None
) -> None:
    named = [_absolute(path) for path in outputs if path is not None]
    if not named:
        raise _wrong(f"nothing to write: give at least one of {_OUTPUTS}")
    if len(set(named)) < len(named):
        raise _wrong("two outputs have the same name: give each its own")
    for path in outputs[1:]:  # the first is a folder
        if path is not None and (why := why_no_file(path)) is not None:
            raise _wrong(f"{str(path)!r}: {why}")
    for path in events:
        if path.suffix.lower() not in _EVENTS:
            raise _wrong(
                f"--events {path}: its name must end with {' or '.join(_EVENTS)}, which says the format"
            )
    from beats.recordings.ranges import check_moment

    for option, moment in (("--start", start), ("--end", end)):
        try:
            if moment is not None:
                check_moment(moment)
        except ValueError as error:
            raise _wrong(f"{option}: {error}") from None


def _absolute(path: Path) -> Path:
    try:
        return path.absolute()
    except OSError:  # the current folder has been removed, as making the file will tell
        return path


def _selection(
    files: Sequence[Path], start: str | None, end: str | None, topics: Sequence[str], kinds: set[Kind]
) -> "Selection":
    from beats.recordings.selection import Selection

    try:
        return Selection(files, start=start, end=end, topics=topics, kinds=kinds)
    except ValueError as error:  # the end is not after the start
        raise _wrong(f"--start, --end: {error}") from None


def _say(results: Sequence["Result"]) -> None:
    for result in results:
        (say if result.is_written else complain)(f"{result.path}: {result.text}")
    if not any(result.is_written for result in results):
        raise typer.Exit(EXIT_FAILED)


def _wrong(text: str) -> typer.Exit:
    complain(text)
    return typer.Exit(EXIT_USAGE)


@contextmanager
def _clear_errors() -> Generator[None]:
    """What stops an export is one line that says what to do; interrupts have the codes of shells."""
    try:
        yield
    except InputError as error:
        complain(str(error))
        raise typer.Exit(EXIT_FAILED) from None
    except OSError as error:
        name = "" if error.filename is None else f"{error.filename}: "
        complain(f"{name}{error.strerror or error}")
        raise typer.Exit(EXIT_FAILED) from None
    except KeyboardInterrupt:
        warn("interrupted: no half file is left")
        raise typer.Exit(128 + signal.SIGINT) from None


@contextmanager
def _progress() -> Generator[Callable[[float], object]]:
    """A bar on standard error while it lasts, if that is a terminal."""
    if not err.is_terminal:
        yield lambda done: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("exporting"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    # Standard output is left alone: it may be somewhere else.
    with Progress(*columns, console=err, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda done: bar.update(task, completed=done)
