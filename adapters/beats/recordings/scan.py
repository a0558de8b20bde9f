"""Finds the records of an MCAP file, also when it is cut or damaged. Trusts nothing that it reads.

A record is one byte that says what it is, eight that say how long, and its content
(https://mcap.dev/spec, "Records"). So a wrong length loses everything behind it, unless a place is found
where records begin again: a chunk, which holds the messages, is recognised by lengths in it that must agree,
and believed when its checksum does.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from typing import IO, Final, NamedTuple

from mcap.opcode import Opcode
from mcap.records import Chunk
from mcap.stream_reader import get_chunk_data_stream
from mcap.writer import MCAP0_MAGIC

from beats.recordings import unpacking
from beats.recordings.layout import fits

HEAD_BYTES: Final = 9
MAGIC_BYTES: Final = len(MCAP0_MAGIC)
_PEEK_BYTES: Final = 256
_CHUNK_HEAD: Final = struct.Struct("<QQQII")
_MOST_CHUNK_BYTES: Final = 2**31
"""A chunk that says it is larger is damaged: no message may be so large."""
_WINDOW_BYTES: Final = 1 << 20
_COMPRESSIONS: Final = (b"", b"lz4", b"zstd")
_CHUNK_PATTERN: Final = re.compile(rb"\x06.{36}(?:\0\0\0\0|\x03\0\0\0lz4|\x04\0\0\0zstd)", re.DOTALL)
"""What a chunk's record begins with: opcode, length, two times, a size, a checksum, the compression."""


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
    is_index: bool = False
    """Whether it is only the index behind the messages, and they are none the less for it."""


class Times(NamedTuple):
    """When the messages of a chunk came onto the bus, in Unix nanoseconds."""

    first_ns: int
    last_ns: int


def walk(
    file: IO[bytes],
    size: int,
    offset: int = 0,
    *,
    private: bool = True,
    chunks: Sequence[int] | None = None,
) -> Iterator[Place | Damage]:
    """The records of a file in its order, and what lies between them that is none.

    Args:
        file: can be sought in.
        size: how far to read.
        offset: where a record begins; 0 for the beginning of the file.
        private: whether there may be records of other programs' own, about which nothing is known.
        chunks: where all chunks are, if an index says it; then what looks like one elsewhere is none, such as
            one in a picture's bytes.
    """
    at = offset or MAGIC_BYTES
    if offset == 0 and (begin := _read(file, 0, MAGIC_BYTES)) != MCAP0_MAGIC:
        if begin == MCAP0_MAGIC[:size]:
            yield Damage(0, size, "it ends within its first bytes", cut=True)
            return
        yield Damage(0, min(size, at), "it does not begin as an MCAP file")
    doubt = at  # the length of a chunk is confirmed by those in it; any other may be what is damaged
    while at < size:
        place = place_at(file, size, at, private=private)
        if place is None:
            place = _find_chunk(file, size, doubt + 1, chunks)
            if place is None:
                yield _rest(file, size, at)
                return
            since = at if place.offset >= at else doubt
            yield Damage(since, place.offset - since, "something that is no record")
        yield place
        at = place.after
        doubt = at if place.opcode == Opcode.CHUNK else place.offset
        if place.opcode == Opcode.FOOTER:
            if _read(file, at, MAGIC_BYTES) != MCAP0_MAGIC:
                yield Damage(at, size - at, "it does not end as an MCAP file", cut=True)
            elif at + MAGIC_BYTES < size:
                yield Damage(at + MAGIC_BYTES, size - at - MAGIC_BYTES, "something after its end")
            return
    yield Damage(size, 0, "it has no end: it is still being written, or its writer was killed", cut=True)


def _rest(file: IO[bytes], size: int, at: int) -> Damage:
    """What to say when no record is found any more."""
    if _read(file, max(at, size - MAGIC_BYTES), MAGIC_BYTES) == MCAP0_MAGIC:
        return Damage(at, size - at, "something that is no record, up to the end")
    return Damage(at, size - at, "its last record is not whole", cut=True)


def place_at(file: IO[bytes], size: int, offset: int, *, private: bool = True) -> Place | None:
    """The record at an offset; None when there is none, or not all of it."""
    peek = _read(file, offset, HEAD_BYTES + _PEEK_BYTES)
    if len(peek) < HEAD_BYTES:
        return None
    opcode, length = peek[0], int.from_bytes(peek[1:HEAD_BYTES], "little")
    head = peek[HEAD_BYTES:]

    def read(at: int, count: int) -> bytes:
        if at + count <= len(head):
            return head[at : at + count]
        return _read(file, offset + HEAD_BYTES + at, count)

    if offset + HEAD_BYTES + length > size or not fits(opcode, length, read, private=private):
        return None
    if opcode == Opcode.CHUNK and not _is_chunk(head):
        return None
    return Place(opcode, offset, length, head)


def content(file: IO[bytes], place: Place) -> bytes:
    """The content of a record."""
    return _read(file, place.offset + HEAD_BYTES, place.length)


def chunk_times(place: Place) -> Times:
    """When a chunk's messages came onto the bus."""
    return Times(*_CHUNK_HEAD.unpack_from(place.head)[:2])


def chunk_compression(place: Place) -> str:
    """How a chunk is packed: `lz4`, `zstd`, or not at all."""
    name_length = _CHUNK_HEAD.unpack_from(place.head)[-1]
    return place.head[_CHUNK_HEAD.size :][:name_length].decode("ascii")


def chunk_records(file: IO[bytes], place: Place, *, must_have_checksum: bool) -> bytes | str:
    """The records in a chunk, one after the other; or, as text, why they cannot be had."""
    first_ns, last_ns, size, checksum, _ = _CHUNK_HEAD.unpack_from(place.head)
    name = chunk_compression(place)
    if must_have_checksum and checksum == 0:
        return "its checksum is missing"
    if max(size, place.length) > _MOST_CHUNK_BYTES:
        return "its size is absurd"
    packed = content(file, place)[_CHUNK_HEAD.size + len(name) + 8 :]
    if unpacking.size_of(name, packed) not in (size, None):
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


def _is_chunk(head: bytes) -> bool:
    first_ns, last_ns, _, _, name_length = _CHUNK_HEAD.unpack_from(head)
    name = head[_CHUNK_HEAD.size :][:name_length]
    return first_ns <= last_ns and name_length == len(name) and name in _COMPRESSIONS


def _find_chunk(file: IO[bytes], size: int, start: int, chunks: Sequence[int] | None) -> Place | None:
    """The first whole chunk from `start` on whose checksum is right."""
    offsets = _traces(file, size, start) if chunks is None else (at for at in chunks if at >= start)
    for offset in offsets:
        place = place_at(file, size, offset)
        if place is None or place.opcode != Opcode.CHUNK:
            continue
        if isinstance(chunk_records(file, place, must_have_checksum=True), bytes):
            return place
    return None


def _traces(file: IO[bytes], size: int, start: int) -> Iterator[int]:
    """Where something begins as a chunk does."""
    while start < size:
        window = _read(file, start, _WINDOW_BYTES + _PEEK_BYTES)
        at = 0
        # One after the other, since what looks like one may overlap with one.
        while (match := _CHUNK_PATTERN.search(window, at)) and match.start() < _WINDOW_BYTES:
            at = match.start() + 1
            yield start + match.start()
        start += _WINDOW_BYTES


def _read(file: IO[bytes], offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
