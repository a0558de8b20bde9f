"""Recordings made of recordings: what is whole of a damaged one, and a range of one."""

import json
import signal
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from math import isfinite
from pathlib import Path
from typing import Final, NamedTuple, cast

from beats.kernel.errors import InputError
from beats.recordings.content import Message
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
from beats.recordings.gaps import Gaps
from beats.recordings.reading import Note, Recording
from beats.recordings.retiming import CutTimes
from beats.recordings.scan import Damage
from beats.recordings.selection import Selection
from beats.recordings.writing import Compression, Line, RecordingFile

RECOVERED: Final = "beats.recovered"
"""Metadata of a file that was recovered: from which, and what was lost."""
CUT: Final = "beats.cut"
"""Metadata of a file that is a range: of what, and from when to when."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOST_STRETCHES: Final = 1000
"""How many damaged stretches are listed one by one."""
_ALL_BYTES: Final = 2**63
_OF_PARTS: Final = frozenset({"recording", "part", FILE, LOG_OFFSET})
"""What a recorder says of a part that is not so of a range of it."""


class Recovered(NamedTuple):
    """What was found in a damaged file, and what was not."""

    messages: int
    """Repeated state left out."""
    unreadable_bytes: int
    """Without what only belonged to the index."""
    damages: list[Damage]
    """The first of them."""
    missing: Mapping[str, int]
    """How many numbers of each topic are missing where something could not be read."""
    foreign: int
    """Messages that are no envelopes, and were left out."""


class Extract(NamedTuple):
    """What a range holds."""

    messages: int
    """The state at its beginning left out."""
    carried: int
    """Messages of the state at its beginning."""
    damages: list[tuple[Path, Damage]]
    """The first stretches that could not be read."""


def is_sound(path: Path, progress: Callable[[int], object]) -> bool:
    """Whether all of a file can be read and it has its index, so that there is nothing to recover.

    Args:
        path: the file.
        progress: told how far it has come, in bytes.

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
        source: the file that is damaged.
        target: the new file.
        progress: told how far it has come, in bytes.

    Raises:
        InputError: nothing in it can be read; there is no new file then.
        OSError: the new file cannot be written; what was written is taken away again.
    """
    with Recording(source) as recording:
        about = recording.about()
        own = {key: value for key, value in about.items() if key != FILE} | {DERIVED: "recovered"}
        with _made(target, own, recording) as file:
            found = _copied(recording, about, file, progress)
            if not (file.messages or recording.is_whole):
                raise InputError(f"nothing in {source} can be read: no message in it is whole")
            file.add_metadata(RECOVERED, _lost(source, found))
    return found


def cut(selection: Selection, target: Path, progress: Callable[[float], object]) -> Extract:
    """Write what is selected into a new file, which begins with the state at its beginning.

    Args:
        selection: the range and the topics.
        target: the new file.
        progress: told the place on the timeline, in seconds.

    Raises:
        InputError: nothing is selected; there is no new file then.
        OSError: the new file cannot be written; what was written is taken away again.
    """
    start_s = selection.choice.start_s
    wanted = [
        piece
        for piece in selection.pieces
        if piece.ends_s >= start_s and piece.begins_s < selection.choice.end_s
    ]
    if not wanted:
        raise InputError(f"nothing to cut out: the recording ends at {selection.duration_s:.3f} s")
    times = CutTimes(wanted, start_s)
    state = selection.state_before(start_s, _ALL_BYTES)
    with _first_readable(wanted) as recording:
        about = recording.about()
        # It is no part of that recording: a part's state is taken for known by whoever has the one before.
        own = {key: value for key, value in about.items() if key not in _OF_PARTS} | {DERIVED: "cut"}
        with _made(target, own, recording) as file:
            damages: list[tuple[Path, Damage]] = []
            _keep_notes(selection, wanted, times, file)
            for jump in times.jumps():
                file.add_jump(jump)
            file.add_metadata(CUT, _range(selection, wanted, about))
            for message in state:
                # As of the beginning: by its own time, it would make the range hours longer.
                file.append(_line(message)._replace(log_unix_ns=times.begin_ns), carried=True)
            carried = len(state)

            def damaged(path: Path, damage: Damage) -> None:
                if len(damages) < _MOST_STRETCHES:
                    damages.append((path, damage))

            for batch in selection.batches(start_s, damaged):
                for piece, position_s, message, is_repeated in batch:
                    if is_repeated:
                        continue
                    log_ns = times.log_ns(piece, message.log_unix_ns)
                    file.append(_line(message)._replace(log_unix_ns=log_ns), carried=message.carried)
                    carried += message.carried
                    progress(position_s)
            if not file.messages:
                raise InputError("nothing to cut out: no message is in that range and of those topics")
            messages = file.messages
    return Extract(messages, carried, damages)


def _first_readable(pieces: list[Piece]) -> Recording:
    """The first file that is still there.

    Raises:
        InputError: none is.
    """
    for piece in pieces[:-1]:
        with suppress(InputError):
            return piece.open()
    return pieces[-1].open()


@contextmanager
def _made(path: Path, about: Mapping[str, str], like: Recording) -> Generator[RecordingFile]:
    """A new file, closed at the end of the block; when the block fails, there is none."""
    compression = cast("Compression", like.compression() or "none")
    # A signal between the making of the file and `try` would leave it behind.
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


def _copied(
    recording: Recording, about: Mapping[str, str], file: RecordingFile, progress: Callable[[int], object]
) -> Recovered:
    gaps = Gaps()
    damages: list[Damage] = []
    unreadable_bytes = 0
    for item in recording.items():
        progress(recording.position)
        if isinstance(item, Damage):
            gaps.damaged()
            if len(damages) < _MOST_STRETCHES:
                damages.append(item)
            unreadable_bytes += 0 if item.is_index else item.size_bytes
        elif isinstance(item, Note):
            if item != (RECORDING, about):  # the new file has begun with it
                file.flush()  # so that it stays behind the messages that it followed
                file.add_metadata(item.name, item.content)
        else:
            for message in item:
                gaps.see(message)
                file.append(_line(message), carried=message.carried)
    return Recovered(file.messages, unreadable_bytes, damages, dict(gaps.by_damage), recording.foreign)


def _line(message: Message) -> Line:
    topic, sequence, log_ns, captured_ns, encoded, _ = message
    return Line(topic, sequence, log_ns, captured_ns, encoded)


def _lost(source: Path, found: Recovered) -> dict[str, str]:
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


def _range(selection: Selection, wanted: list[Piece], about: Mapping[str, str]) -> dict[str, str]:
    choice = selection.choice
    end_s = choice.end_s if isfinite(choice.end_s) else wanted[-1].ends_s
    return {
        "from": json.dumps([piece.path.name for piece in wanted], ensure_ascii=False),
        "recording": about.get("recording", ""),
        "start_s": f"{choice.start_s:.9f}",
        "end_s": f"{end_s:.9f}",
        "start": iso(_unix_ns(wanted[0], max(choice.start_s, wanted[0].begins_s))),
        "end": iso(_unix_ns(wanted[-1], min(end_s, wanted[-1].ends_s))),
        "topics": json.dumps(choice.topics, ensure_ascii=False),
    }


def _unix_ns(piece: Piece, position_s: float) -> int:
    return piece.wall.unix_ns(piece.logged_ns(position_s))


def _keep_notes(selection: Selection, wanted: list[Piece], times: CutTimes, file: RecordingFile) -> None:
    """What was noted besides the messages, without what is of another range: totals, and other losses."""
    choice = selection.choice
    for piece in wanted:
        try:
            recording = piece.open()
        except InputError:
            continue  # said when its messages are to be read
        with recording:
            for note in recording.notes():
                if note.name in (RECORDING, TOTALS, CLOCK):
                    continue
                if note.name == LOSS and (loss := read_loss(note.content)) is not None:
                    first_s, last_s = (
                        piece.position_s(loss.first_unix_ns),
                        piece.position_s(loss.last_unix_ns),
                    )
                    if last_s < choice.start_s or first_s >= choice.end_s:
                        continue
                    for record in loss_records(loss.topics.values(), times.by_ns(piece)):
                        file.add_metadata(LOSS, record)
                    continue
                file.add_metadata(note.name, note.content)
