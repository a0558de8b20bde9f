"""Where the chunks of a file are, and of what time: from its end, or by going through it."""

import zlib
from typing import IO, Final, NamedTuple

from mcap.opcode import Opcode
from mcap.records import ChunkIndex, Footer, MetadataIndex, Statistics
from mcap.writer import MCAP0_MAGIC

from beats.recordings.content import Contents, parsed
from beats.recordings.scan import (
    HEAD_BYTES,
    MAGIC_BYTES,
    Place,
    Times,
    chunk_records,
    chunk_times,
    content,
    place_at,
    walk,
)

_FOOTER_BYTES: Final = HEAD_BYTES + 20 + MAGIC_BYTES


class ChunkPlace(NamedTuple):
    """A chunk, as an index knows it."""

    offset: int
    times: Times


class NotePlace(NamedTuple):
    """A metadata record, as an index knows it."""

    offset: int
    name: str


class Summary(NamedTuple):
    """What the end of a whole file says of the rest."""

    start: int
    """Where it begins, in bytes from the beginning of the file."""
    statistics: Statistics | None
    chunks: list[ChunkPlace]
    notes: list[NotePlace]

    @property
    def has_all_notes(self) -> bool:
        """Whether all metadata records are in it, as far as can be known."""
        return self.statistics is not None and self.statistics.metadata_count == len(self.notes)


def read_summary(file: IO[bytes], size: int, contents: Contents) -> Summary | None:
    """The index at the end of a file; None when there is none, or it is damaged."""
    place = place_at(file, size, size - _FOOTER_BYTES) if size > _FOOTER_BYTES else None
    if place is None or place.opcode != Opcode.FOOTER:
        return None
    footer = parsed(Footer.read, content(file, place))
    if file.read(MAGIC_BYTES) != MCAP0_MAGIC or footer is None or not 0 < footer.summary_start < place.offset:
        return None
    if footer.summary_crc and footer.summary_crc != _checksum(file, footer.summary_start, place.offset):
        return None
    statistics: Statistics | None = None
    chunks: list[ChunkPlace] = []
    notes: list[NotePlace] = []
    for found in walk(file, place.offset, footer.summary_start):
        if not isinstance(found, Place):
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
    """Whether what follows the messages, from `offset` on, is the end of a file that never had an index."""
    footer: Place | None = None
    for found in walk(file, size, offset):
        if not isinstance(found, Place):
            return False
        footer = found
    return footer is not None and content(file, footer)[:8] == bytes(8)


def walked_chunks(file: IO[bytes], size: int, contents: Contents) -> list[ChunkPlace]:
    """The chunks as they are found on a way through the file, without reading all of them.

    Nothing vouches for the times in a chunk's head. So of ours, those that do not rise from chunk to chunk,
    and those at both ends, which say how long the recording is, are compared with the messages; a chunk that
    cannot be read is left out then. Other programs' chunks may need others to be understood.
    """
    places = [
        found
        for found in walk(file, size, private=not contents.is_ours)
        if isinstance(found, Place) and found.opcode == Opcode.CHUNK
    ]
    times = [chunk_times(place) for place in places]
    chunks: list[ChunkPlace] = []
    for index, place in enumerate(places):
        believed: Times | None = times[index]
        if contents.is_ours and not _rises(times, index):
            believed = _message_times(file, place, contents)
        if believed is not None:
            chunks.append(ChunkPlace(place.offset, believed))
    return chunks


def _rises(times: list[Times], index: int) -> bool:
    """Whether a chunk's times lie between those of its neighbours, of which it must have two."""
    if not 0 < index < len(times) - 1:
        return False
    return (
        times[index - 1].last_ns <= times[index].first_ns
        and times[index].last_ns <= times[index + 1].first_ns
    )


def _message_times(file: IO[bytes], place: Place, contents: Contents) -> Times | None:
    records = chunk_records(file, place, must_have_checksum=contents.is_ours)
    if isinstance(records, str):
        return None
    try:
        times = [message.log_unix_ns for message in contents.messages(records)]
    except ValueError:
        return None
    return Times(min(times), max(times)) if times else None


def _checksum(file: IO[bytes], start: int, footer: int) -> int:
    """Of the summary, and of the footer up to the checksum itself."""
    file.seek(start)
    checksum, left = 0, footer + HEAD_BYTES + 16 - start
    while left > 0 and (data := file.read(min(left, 1 << 20))):
        checksum = zlib.crc32(data, checksum)
        left -= len(data)
    return checksum
