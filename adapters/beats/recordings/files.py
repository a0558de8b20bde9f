"""Finds recordings, and puts them into the order in which they were recorded."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from beats.kernel.errors import InputError
from beats.kit.paths import expanded
from beats.recordings import SUFFIX, UNFINISHED_SUFFIX
from beats.recordings.format import DERIVED, LOG_OFFSET
from beats.recordings.reading import Recording
from beats.recordings.scan import Times
from beats.recordings.unfinished import finished
from beats.recordings.walltime import WallTime

GAP_S: Final = 1.0
"""The pause between two unrelated recordings, in seconds."""
Skip = Callable[[str], object]
"""Called with each file that is skipped, and why."""


class FoundFile(NamedTuple):
    """A file that was found at a path."""

    path: Path
    must_be_readable: bool
    """Whether the file itself was named, rather than a folder that contains it."""


class Piece(NamedTuple):
    """One file on a common timeline."""

    path: Path
    times: Times
    """When the first and the last message were logged."""
    begins_s: float
    """Where it begins on the common timeline of all files, in seconds."""
    continues: bool
    """Whether it is the next part of the recording before it; then the state that it repeats is known."""
    wall: WallTime = WallTime()
    """What the wall clock showed."""

    def logged_ns(self, position_s: float) -> int:
        """The log time at a place of the common timeline."""
        return self.times.first_ns + round((position_s - self.begins_s) * 1e9)

    def position_s(self, log_ns: int) -> float:
        """The place on the common timeline of a log time."""
        return self.begins_s + (log_ns - self.times.first_ns) / 1e9

    @property
    def ends_s(self) -> float:
        """Where the last message of the file is."""
        return self.position_s(self.times.last_ns)

    def open(self) -> Recording:
        """Open the file, also when it was finished, and so renamed, since it was found.

        Raises:
            InputError: the file cannot be read, or was removed.
        """
        return _opened(self.path)

    def is_joined_between(self, first_ns: int, last_ns: int) -> bool:
        """Whether another recording begins after the first log time, and not after the last."""
        return any(jump.is_joint for jump in self.wall.within(Times(first_ns, last_ns)))


def find(paths: Iterable[Path], skip: Skip, *, strict: bool = True) -> list[FoundFile]:
    """Find the files at some paths: the files themselves, and the recordings in and below folders.

    Unfinished recordings count. Each file comes once, even if several names lead to it.

    Args:
        paths: files and folders.
        skip: called with what is missing or cannot be read.
        strict: whether each of the paths must exist.

    Raises:
        InputError: a path does not exist, or a folder holds no recordings.
    """
    found: dict[tuple[int, int], FoundFile] = {}
    for path in paths:
        try:
            for identity, each in _meant(expanded(path), skip):
                found.setdefault(identity, each._replace(must_be_readable=each.must_be_readable and strict))
        except InputError as error:
            if strict:
                raise
            skip(str(error))
    return list(found.values())


def _meant(path: Path, skip: Skip) -> Iterator[tuple[tuple[int, int], FoundFile]]:
    """A file, or those in a folder, with their identity on the disk."""
    try:
        about = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        text = f"{path} does not exist: give a recording, or a folder of recordings"
        raise InputError(text) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if not stat.S_ISDIR(about.st_mode):
        yield _identity(about), FoundFile(path, must_be_readable=True)
        return
    is_empty = True
    for identity, each in _inside(path, skip):
        is_empty = False
        yield identity, FoundFile(each, must_be_readable=False)
    if is_empty:
        raise InputError(f"{path} holds no recordings: no file in it or below it ends with {SUFFIX}")


def _opened(path: Path) -> Recording:
    try:
        return Recording(path)
    except InputError:
        if path.exists() or not (renamed := finished(path)).exists():
            raise
        return Recording(renamed)


def _identity(about: os.stat_result) -> tuple[int, int]:
    return about.st_dev, about.st_ino


def _inside(folder: Path, skip: Skip) -> Iterator[tuple[tuple[int, int], Path]]:
    """The recordings in a folder and below it, in the order of their names."""

    def refused(error: OSError) -> None:
        skip(f"{error.filename} cannot be read: {error.strerror}")

    for above, folders, names in os.walk(folder, onerror=refused):
        folders.sort()
        for name in sorted(names):
            if not is_recording(name):
                continue
            path = Path(above, name)
            try:
                if not path.exists():
                    path = finished(path)
                about = path.stat()
            except OSError:
                continue  # just deleted, or a broken link
            if stat.S_ISREG(about.st_mode):
                yield _identity(about), path


def is_recording(name: str) -> bool:
    """Whether a file of this name is a recording, finished or not."""
    return name.removesuffix(UNFINISHED_SUFFIX).endswith(SUFFIX)


class _Known(NamedTuple):
    """What the metadata of a file say."""

    path: Path
    times: Times | None
    """Times of the first and last message; None for a file without messages."""
    recording: str
    """The id of the recording that it is a part of; its path when it has none."""
    part: int
    offset_ns: int | None
    """How far its log times are ahead of those of the other parts; None when unknown."""
    wall: WallTime
    is_recovered: bool

    @property
    def shared(self) -> Times:
        """When it was recorded, by a clock that all parts of the recording share."""
        first_ns, last_ns = self.times or (0, 0)
        return Times(first_ns - (self.offset_ns or 0), last_ns - (self.offset_ns or 0))

    def was_recovered_from(self, other: "_Known") -> bool:
        """Whether another file contains everything that this one does."""
        return self.is_recovered and not other.is_recovered and self.part == other.part


def timeline(found: Iterable[FoundFile], skip: Skip) -> list[Piece]:
    """Put files on one timeline in the order in which they were recorded; leave out files without messages.

    Parts of one recording are ordered by their numbers and keep the time that passed between them; a step of
    the wall clock takes no time. Between unrelated recordings, which may be days apart, there is one second.

    Args:
        found: the files.
        skip: called with those in a folder that cannot be read, and with duplicates.

    Raises:
        InputError: a file that was named cannot be read.
    """
    pieces: list[Piece] = []
    before: _Known | None = None  # the last file with messages
    part = 0  # its number, or that of a later part without messages
    for known in _in_order(_known(found, skip), skip):
        continues = before is not None and before.recording == known.recording and known.part - part <= 1
        part = known.part
        if known.times is None:
            continue
        begins_s = 0.0
        if before is not None:
            # Without offsets, an overlap, as of a clock that was set back, becomes a step without a pause.
            rest_s = (known.shared.first_ns - before.shared.last_ns) / 1e9 if continues else GAP_S
            begins_s = pieces[-1].ends_s + max(0.0, rest_s)
        pieces.append(Piece(known.path, known.times, begins_s, continues, known.wall))
        before = known
    return pieces


def in_order(paths: Sequence[Path]) -> list[Path]:
    """The files in the given order, except that parts of one recording are ordered by their numbers."""
    known: dict[Path, _Known] = {}
    for path in paths:
        with suppress(InputError):
            known[path] = _look(path)
    parts = {name: iter(files) for name, files in _by_recording(known.values()).items()}
    return [next(parts[known[path].recording]).path if path in known else path for path in paths]


def _known(found: Iterable[FoundFile], skip: Skip) -> Iterator[_Known]:
    for path, must_be_readable in found:
        try:
            yield _look(path)
        except InputError as error:
            if must_be_readable:
                raise
            skip(str(error))


def _look(path: Path) -> _Known:
    with _opened(path) as recording:
        try:
            about = recording.about()
            return _Known(
                path,
                recording.times(),
                about.get("recording", "") or str(path),
                _integer(about.get("part", "")) or 0,
                _integer(about.get(LOG_OFFSET, "")),
                recording.wall_time(),
                about.get(DERIVED) == "recovered",
            )
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _in_order(files: Iterable[_Known], skip: Skip) -> Iterator[_Known]:
    """By recording, then by part; a recovered file only when its original is missing."""
    for parts in sorted(_by_recording(files).values(), key=_start):
        for each in sorted(parts, key=_place):
            original = next((other for other in parts if each.was_recovered_from(other)), None)
            if original is None:
                yield each
            else:
                skip(f"{each.path}: recovered from {original.path}, which is read instead")


def _by_recording(files: Iterable[_Known]) -> dict[str, list[_Known]]:
    """The files of each recording, in the order of its parts."""
    recordings: dict[str, list[_Known]] = {}
    for known in files:
        recordings.setdefault(known.recording, []).append(known)
    for parts in recordings.values():
        parts.sort(key=lambda each: each.part)
    return recordings


def _start(parts: list[_Known]) -> tuple[int, str]:
    """When a recording began, by the wall clock as it was last set, and a name."""
    full = sorted((each for each in parts if each.times is not None), key=_place)
    if not full:
        return 0, parts[0].path.name
    first, last = full[0], full[-1]
    ahead_ns = last.wall.last_ahead_ns + (last.offset_ns or 0)
    return first.shared.first_ns + ahead_ns, first.path.name


def _place(known: _Known) -> tuple[int, Times, str]:
    """The sort key of the parts of a recording."""
    return known.part, known.shared, known.path.name


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
