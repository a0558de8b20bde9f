"""Finds the records of an MCAP file, also when it is cut or damaged. Trusts nothing that it reads.

A record is one byte that says what it is, eight that say how long, and its content
(https://mcap.dev/spec, "Records"). So a wrong length loses everything behind it, unless a place is found
where records begin again: a chunk, which holds the messages, is recognised by lengths in it that must agree,
and believed when its checksum does.
"""

import re
import struct
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from mcap.opcode import Opcode
from mcap.records import Chunk
from mcap.stream_reader import get_chunk_data_stream
from mcap.writer import MCAP0_MAGIC

HEAD_BYTES: Final = 9
_PEEK_BYTES: Final = 256
_CHUNK_HEAD: Final = struct.Struct("<QQQII")
_MOST_CHUNK_BYTES: Final = 2**31
"""A chunk that says it is larger is damaged: no message may be so large."""
_WINDOW_BYTES: Final = 1 << 20
_COMPRESSIONS: Final = (b"", b"lz4", b"zstd")
_CHUNK_PATTERN: Final = re.compile(rb"(?=\x06.{36}(?:\0\0\0\0|\x03\0\0\0lz4|\x04\0\0\0zstd))", re.DOTALL)
"""What a chunk's record begins with: opcode, length, two times, a size, a checksum, the compression."""
_LEAST_BYTES: Final = {
    Opcode.HEADER: 8,
    Opcode.SCHEMA: 14,
    Opcode.CHANNEL: 16,
    Opcode.MESSAGE: 22,
    Opcode.CHUNK_INDEX: 68,
    Opcode.ATTACHMENT: 36,
    Opcode.ATTACHMENT_INDEX: 48,
    Opcode.STATISTICS: 46,
    Opcode.METADATA_INDEX: 20,
}
_EXACT_BYTES: Final = {Opcode.FOOTER: 20, Opcode.DATA_END: 4, Opcode.SUMMARY_OFFSET: 17}
_FIRST_PRIVATE: Final = 0x80


class Place(NamedTuple):
    """A record, and where it is."""

    opcode: int
    offset: int
    """Of its first byte in the file."""
    length: int
    """Of its content in bytes."""
    head: bytes
    """The beginning of its content."""

    @property
    def after(self) -> int:
        """Where the next record begins."""
        return self.offset + HEAD_BYTES + self.length


class Damage(NamedTuple):
    """A stretch of a file that cannot be read."""

    offset: int
    size_bytes: int
    why: str
    cut: bool = False
    """Whether it is the file's end that is missing, rather than something in the middle."""


class Times(NamedTuple):
    """When the messages of a chunk came onto the bus, in Unix nanoseconds."""

    first_ns: int
    last_ns: int


def walk(file: IO[bytes], size: int, offset: int = 0) -> Iterator[Place | Damage]:
    """The records of a file in its order, and what lies between them that is none.

    Args:
        file: can be sought in.
        size: how far to read.
        offset: where a record begins; 0 for the beginning of the file.
    """
    at = offset or len(MCAP0_MAGIC)
    if offset == 0 and _read(file, 0, len(MCAP0_MAGIC)) != MCAP0_MAGIC:
        yield Damage(0, min(size, at), "it does not begin as an MCAP file")
    search_from = at
    while at < size:
        place = place_at(file, size, at)
        if place is None:
            found = _find_chunk(file, size, search_from)
            if found is None:
                yield Damage(at, size - at, "its last record is not whole", cut=True)
                return
            yield Damage(at, max(0, found.offset - at), "something that is no record")
            place = found
        yield place
        at = place.after
        # The length of a chunk is confirmed by those in it; any other may be what is damaged.
        search_from = at if place.opcode == Opcode.CHUNK else place.offset + 1
        if place.opcode == Opcode.FOOTER:
            if _read(file, at, len(MCAP0_MAGIC)) != MCAP0_MAGIC:
                yield Damage(at, size - at, "it does not end as an MCAP file", cut=True)
            return
    yield Damage(size, 0, "it has no end: it is still being written, or its writer was killed", cut=True)


def place_at(file: IO[bytes], size: int, offset: int) -> Place | None:
    """The record at an offset; None when there is none, or not all of it."""
    peek = _read(file, offset, HEAD_BYTES + _PEEK_BYTES)
    if len(peek) < HEAD_BYTES:
        return None
    opcode, length = peek[0], int.from_bytes(peek[1:HEAD_BYTES], "little")
    head = peek[HEAD_BYTES:]
    if offset + HEAD_BYTES + length > size or not _is_plausible(opcode, length, head):
        return None
    return Place(opcode, offset, length, head)


def content(file: IO[bytes], place: Place) -> bytes:
    """The content of a record."""
    return _read(file, place.offset + HEAD_BYTES, place.length)


def chunk_times(place: Place) -> Times:
    """When a chunk's messages came onto the bus."""
    return Times(*_CHUNK_HEAD.unpack_from(place.head)[:2])


def chunk_records(file: IO[bytes], place: Place, *, must_have_checksum: bool) -> bytes | str:
    """The records in a chunk, one after the other; or, as text, why they cannot be had."""
    data = content(file, place)
    first_ns, last_ns, size, checksum, name_length = _CHUNK_HEAD.unpack_from(data)
    at = _CHUNK_HEAD.size
    name = data[at : at + name_length].decode("ascii", "replace")
    if must_have_checksum and checksum == 0:
        return "its checksum is missing"
    if size > _MOST_CHUNK_BYTES:
        return "its size is absurd"
    packed = data[at + name_length + 8 :]
    if not name and len(packed) != size:
        return "its sizes do not agree"
    chunk = Chunk(
        compression=name,
        data=packed,
        message_start_time=first_ns,
        message_end_time=last_ns,
        uncompressed_crc=checksum,
        uncompressed_size=size,
    )
    try:
        stream, length = get_chunk_data_stream(chunk, validate_crc=True)
    except Exception as error:  # whatever a compression library raises at bytes that it did not write
        return f"its content is damaged ({type(error).__name__})"
    return stream.read(length)


def _is_plausible(opcode: int, length: int, head: bytes) -> bool:
    if opcode == Opcode.CHUNK:
        return _is_chunk(length, head)
    if opcode == Opcode.MESSAGE_INDEX:
        return length >= 6 and length == 6 + int.from_bytes(head[2:6], "little")
    if opcode == Opcode.METADATA:
        name_length = int.from_bytes(head[:4], "little")
        pairs = head[4 + name_length : 8 + name_length]
        return name_length <= length - 8 and (
            len(pairs) < 4 or length == 8 + name_length + int.from_bytes(pairs, "little")
        )
    if opcode in _EXACT_BYTES:
        return length == _EXACT_BYTES[Opcode(opcode)]
    if opcode in _LEAST_BYTES:
        return length >= _LEAST_BYTES[Opcode(opcode)]
    return opcode >= _FIRST_PRIVATE


def _is_chunk(length: int, head: bytes) -> bool:
    if len(head) < _CHUNK_HEAD.size + 8:
        return False
    first_ns, last_ns, _, _, name_length = _CHUNK_HEAD.unpack_from(head)
    at = _CHUNK_HEAD.size
    name, inner = head[at : at + name_length], head[at + name_length : at + name_length + 8]
    return (
        name in _COMPRESSIONS
        and len(name) == name_length
        and first_ns <= last_ns
        and length == at + name_length + 8 + int.from_bytes(inner, "little")
    )


def _find_chunk(file: IO[bytes], size: int, start: int) -> Place | None:
    """The first whole chunk from `start` on whose checksum is right."""
    overlap = HEAD_BYTES + _PEEK_BYTES
    while start < size:
        window = _read(file, start, _WINDOW_BYTES + overlap)
        for match in _CHUNK_PATTERN.finditer(window):
            if match.start() >= _WINDOW_BYTES:
                break
            place = place_at(file, size, start + match.start())
            if place is not None and isinstance(chunk_records(file, place, must_have_checksum=True), bytes):
                return place
        start += _WINDOW_BYTES
    return None


def _read(file: IO[bytes], offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
