"""Reads one recording, whole, cut, damaged or still being written; never needs a repair first."""

from bisect import bisect_left
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import IO, Final, NamedTuple, Self

from mcap.opcode import Opcode

from beats.adapters.recordings.content import (
    ChunkPlace,
    Contents,
    Message,
    Summary,
    metadata_of,
    read_summary,
)
from beats.adapters.recordings.format import RECORDING
from beats.adapters.recordings.scan import (
    Damage,
    Place,
    Times,
    chunk_records,
    chunk_times,
    content,
    place_at,
    walk,
)
from beats.kernel.errors import InputError

_MOST_METADATA_BYTES: Final = 64 * 1024 * 1024
"""A longer one is passed over: ours hold settings and losses, a few kilobytes."""


class Note(NamedTuple):
    """A metadata record."""

    name: str
    content: Mapping[str, str]


Batch = list[Message]


class Recording:
    """An open recording; synchronous, for one thread at a time.

    Memory holds one chunk at a time, and the index: some hundred bytes for each chunk.
    """

    def __init__(self, path: Path) -> None:
        """Open the file and read its head, and the index at its end if it has one.

        Raises:
            InputError: it cannot be read, or is no recording at all.
        """
        self.path: Final = path
        try:
            self._file: IO[bytes] = path.open("rb")
            self.size: Final = self._file.seek(0, 2)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
        self._contents: Final = Contents()
        self._chunks: list[ChunkPlace] | None = None
        try:
            self._learn_head()
            self._summary: Final[Summary | None] = read_summary(self._file, self.size, self._contents)
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
        """Messages that are no envelopes, as far as it was read."""
        return self._contents.foreign

    @property
    def is_whole(self) -> bool:
        """Whether it has its index, and so was closed in order."""
        return self._summary is not None

    def about(self) -> Mapping[str, str]:
        """What the recorder said of the recording, as far as it can be read."""
        for found in walk(self._file, self.size):
            if isinstance(found, Damage) or found.opcode == Opcode.CHUNK:
                break
            note = self._note(found) if found.opcode == Opcode.METADATA else None
            if note is not None and note.name == RECORDING:
                return note.content
        return {}

    def times(self) -> Times | None:
        """When its first and its last message came onto the bus; None when there are none."""
        chunks = self.chunks()
        if chunks:
            return Times(min(c.times.first_ns for c in chunks), max(c.times.last_ns for c in chunks))
        messages = [m.log_unix_ns for item in self.items() if isinstance(item, list) for m in item]
        return Times(min(messages), max(messages)) if messages else None

    def chunks(self) -> list[ChunkPlace]:
        """All chunks in the order of the file; from the index, or by going through the file's records."""
        if self._chunks is None:
            self._chunks = self._summary.chunks if self._summary is not None else self._walked()
        return self._chunks

    def items(self, start_ns: int | None = None) -> Generator[Batch | Note | Damage]:
        """What the file holds, in its order: batches of messages, notes, and what cannot be read.

        Args:
            start_ns: pass over the chunks all of whose messages came onto the bus before this time. What is
                left at the beginning of the first batch may be older.
        """
        offset = 0 if start_ns is None else self._offset_of(start_ns)
        if offset is None:
            return
        for found in walk(self._file, self.size, offset):
            if isinstance(found, Damage):
                yield found
            elif found.opcode == Opcode.CHUNK:
                yield from self._batch(found)
            elif found.opcode == Opcode.MESSAGE:
                yield from self._loose(found)
            elif found.opcode == Opcode.METADATA:
                if (note := self._note(found)) is not None:
                    yield note
            elif found.opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
                self._contents.learn(found.opcode, content(self._file, found))
            elif found.opcode == Opcode.DATA_END and self._summary is not None:
                return  # the index has been read, and was right

    def state_before(self, unix_ns: int, most_bytes: int) -> Batch:
        """The latest message of each topic from before a time, as far as it is found in so many bytes."""
        state: dict[str, Message] = {}
        chunks = self.chunks()
        index = bisect_left([chunk.times.first_ns for chunk in chunks], unix_ns)
        for chunk in reversed(chunks[:index]):
            place = place_at(self._file, self.size, chunk.offset)
            if place is None or place.opcode != Opcode.CHUNK or most_bytes < 0:
                break
            most_bytes -= place.length
            newest = {
                message.topic: message
                for item in self._batch(place)
                if isinstance(item, list)
                for message in item
                if message.log_unix_ns < unix_ns
            }
            state = newest | state
        return sorted(state.values(), key=lambda message: message.log_unix_ns)

    def _batch(self, place: Place) -> Iterator[Batch | Damage]:
        records = chunk_records(self._file, place, must_have_checksum=self._contents.is_ours)
        if isinstance(records, str):
            yield Damage(place.offset, place.after - place.offset, f"a chunk: {records}")
            return
        try:
            yield list(self._contents.messages(records))
        except ValueError as error:
            yield Damage(place.offset, place.after - place.offset, f"a chunk: {error}")

    def _loose(self, place: Place) -> Iterator[Batch | Damage]:
        """A message outside of chunks. Ours never are, and nothing vouches for their bytes."""
        if self._contents.is_ours:
            yield Damage(place.offset, place.after - place.offset, "a message without a checksum")
            return
        data = bytes([place.opcode]) + place.length.to_bytes(8, "little") + content(self._file, place)
        yield list(self._contents.messages(data))

    def _note(self, place: Place) -> Note | None:
        if place.length > _MOST_METADATA_BYTES:
            return None
        found = metadata_of(content(self._file, place))
        return None if found is None else Note(*found)

    def _learn_head(self) -> None:
        """The header is the first record; without one the file is taken for ours, which is the stricter."""
        first = next(walk(self._file, self.size), None)
        if isinstance(first, Place) and first.opcode == Opcode.HEADER:
            self._contents.learn(first.opcode, content(self._file, first))
        elif isinstance(first, Damage) and next(self._readable(), None) is None:
            raise InputError(f"{self.path} is no recording: {first.why}")

    def _readable(self) -> Iterator[Place]:
        for found in walk(self._file, self.size):
            if isinstance(found, Place):
                yield found

    def _walked(self) -> list[ChunkPlace]:
        return [
            ChunkPlace(found.offset, chunk_times(found))
            for found in self._readable()
            if found.opcode == Opcode.CHUNK
        ]

    def _offset_of(self, start_ns: int) -> int | None:
        """Where to begin; None when nothing is so late."""
        chunks = self.chunks()
        if not chunks or not (self._contents.is_ours or self.is_whole):
            return 0  # what its channels hold is told only on the way
        return next((chunk.offset for chunk in chunks if chunk.times.last_ns >= start_ns), None)
