"""Where the chunks of a file are, and their times: from the index at its end, or by walking through it."""

import zlib
from typing import IO, Final, NamedTuple

from mcap.opcode import Opcode
from mcap.records import ChunkIndex, Footer, MetadataIndex, Statistics

from beats.recordings import MAGIC
from beats.recordings.content import Contents, parsed
from beats.recordings.scan import (
    HEAD_BYTES,
    MAGIC_BYTES,
    Record,
    Times,
    chunk_records,
    chunk_times,
    content,
    record_at,
    walk,
)

_FOOTER_BYTES: Final = HEAD_BYTES + 20 + MAGIC_BYTES


class ChunkPlace(NamedTuple):
    """The place and times of a chunk."""

    offset: int
    times: Times


class NotePlace(NamedTuple):
    """The place and name of a metadata record."""

    offset: int
    name: str


class Summary(NamedTuple):
    """The index at the end of a whole file."""

    start: int
    """The offset of the index in the file."""
    statistics: Statistics | None
    chunks: list[ChunkPlace]
    notes: list[NotePlace]

    @property
    def has_all_notes(self) -> bool:
        """Whether it lists all metadata records, by its own statistics."""
        return self.statistics is not None and self.statistics.metadata_count == len(self.notes)


def read_summary(file: IO[bytes], size: int, contents: Contents) -> Summary | None:
    """The index at the end of a file; None when it is missing or damaged."""
    end = record_at(file, size, size - _FOOTER_BYTES) if size > _FOOTER_BYTES else None
    if end is None or end.opcode != Opcode.FOOTER:
        return None
    footer = parsed(Footer.read, content(file, end))
    if file.read(MAGIC_BYTES) != MAGIC or footer is None or not 0 < footer.summary_start < end.offset:
        return None
    if footer.summary_crc and footer.summary_crc != _checksum(file, footer.summary_start, end.offset):
        return None
    statistics: Statistics | None = None
    chunks: list[ChunkPlace] = []
    notes: list[NotePlace] = []
    for found in walk(file, end.offset, footer.summary_start):
        if not isinstance(found, Record):
            continue
        data = content(file, found)
        if found.opcode == Opcode.STATISTICS:
            statistics = parsed(Statistics.read, data)
        elif found.opcode == Opcode.CHUNK_INDEX and (chunk := parsed(ChunkIndex.read, data)) is not None:
            times = Times(chunk.message_start_time, chunk.message_end_time)
            chunks.append(ChunkPlace(chunk.chunk_start_offset, times))
        elif found.opcode == Opcode.METADATA_INDEX and (note := parsed(MetadataIndex.read, data)) is not None:
            notes.append(NotePlace(note.offset, note.name))
        else:
            contents.learn(found.opcode, data)
    return Summary(footer.summary_start, statistics, chunks, notes)


def has_no_summary(file: IO[bytes], size: int, offset: int) -> bool:
    """Whether the records from `offset` on are the end of a file that was written without an index."""
    footer: Record | None = None
    for found in walk(file, size, offset):
        if not isinstance(found, Record):
            return False
        footer = found
    return footer is not None and content(file, footer)[:8] == bytes(8)


def walked_chunks(file: IO[bytes], size: int, contents: Contents) -> list[ChunkPlace]:
    """The chunks found by walking through the file, without reading all of them.

    No checksum covers the times in the head of a chunk. In files of Beats, times that do not rise from chunk
    to chunk, and those of the first and last chunk, which determine the length of the recording, are
    therefore taken from the messages, and a chunk that cannot be read is left out. The chunks of other
    programs may depend on one another.
    """
    records = [
        found
        for found in walk(file, size, private=not contents.is_ours)
        if isinstance(found, Record) and found.opcode == Opcode.CHUNK
    ]
    times = [chunk_times(record) for record in records]
    chunks: list[ChunkPlace] = []
    for index, record in enumerate(records):
        span: Times | None = times[index]
        if contents.is_ours and not _rises(times, index):
            span = _message_times(file, record, contents)
        if span is not None:
            chunks.append(ChunkPlace(record.offset, span))
    return chunks


def _rises(times: list[Times], index: int) -> bool:
    """Whether a chunk has two neighbours, and its times lie between theirs."""
    if not 0 < index < len(times) - 1:
        return False
    return (
        times[index - 1].last_ns <= times[index].first_ns
        and times[index].last_ns <= times[index + 1].first_ns
    )


def _message_times(file: IO[bytes], chunk: Record, contents: Contents) -> Times | None:
    records = chunk_records(file, chunk, must_have_checksum=contents.is_ours)
    if isinstance(records, str):
        return None
    try:
        times = [message.log_unix_ns for message in contents.messages(records)]
    except ValueError:
        return None
    return Times(min(times), max(times)) if times else None


def _checksum(file: IO[bytes], start: int, footer: int) -> int:
    """The checksum of the summary, and of the footer up to the checksum itself."""
    file.seek(start)
    checksum, left = 0, footer + HEAD_BYTES + 16 - start
    while left > 0 and (data := file.read(min(left, 1 << 20))):
        checksum = zlib.crc32(data, checksum)
        left -= len(data)
    return checksum
