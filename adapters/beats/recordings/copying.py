"""Makes recordings from recordings: what is whole in a damaged one, or a range of some."""

import json
import signal
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from math import isfinite
from pathlib import Path
from typing import Final, NamedTuple, cast

from beats.kernel.errors import InputError
from beats.kit.gaps import GapCounter
from beats.recordings.content import Note
from beats.recordings.files import Piece
from beats.recordings.format import (
    CLOCK,
    DERIVED,
    FILE,
    LOG_OFFSET,
    LOSS,
    RECORDING,
    TOTALS,
    iso,
    loss_records,
    read_loss,
)
from beats.recordings.reading import Recording
from beats.recordings.scan import Damage
from beats.recordings.selection import Selection
from beats.recordings.walltime import ClockJump
from beats.recordings.writing import Compression, RecordingFile

RECOVERED: Final = "beats.recovered"
"""Metadata of a recovered file: its source, and what was lost."""
CUT: Final = "beats.cut"
"""Metadata of a cut: its sources, and the range."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOST_STRETCHES: Final = 1000
"""How many damaged stretches are listed."""
_ALL_BYTES: Final = 2**63
_OF_PARTS: Final = frozenset({"recording", "part", FILE, LOG_OFFSET})
"""The recorder's metadata that do not apply to a range of its files."""
_ROUNDING_NS: Final = 1000
"""Tolerance for places on the timeline, which are floats."""


class Recovered(NamedTuple):
    """The result of a recovery."""

    messages: int
    """Without repeated state."""
    unreadable_bytes: int
    """Unreadable bytes, without those that only belong to the index."""
    damages: list[Damage]
    """The first damaged stretches."""
    missing: Mapping[str, int]
    """How many sequence numbers of each topic are missing where something could not be read."""
    foreign: int
    """Messages that are not envelopes, and were left out."""


class Extract(NamedTuple):
    """The result of a cut."""

    messages: int
    """Messages of the range, without those of the state at its beginning."""
    carried: int
    """Messages of the state at its beginning."""
    damages: list[tuple[Path, Damage]]
    """The first stretches that could not be read."""


class CutTimes:
    """The log times of a cut: they begin at what the wall clock showed, and continue as the timeline does.

    For a single file in which the clock was not set, they are those of the file.
    """

    def __init__(self, pieces: Sequence[Piece], start_s: float) -> None:
        first = pieces[0]
        begin_ns = max(first.times.first_ns, first.logged_ns(start_s))
        self.begin_ns: Final = first.wall.unix_ns(begin_ns)
        """The first log time."""
        self._pieces: Final = pieces
        self._ahead_ns: Final = self.begin_ns - begin_ns
        self._begins_ns: Final = round(first.begins_s * 1e9) - first.times.first_ns

    def by_ns(self, piece: Piece) -> int:
        """How far the log times of the cut are ahead of those of a file."""
        return self._ahead_ns + round(piece.begins_s * 1e9) - piece.times.first_ns - self._begins_ns

    def jumps(self) -> Iterator[ClockJump]:
        """The jumps of wall time after the beginning: within files, and between them."""
        before: Piece | None = None
        for piece in self._pieces:
            by_ns = self.by_ns(piece)
            if before is not None:
                at_ns = piece.times.first_ns + by_ns
                expected_ns = before.wall.unix_ns(at_ns - self.by_ns(before))
                shown_ns = piece.wall.unix_ns(piece.times.first_ns)
                jump = ClockJump(at_ns, expected_ns, shown_ns, not piece.continues)
                if jump.is_joint or abs(jump.by_ns) > _ROUNDING_NS:
                    yield jump
            for jump in piece.wall.within(piece.times):
                if jump.log_ns + by_ns > self.begin_ns:
                    yield jump.moved(by_ns)
            before = piece


def is_sound(path: Path, progress: Callable[[int], object]) -> bool:
    """Whether all of a file can be read and it has its index, so that there is nothing to recover.

    Args:
        path: the file.
        progress: called with the bytes read so far.

    Raises:
        InputError: it cannot be read at all.
    """
    with Recording(path) as recording:
        if not recording.is_whole:
            return False
        for item in recording.items():
            if isinstance(item, Damage):
                return False
            progress(recording.position)
        return True


def recover(source: Path, target: Path, progress: Callable[[int], object]) -> Recovered:
    """Write everything that is whole in a file into a new one.

    Args:
        source: the damaged file.
        target: the new file.
        progress: called with the bytes read so far.

    Raises:
        InputError: nothing in it can be read; no file is created.
        OSError: the new file cannot be written; it is removed again.
    """
    with Recording(source) as recording:
        about = recording.about()
        own = {key: value for key, value in about.items() if key != FILE} | {DERIVED: "recovered"}
        with _new_file(target, own, recording) as file:
            found = _copy(recording, about, file, progress)
            if not (file.messages or recording.is_whole):
                raise InputError(f"nothing in {source} can be read: it has no intact message")
            file.add_metadata(RECOVERED, _recovered_metadata(source, found))
    return found


def cut(selection: Selection, target: Path, progress: Callable[[float], object]) -> Extract:
    """Write a selection into a new file, which begins with the state at its beginning.

    Args:
        selection: the range and the topics.
        target: the new file.
        progress: called with the place on the timeline, in seconds.

    Raises:
        InputError: nothing is selected; no file is created.
        OSError: the new file cannot be written; it is removed again.
    """
    start_s, end_s = selection.filter.start_s, selection.filter.end_s
    wanted = [piece for piece in selection.pieces if piece.ends_s >= start_s and piece.begins_s < end_s]
    if not wanted:
        raise InputError(f"nothing to cut out: the recording ends at {selection.duration_s:.3f} s")
    times = CutTimes(wanted, start_s)
    state = selection.state_before(start_s, _ALL_BYTES)
    damages: list[tuple[Path, Damage]] = []

    def damaged(path: Path, damage: Damage) -> None:
        if len(damages) < _MOST_STRETCHES:
            damages.append((path, damage))

    with _first_readable(wanted) as recording:
        about = recording.about()
        # Not a part of that recording: readers skip the repeated state of a part if they have the one before.
        own = {key: value for key, value in about.items() if key not in _OF_PARTS} | {DERIVED: "cut"}
        with _new_file(target, own, recording) as file:
            _copy_notes(selection, wanted, times, file)
            for jump in times.jumps():
                file.add_jump(jump)
            file.add_metadata(CUT, _cut_metadata(selection, wanted, about))
            for message in state:
                # Dated at the beginning: with its own time, the range would become hours longer.
                file.append(message._replace(log_unix_ns=times.begin_ns, carried=True))
            carried = len(state)
            for batch in selection.batches(start_s, damaged):
                for piece, position_s, message, is_repeated in batch:
                    if is_repeated:
                        continue
                    file.append(message._replace(log_unix_ns=message.log_unix_ns + times.by_ns(piece)))
                    carried += message.carried
                    progress(position_s)
            if not file.messages:
                raise InputError("nothing to cut out: no message is in that range and of those topics")
            messages = file.messages
    return Extract(messages, carried, damages)


def _first_readable(pieces: list[Piece]) -> Recording:
    """Open the first file that still exists.

    Raises:
        InputError: none does.
    """
    for piece in pieces[:-1]:
        with suppress(InputError):
            return piece.open()
    return pieces[-1].open()


@contextmanager
def _new_file(path: Path, about: Mapping[str, str], like: Recording) -> Generator[RecordingFile]:
    """A new file, closed at the end of the block; removed when the block fails."""
    compression = cast("Compression", like.compression() or "none")
    # A signal between the creation of the file and `try` would leave it behind.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        file = RecordingFile(path, about, compression)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield file
            file.close(sync=True)
        except BaseException:
            file.discard()
            raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _copy(
    recording: Recording, about: Mapping[str, str], file: RecordingFile, progress: Callable[[int], object]
) -> Recovered:
    gaps = GapCounter()
    damages: list[Damage] = []
    unreadable_bytes = 0
    for item in recording.items():
        progress(recording.position)
        if isinstance(item, Damage):
            gaps.add_damage()
            if len(damages) < _MOST_STRETCHES:
                damages.append(item)
            unreadable_bytes += 0 if item.is_index else item.size_bytes
        elif isinstance(item, Note):
            if item != (RECORDING, about):  # the new file begins with it
                file.flush()  # so that it stays behind the messages that it followed
                file.add_metadata(item.name, item.content)
        else:
            for message in item:
                gaps.add(message.topic, message.sequence, carried=message.carried)
                file.append(message)
    missing = dict(gaps.missing_by_damage)
    return Recovered(file.messages, unreadable_bytes, damages, missing, recording.foreign)


def _recovered_metadata(source: Path, found: Recovered) -> dict[str, str]:
    stretches = [
        {"offset_bytes": each.offset, "size_bytes": each.size_bytes, "why": each.why}
        for each in found.damages
    ]
    return {
        "from": source.name,
        "unreadable_bytes": str(found.unreadable_bytes),
        "stretches": json.dumps(stretches),
        "missing_envelopes": str(sum(found.missing.values())),
        "missing_by_topic": json.dumps(found.missing, ensure_ascii=False),
        "foreign_messages": str(found.foreign),
    }


def _cut_metadata(selection: Selection, wanted: list[Piece], about: Mapping[str, str]) -> dict[str, str]:
    start_s, end_s, _, topics = selection.filter
    end_s = end_s if isfinite(end_s) else wanted[-1].ends_s
    return {
        "from": json.dumps([piece.path.name for piece in wanted], ensure_ascii=False),
        "recording": about.get("recording", ""),
        "start_s": f"{start_s:.9f}",
        "end_s": f"{end_s:.9f}",
        "start": iso(_unix_ns(wanted[0], max(start_s, wanted[0].begins_s))),
        "end": iso(_unix_ns(wanted[-1], min(end_s, wanted[-1].ends_s))),
        "topics": json.dumps(topics, ensure_ascii=False),
    }


def _unix_ns(piece: Piece, position_s: float) -> int:
    return piece.wall.unix_ns(piece.logged_ns(position_s))


def _copy_notes(selection: Selection, wanted: list[Piece], times: CutTimes, file: RecordingFile) -> None:
    """Copy the metadata, without totals and losses, which belong to another range."""
    start_s, end_s = selection.filter.start_s, selection.filter.end_s
    for piece in wanted:
        try:
            recording = piece.open()
        except InputError:
            continue  # reported when its messages are read
        with recording:
            for note in recording.notes():
                if note.name in (RECORDING, TOTALS, CLOCK):
                    continue
                if note.name == LOSS and (loss := read_loss(note.content)) is not None:
                    last_s = piece.position_s(loss.last_unix_ns)
                    if last_s >= start_s and piece.position_s(loss.first_unix_ns) < end_s:
                        for record in loss_records(loss.topics.values(), times.by_ns(piece)):
                            file.add_metadata(LOSS, record)
                    continue
                file.add_metadata(note.name, note.content)
