"""Reads one recording, whole, cut, damaged or still being written, without repairing it first."""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import IO, Final, Self, TypeGuard

from mcap.opcode import Opcode

from beats.config.layers.files import open_regular
from beats.kernel.errors import InputError
from beats.recordings.content import MOST_NOTE_BYTES, Batch, Contents, Note, chunk_batch, loose_batch, note_of
from beats.recordings.foreign import NotShown
from beats.recordings.format import CLOCK, RECORDING, RecordedMessage
from beats.recordings.index import ChunkPlace, Summary, has_no_summary, read_summary, walked_chunks
from beats.recordings.scan import Damage, Record, Times, chunk_compression, content, record_at, walk
from beats.recordings.walltime import WallTime, read_jump


class Recording:
    """An open recording; synchronous, for one thread at a time.

    Memory holds one chunk at a time, and the index: some hundred bytes for each chunk.
    """

    def __init__(self, path: Path) -> None:
        """Open the file and read its head, and the index at its end if it has one.

        Raises:
            InputError: it cannot be read, or is not a recording.
        """
        self.path: Final = path
        try:
            # `open_regular` refuses a FIFO, on which opening would wait. `close` closes the file.
            self._file: IO[bytes] = open(path, "rb", opener=open_regular)  # noqa: SIM115
            self.size: Final = self._file.seek(0, 2)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
        self.position = 0
        """How far `items` has read, in bytes from the beginning of the file."""
        self._contents: Final = Contents()
        self._chunks: list[ChunkPlace] | None = None
        try:
            self._learn_head()
            self._summary: Final[Summary | None] = read_summary(self._file, self.size, self._contents)
        except OSError as error:
            self._file.close()
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def foreign(self) -> int:
        """Messages read so far that are neither envelopes nor pictures or updates of other programs."""
        return self._contents.foreign

    @property
    def not_shown(self) -> Counter[NotShown]:
        """What was read so far of other programs' messages that are not shown, by channel and reason."""
        return self._contents.others.not_shown

    @property
    def is_ours(self) -> bool:
        """Whether Beats wrote the file; False for another program's copy of a recording."""
        return self._contents.is_ours

    @property
    def is_whole(self) -> bool:
        """Whether the file has its index, and so was closed properly."""
        return self._summary is not None

    def about(self) -> Mapping[str, str]:
        """The recorder's metadata about the recording; empty when it cannot be read."""
        for found in self._records():
            if isinstance(found, Damage):
                continue
            if found.opcode in (Opcode.CHUNK, Opcode.MESSAGE):
                break
            note = note_of(self._file, found) if found.opcode == Opcode.METADATA else None
            if note is not None and note.name == RECORDING:
                return note.content
        return {}

    def notes(self) -> Iterator[Note]:
        """All readable metadata records; skips the messages."""
        for found in self._records():
            if _is(found, Opcode.METADATA) and (note := note_of(self._file, found)) is not None:
                yield note

    def wall_time(self) -> WallTime:
        """What the wall clock showed at the log times."""
        jumps = (read_jump(note.content) for note in self._notes_named(CLOCK))
        return WallTime(jump for jump in jumps if jump is not None)

    def times(self) -> Times | None:
        """When its first and its last message came onto the bus; None when there are none."""
        # A chunk without messages says 0 (https://mcap.dev/spec, "Chunk").
        times = [chunk.times for chunk in self.chunks() if chunk.times != (0, 0)]
        if not times:
            batches = (item for item in self.items() if isinstance(item, list) and item)
            spans = ([message.log_unix_ns for message in batch] for batch in batches)
            times = [Times(min(span), max(span)) for span in spans]
        return Times(min(first for first, _ in times), max(last for _, last in times)) if times else None

    def _notes_named(self, name: str) -> Iterator[Note]:
        """The metadata records of a name; by the index if it lists all of them."""
        if self._summary is None or not self._summary.has_all_notes:
            yield from (note for note in self.notes() if note.name == name)
            return
        for known in self._summary.notes:
            record = record_at(self._file, self.size, known.offset) if known.name == name else None
            if record is not None and record.opcode == Opcode.METADATA:
                note = note_of(self._file, record)
                if note is not None and note.name == name:
                    yield note

    def compression(self) -> str:
        """The compression of the first chunk: `lz4`, `zstd`, or empty."""
        for found in self._records():
            if _is(found, Opcode.CHUNK):
                return chunk_compression(found)
        return ""

    def chunks(self) -> list[ChunkPlace]:
        """All chunks in the order of the file, from the index or by walking through the file."""
        if self._chunks is None:
            if self._summary is not None:
                self._chunks = self._summary.chunks
            else:
                self._chunks = walked_chunks(self._file, self.size, self._contents)
        return self._chunks

    def items(
        self, start_ns: int | None = None, end_ns: int | None = None
    ) -> Generator[Batch | Note | Damage]:
        """The content of the file in its order: batches of messages, notes, and damage.

        Args:
            start_ns: skip the chunks all of whose messages came onto the bus before this time. The first
                batch may begin with older messages.
            end_ns: stop after the last chunk with a message from before this time.
        """
        last = None if end_ns is None else self._last_before(end_ns)
        offset = 0 if start_ns is None else self._offset_of(start_ns)
        if offset is None:
            return
        for found in self._records(offset):
            self.position = found.offset
            if last is not None and found.offset > last and _is(found, Opcode.CHUNK):
                return
            if isinstance(found, Damage):
                yield found
            elif found.opcode == Opcode.CHUNK:
                yield from chunk_batch(self._file, found, self._contents)
            elif found.opcode == Opcode.MESSAGE:
                yield from loose_batch(self._file, found, self._contents)
            elif found.opcode == Opcode.METADATA:
                if (note := note_of(self._file, found)) is not None:
                    yield note
            elif found.opcode in (Opcode.SCHEMA, Opcode.CHANNEL) and self._may_learn(found):
                self._contents.learn(found.opcode, content(self._file, found))
            elif found.opcode == Opcode.DATA_END:
                yield from self._end(found.after)
                return

    def state_before(self, unix_ns: int, most_bytes: int) -> Batch:
        """The latest message of each topic before a time, searched in so many bytes.

        "Latest" means in the order of the file, which does not depend on the clock.
        """
        state: dict[str, RecordedMessage] = {}
        # These chunks need not be the first ones: a clock may have been set back.
        for chunk in reversed([chunk for chunk in self.chunks() if chunk.times.first_ns < unix_ns]):
            record = record_at(self._file, self.size, chunk.offset)
            if record is None or record.opcode != Opcode.CHUNK:
                continue
            if most_bytes < 0:
                break
            most_bytes -= record.length
            newest = {
                message.topic: message
                for item in chunk_batch(self._file, record, self._contents)
                if isinstance(item, list)
                for message in item
                if message.log_unix_ns < unix_ns
            }
            state = newest | state
        return sorted(state.values(), key=lambda message: message.log_unix_ns)

    def _records(self, offset: int = 0) -> Iterator[Record | Damage]:
        """The records up to the index, if it is whole, or up to the end."""
        private = not self._contents.is_ours
        if self._summary is None:
            return walk(self._file, self.size, offset, private=private)
        # Other programs may have written an index that lacks chunks.
        chunks = [chunk.offset for chunk in self._summary.chunks] if self._contents.is_ours else None
        return walk(self._file, self._summary.start, offset, private=private, chunks=chunks)

    def _may_learn(self, found: Record) -> bool:
        # Beats writes schemas and channels into chunks, under a checksum.
        return not self._contents.is_ours and found.length <= MOST_NOTE_BYTES

    def _end(self, offset: int) -> Iterator[Damage]:
        """The damage to the index, from `offset` on."""
        if self._summary is None and not has_no_summary(self._file, self.size, offset):
            cut = any(found.cut for found in walk(self._file, self.size, offset) if isinstance(found, Damage))
            why = "its index is incomplete" if cut else "its index is damaged"
            yield Damage(offset, self.size - offset, why, cut, is_index=True)

    def _learn_head(self) -> None:
        """Find out which program wrote it; a file without a header is treated as ours, which is stricter."""
        why = ""
        for found in walk(self._file, self.size):
            if isinstance(found, Damage):
                # A file that begins as MCAP is a recording, however early it ends.
                why = why or (found.why if found.offset == 0 and not found.cut else "")
                continue
            if found.opcode not in (Opcode.HEADER, Opcode.METADATA) or found.length > MOST_NOTE_BYTES:
                return
            self._contents.learn(found.opcode, content(self._file, found))
            why = ""
        if why:
            raise InputError(f"{self.path} is not a recording: {why}")

    def _last_before(self, end_ns: int) -> int | None:
        """The offset of the last chunk with a message before a time; None when it is unknown."""
        if not (self._contents.is_ours or self.is_whole):
            return None  # there may be messages outside of chunks
        return max((chunk.offset for chunk in self.chunks() if chunk.times.first_ns < end_ns), default=0)

    def _offset_of(self, start_ns: int) -> int | None:
        """Where to begin reading; None when all messages are earlier."""
        chunks = self.chunks()
        if not chunks or not (self._contents.is_ours or self.is_whole):
            return 0  # its channels must be read in order
        return next((chunk.offset for chunk in chunks if chunk.times.last_ns >= start_ns), None)


def _is(found: Record | Damage, opcode: Opcode) -> TypeGuard[Record]:
    return isinstance(found, Record) and found.opcode == opcode
