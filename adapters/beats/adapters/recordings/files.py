"""Which files a path means, and in which order they were recorded."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from beats.adapters.recordings import PART_SUFFIX, SUFFIX
from beats.adapters.recordings.reading import Recording
from beats.adapters.recordings.scan import Times
from beats.kernel.errors import InputError

GAP_S: Final = 1.0
"""How long the stream rests between two recordings that are not parts of one."""


class Piece(NamedTuple):
    """One file on a common timeline."""

    path: Path
    times: Times
    """As recorded."""
    begins_s: float
    """Where it begins on the timeline that all files share, in seconds from its beginning."""
    continues: bool
    """Whether it is a later part of the recording before it, so that the state it repeats is known."""

    def recorded_ns(self, position_s: float) -> int:
        """The time as recorded at a place of the common timeline."""
        return self.times.first_ns + round((position_s - self.begins_s) * 1e9)

    def position_s(self, unix_ns: int) -> float:
        """The place on the common timeline of a time as recorded."""
        return self.begins_s + (unix_ns - self.times.first_ns) / 1e9

    @property
    def ends_s(self) -> float:
        """Where its last message is."""
        return self.position_s(self.times.last_ns)


def find(paths: Iterable[Path]) -> list[Path]:
    """The files that some paths mean: themselves, or the recordings in a folder, unfinished ones too.

    Raises:
        InputError: there is nothing there; says what was looked for.
    """
    found: list[Path] = []
    for path in paths:
        path = path.expanduser()
        if path.is_dir():
            names = sorted(each for each in path.iterdir() if _is_recording(each) and each.is_file())
            if not names:
                raise InputError(f"{path} holds no recordings: no file ends with {SUFFIX}")
            found += names
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"{path} does not exist: give a recording, or a folder of recordings")
    return list(dict.fromkeys(found))


def _is_recording(path: Path) -> bool:
    return path.name.removesuffix(PART_SUFFIX).endswith(SUFFIX)


def timeline(paths: Sequence[Path]) -> list[Piece]:
    """The files in the order in which they were recorded, on one timeline; files without messages left out.

    Parts of one recording keep the time that passed between them. Between others, who may be days apart,
    there is a second.

    Raises:
        InputError: a file cannot be read.
    """
    known: list[tuple[Times, str, Path]] = []
    for path in paths:
        with Recording(path) as recording:
            if (times := recording.times()) is not None:
                known.append((times, recording.about().get("recording", ""), path))
    known.sort(key=lambda item: (item[0].first_ns, item[0].last_ns, item[2].name))
    pieces: list[Piece] = []
    before = ""
    for times, identity, path in known:
        continues = bool(pieces) and identity != "" and identity == before
        begins_s = 0.0
        if pieces:
            last = pieces[-1]
            # An overlap, as from a clock that was set back, becomes a step without a pause.
            rest_s = max(0.0, (times.first_ns - last.times.last_ns) / 1e9) if continues else GAP_S
            begins_s = last.ends_s + rest_s
        pieces.append(Piece(path, times, begins_s, continues))
        before = identity
    return pieces
