"""`beats info`, `beats recover` and `beats cut`.

The packages that read recordings are imported by these commands alone, so that `beats run` starts faster.
"""

import signal
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from beats.cli import completers
from beats.cli.files import (
    EndOption,
    RecordingsArgument,
    StartOption,
    check_there,
    ending_in_order,
    why_no_recording,
)
from beats.cli.more import More
from beats.cli.output import (
    EXIT_FAILED,
    EXIT_SETTINGS,
    EXIT_USAGE,
    Failed,
    complain,
    exit_with,
    out,
    progress,
    say,
    say_document,
    warn,
)
from beats.kernel.errors import InputError, MissingPackageError
from beats.recordings import SUFFIX, UNFINISHED_SUFFIX

if TYPE_CHECKING:  # see above
    from beats.recordings.scan import Damage
    from beats.recordings.selection import Selection

EXIT_LOST: Final = 3
"""Something was recovered, and something was lost."""
_MOST_WARNINGS: Final = 20


def info(
    files: RecordingsArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the content of recordings: topics, rates, gaps, losses, and whether they are whole.

    Exit code 0: every file was readable, damaged or not; 1: one could not be read at all; 2: wrong usage,
    such as a file that is not there.

    Examples: `beats info show.mcap`, `beats info recordings/ --json`.
    """
    from beats.cli.report import file_report, total_report  # when the command runs: it takes long
    from beats.recordings.files import find, in_order
    from beats.recordings.info import FileInfo, Surveyor, document

    check_there(files)
    with failing():
        found = in_order([each.path for each in find(files, warn)])
    surveyor = Surveyor()
    infos: list[FileInfo] = []
    for path in found:
        infos.append(surveyor.survey(path))
        if as_json:
            continue
        if infos[-1].error is not None:
            complain(infos[-1].error)
        else:
            out.print(file_report(infos[-1]), "")
    if as_json:
        say_document(document(infos, surveyor.total))
    elif len(infos) > 1:
        out.print(total_report(infos, surveyor.total))
    if any(each.error is not None for each in infos):
        raise Failed


def recover(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN", help="A cut or damaged recording.", autocompletion=completers.recordings
        ),
    ],
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT", help="The new file; default: `<IN>-recovered.mcap` beside IN.", show_default=False
        ),
    ] = None,
) -> None:
    """Write everything readable of a damaged recording into a new one; IN is not changed.

    Exit code 0: nothing was lost; 3: something was lost, and is listed; 1: nothing can be read, or OUT cannot
    be written; 2: wrong usage, such as an OUT that exists. An undamaged file is copied only if OUT is given.

    Examples: `beats recover show.mcap.part`, `beats recover broken.mcap clean.mcap`.
    """
    from beats.recordings import copying  # when the command runs: it takes long

    _check("OUT", target)
    check_there([source])
    with failing(), ending_in_order():
        size = source.stat().st_size
        if target is None:
            with progress("reading", size) as tell:
                if copying.is_sound(source, tell):
                    say(f"{source} is whole: nothing to recover")
                    return
            target = _recovered(source)
        with progress("recovering", size) as tell:
            found = copying.recover(source, target, tell)
    say(f"{target}: {found.messages:,} messages")
    _warn_of((source, damage) for damage in found.damages)
    if found.foreign:
        warn(f"{found.foreign:,} messages are neither pictures nor updates, and were left out")
    if found.unreadable_bytes:
        missing = ", ".join(f"{count:,} of {topic}" for topic, count in sorted(found.missing.items()))
        count = sum(found.missing.values())
        known = (
            f"gaps in the sequence numbers show that at least {count:,} envelopes are missing: {missing}"
            if missing
            else "the sequence numbers do not show how many envelopes they held"
        )
        raise exit_with(f"lost: {found.unreadable_bytes:,} bytes; {known}", EXIT_LOST)


def cut(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN", help="A recording, or a folder of its parts.", autocompletion=completers.recordings
        ),
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The new file.")],
    start: StartOption = None,
    end: EndOption = None,
    topics: Annotated[
        list[str] | None,
        typer.Option(
            "--topics", help="Only these topics, such as `frame` or `peripheral/*`; may be repeated."
        ),
    ] = None,
) -> None:
    """Write a range of a recording into a new one, which begins with the state at that time.

    Exit code 0: done; 1: IN cannot be read or is empty there, or OUT cannot be written; 2: wrong usage,
    such as an OUT that exists.

    Examples: `beats cut show.mcap finale.mcap --start 21:30 --end 21:45`,
    `beats cut recordings/ knobs.mcap --start 90 --topics 'peripheral/*'`.
    """
    from beats.recordings import copying  # when the command runs: it takes long
    from beats.recordings.selection import Selection

    _check("OUT", target)
    check_there([source])
    with failing(), ending_in_order():
        try:
            selection = Selection([source], start=start, end=end, topics=topics or ())
        except ValueError as error:
            raise exit_with(str(error), EXIT_USAGE) from None
        warn_of_skipped(selection.skipped)
        with telling_what_is_not_shown(selection), progress("cutting", selection.end_s) as tell:
            found = copying.cut(selection, target, tell)
    state = f", after {found.carried:,} of the earlier state" if found.carried else ""
    say(f"{target}: {found.messages:,} messages{state}")
    _warn_of(found.damages)


def _warn_of(damages: Iterable[tuple[Path, "Damage"]]) -> None:
    for index, (path, damage) in enumerate(damages):
        if index == _MOST_WARNINGS:
            warn("and more")
            break
        warn(f"{path}: {damage}")


def warn_of_skipped(skipped: Sequence[str]) -> None:
    """Report the skipped files, and why, on standard error."""
    for each in skipped[:_MOST_WARNINGS]:
        warn(f"skipped: {each}")
    if len(skipped) > _MOST_WARNINGS:
        warn(f"and {len(skipped) - _MOST_WARNINGS:,} more")


@contextmanager
def telling_what_is_not_shown(selection: "Selection") -> Generator[None]:
    """After the block, report the messages of other programs that it read in vain, on standard error."""
    try:
        yield
    finally:
        for each in selection.not_shown():
            warn(each)


def _check(name: str, target: Path | None) -> None:
    """End the command if an argument is not a valid name for a recording."""
    why = None if target is None else why_no_recording(target)
    if why is not None:
        raise exit_with(f"{name} {str(target)!r}: {why}", EXIT_USAGE)


def _recovered(source: Path) -> Path:
    name = source.name.removesuffix(UNFINISHED_SUFFIX).removesuffix(SUFFIX)
    return source.with_name(f"{name}-recovered{SUFFIX}")


@contextmanager
def failing() -> Generator[None]:
    """End the command with one line on standard error if a file cannot be read or written, or on Ctrl-C."""
    try:
        yield
    except MissingPackageError as error:
        raise exit_with(str(error), EXIT_SETTINGS, more=More.PACKAGES) from None
    except InputError as error:
        raise exit_with(str(error), more=More.RECORDINGS) from None
    except (OSError, ValueError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.filename is not None:
            other = "" if error.filename2 is None else f" -> {error.filename2}"
            text = f"{error.filename}{other}: {error.strerror}"
        # A name that is taken was given on the command line, or follows from one that was.
        raise exit_with(text, EXIT_USAGE if isinstance(error, FileExistsError) else EXIT_FAILED) from None
    except KeyboardInterrupt:
        warn("interrupted: no incomplete file is left")
        raise typer.Exit(128 + signal.SIGINT) from None
