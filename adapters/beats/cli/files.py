"""What commands on recordings share: arguments and options, an orderly end, and checks of file names."""

import signal
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from beats.cli import completers
from beats.cli.output import EXIT_USAGE, exit_with
from beats.kit.paths import expanded, why_absent
from beats.recordings import SUFFIX, UNFINISHED_SUFFIX

RecordingsArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE…", help="Recordings, or folders of recordings.", autocompletion=completers.recordings
    ),
]
StartOption = Annotated[
    str | None,
    typer.Option(
        metavar="MOMENT",
        help="Where to start: seconds, a time of day (21:30), or an ISO 8601 time.",
        show_default=False,
    ),
]
EndOption = Annotated[
    str | None,
    typer.Option(
        metavar="MOMENT", help="Where to stop, exclusive; same formats as `--start`.", show_default=False
    ),
]
KindsOption = Annotated[
    str | None, typer.Option(help="frame, peripheral, or both, separated by a comma.", show_default=False)
]
PatternsOption = Annotated[
    str | None,
    typer.Option(help="Patterns separated by commas, such as frame,peripheral/knob-*.", show_default=False),
]


@contextmanager
def ending_in_order() -> Generator[None]:
    """Make SIGTERM and SIGHUP end the block by SystemExit, so that half-written files are removed.

    The exit code is 128 plus the signal's number, as in shells.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    # An ignored signal stays ignored, as under `nohup`.
    ending = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) == signal.SIG_DFL]
    for number in ending:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ending:
            signal.signal(number, signal.SIG_DFL)


def check_there(files: Iterable[Path]) -> None:
    """End the command if a recording, or a folder of them, that was named is not there."""
    for file in files:
        if (why := why_absent(expanded(file))) is not None:
            raise exit_with(f"{file} {why}: give a recording, or a folder of recordings", EXIT_USAGE)


def why_no_file(path: Path) -> str | None:
    """Why a file cannot have this name, and what to use instead; None when it can."""
    try:
        is_folder = path.is_dir()
    except OSError:  # opening the file reports it
        return None
    if is_folder or not path.name:
        return "is a folder: name a file in it"
    if path.name.endswith(UNFINISHED_SUFFIX):
        return (
            f"{UNFINISHED_SUFFIX} is added to the name of a file while it is written: "
            f"give {str(path).removesuffix(UNFINISHED_SUFFIX)}"
        )
    return why_no_folder(path)


def why_no_folder(path: Path) -> str | None:
    """Why nothing can be made at a path, as the folder that is to hold it is missing; None when it can.

    A typing error in a name must not create folders. Only a recorder makes those with braces in them.
    """
    folder = next(each for each in path.parents if "{" not in str(each))
    try:
        is_there = folder.is_dir()
    except OSError:  # as above
        return None
    return None if is_there else f"folder {str(folder)!r} does not exist: make it first, or give another"


def why_no_recording(path: Path) -> str | None:
    """Why a recording cannot have this name, and what to use instead; None when it can."""
    why = why_no_file(path)
    if why is None and path.suffix != SUFFIX:
        return f"the name of a recording must end with {SUFFIX}: give {path}{SUFFIX}"
    return why
