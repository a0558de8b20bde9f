"""Finds the records of an MCAP file, also when it is cut or damaged. Trusts nothing that it reads.

A record is one byte for its type, eight bytes for its length, and its content (https://mcap.dev/spec,
"Records"). A wrong length therefore hides everything behind it, until the scan finds a place where records
begin again: a chunk, which holds the messages, is recognised by lengths in it that must agree, and accepted
when its checksum is right.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Final, NamedTuple

from mcap.opcode import Opcode
from mcap.records import Chunk
from mcap.stream_reader import get_chunk_data_stream

from beats.recordings import MAGIC

HEAD_BYTES: Final = 9
MAGIC_BYTES: Final = len(MAGIC)
FIRST_PRIVATE: Final = 0x80
"""Opcodes from here on are private to other programs."""
_PEEK_BYTES: Final = 256
_CHUNK_HEAD: Final = struct.Struct("<QQQII")
_MOST_CHUNK_BYTES: Final = 2**31
"""A chunk that claims to be larger is damaged: no message may be so large."""
_WINDOW_BYTES: Final = 1 << 20
_COMPRESSIONS: Final = (b"", b"lz4", b"zstd")
_CHUNK_PATTERN: Final = re.compile(rb"\x06.{36}(?:\0\0\0\0|\x03\0\0\0lz4|\x04\0\0\0zstd)", re.DOTALL)
"""The beginning of a chunk's record: opcode, length, two times, a size, a checksum, the compression."""

_TEXT: Final = -4
"""A field of any length, preceded by its length in four bytes; maps and arrays are stored the same way."""
_BLOB: Final = -8
"""A field of any length, preceded by its length in eight bytes."""
_LAYOUTS: Final[Mapping[int, tuple[int, ...]]] = {
    Opcode.HEADER: (_TEXT, _TEXT),
    Opcode.FOOTER: (20,),
    Opcode.SCHEMA: (2, _TEXT, _TEXT, _TEXT),
    Opcode.CHANNEL: (4, _TEXT, _TEXT, _TEXT),
    Opcode.MESSAGE: (22,),
    Opcode.CHUNK: (28, _TEXT, _BLOB),
    Opcode.MESSAGE_INDEX: (2, _TEXT),
    Opcode.CHUNK_INDEX: (32, _TEXT, 8, _TEXT, 16),
    Opcode.ATTACHMENT: (16, _TEXT, _TEXT, _BLOB, 4),
    Opcode.ATTACHMENT_INDEX: (40, _TEXT, _TEXT),
    Opcode.STATISTICS: (42, _TEXT),
    Opcode.METADATA: (_TEXT, _TEXT),
    Opcode.METADATA_INDEX: (16, _TEXT),
    Opcode.SUMMARY_OFFSET: (17,),
    Opcode.DATA_END: (4,),
}
"""The fields of each record (https://mcap.dev/spec, "Records"). Records outside of chunks have no checksum;
the only check is that the lengths in them agree."""
_LZ4_HAS_SIZE: Final = 0x08
_ZSTD_DICTIONARY_BYTES: Final = (0, 1, 2, 4)


class Record(NamedTuple):
    """A record, and where it is in the file."""

    opcode: int
    offset: int
    """The offset of the record's first byte."""
    length: int
    """The length of the record's content in bytes."""
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
    """Whether the end of the file is missing, rather than something in the middle."""
    is_index: bool = False
    """Whether only the index behind the messages is affected, and no message is lost."""

    def __str__(self) -> str:
        size = f" ({self.size_bytes:,} bytes)" if self.size_bytes else ""
        place = f"at byte {self.offset:,}: " if self.offset or size else ""
        return f"{place}{self.why}{size}"


class Times(NamedTuple):
    """When the first and the last message of a chunk or file came onto the bus, in Unix nanoseconds."""

    first_ns: int
    last_ns: int


def walk(
    file: IO[bytes], size: int, offset: int = 0, *, private: bool = True, chunks: Sequence[int] | None = None
) -> Iterator[Record | Damage]:
    """Yield the records of a file in its order, and the damaged stretches between them.

    Args:
        file: a seekable file.
        size: where to stop reading.
        offset: where a record begins; 0 for the beginning of the file.
        private: whether to accept private records of other programs, about which nothing is known.
        chunks: the offsets of all chunks, if an index names them; then what looks like a chunk elsewhere,
            such as in the bytes of a picture, is not taken for one.
    """
    at = offset or MAGIC_BYTES
    if offset == 0 and (begin := _read(file, 0, MAGIC_BYTES)) != MAGIC:
        if begin == MAGIC[:size]:
            yield Damage(0, size, "the file ends within its first bytes", cut=True)
            return
        yield Damage(0, min(size, at), "it does not begin as an MCAP file")
    doubt = at  # only the length of a chunk is confirmed by the lengths in it; any other may be damaged
    while at < size:
        record = record_at(file, size, at, private=private)
        if record is None:
            record = _find_chunk(file, size, doubt + 1, chunks)
            if record is None:
                yield _rest(file, size, at)
                return
            since = at if record.offset >= at else doubt
            yield Damage(since, record.offset - since, "not a valid record")
        yield record
        at = record.after
        doubt = at if record.opcode == Opcode.CHUNK else record.offset
        if record.opcode == Opcode.FOOTER:
            if _read(file, at, MAGIC_BYTES) != MAGIC:
                yield Damage(at, size - at, "it does not end as an MCAP file", cut=True)
            elif at + MAGIC_BYTES < size:
                yield Damage(at + MAGIC_BYTES, size - at - MAGIC_BYTES, "unknown data after its end")
            return
    yield Damage(size, 0, "the end is missing: it is still being written, or its writer was killed", cut=True)


def _rest(file: IO[bytes], size: int, at: int) -> Damage:
    """The damage to report when no further record is found."""
    if _read(file, max(at, size - MAGIC_BYTES), MAGIC_BYTES) == MAGIC:
        return Damage(at, size - at, "no valid record up to the end")
    return Damage(at, size - at, "the last record is incomplete", cut=True)


def record_at(file: IO[bytes], size: int, offset: int, *, private: bool = True) -> Record | None:
    """The record at an offset; None when there is none, or it is incomplete."""
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
    return Record(opcode, offset, length, head)


def fits(opcode: int, length: int, read: Callable[[int, int], bytes], *, private: bool) -> bool:
    """Whether the length of a record agrees with the lengths of its fields.

    Args:
        opcode: the type of the record.
        length: of its content in bytes.
        read: returns so many bytes (second argument) from a place in the content (first).
        private: whether to accept private records of other programs.
    """
    layout = _LAYOUTS.get(opcode)
    if layout is None:
        return private and opcode >= FIRST_PRIVATE
    at = 0
    for field in layout:
        at += field if field > 0 else int.from_bytes(read(at, -field), "little") - field
        if at > length:
            return False
    # The data of a message fills the rest of the record, without a length of its own.
    return at == length or opcode == Opcode.MESSAGE


def content(file: IO[bytes], record: Record) -> bytes:
    """The content of a record."""
    return _read(file, record.offset + HEAD_BYTES, record.length)


def chunk_times(chunk: Record) -> Times:
    """When the messages of a chunk came onto the bus, as its head says."""
    return Times(*_CHUNK_HEAD.unpack_from(chunk.head)[:2])


def chunk_compression(chunk: Record) -> str:
    """How a chunk is compressed: `lz4`, `zstd`, or empty."""
    name_length = _CHUNK_HEAD.unpack_from(chunk.head)[-1]
    return chunk.head[_CHUNK_HEAD.size :][:name_length].decode("ascii")


def chunk_records(file: IO[bytes], chunk: Record, *, must_have_checksum: bool) -> bytes | str:
    """The bytes of the records in a chunk; or, as text, why they cannot be read."""
    first_ns, last_ns, size, checksum, _ = _CHUNK_HEAD.unpack_from(chunk.head)
    name = chunk_compression(chunk)
    if must_have_checksum and checksum == 0:
        return "its checksum is missing"
    if max(size, chunk.length) > _MOST_CHUNK_BYTES:
        return "its size is impossible"
    packed = content(file, chunk)[_CHUNK_HEAD.size + len(name) + 8 :]
    if unpacked_size(name, packed) not in (size, None):
        return "its sizes do not agree"
    found = Chunk(
        compression=name,
        data=packed,
        message_start_time=first_ns,
        message_end_time=last_ns,
        uncompressed_crc=checksum,
        uncompressed_size=size,
    )
    try:
        stream, length = get_chunk_data_stream(found, validate_crc=True)
    except Exception as error:  # compression libraries raise many types of error for damaged bytes
        return f"its content is damaged ({type(error).__name__})"
    return stream.read(length)


def unpacked_size(compression: str, packed: bytes) -> int | None:
    """The unpacked size in bytes that compressed bytes state; None when they do not.

    It is compared before unpacking, so that damaged bytes never make a library allocate memory for them.

    Args:
        compression: `lz4`, `zstd`, or empty.
        packed: the compressed bytes.
    """
    if compression == "lz4":
        # https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, "Frame Descriptor": four bytes of
        # magic, one of flags, one of block size, and eight of content size if a flag says so.
        has_size = len(packed) >= 14 and packed[4] & _LZ4_HAS_SIZE
        return int.from_bytes(packed[6:14], "little") if has_size else None
    return _zstd_size(packed) if compression == "zstd" else len(packed)


def _zstd_size(packed: bytes) -> int | None:
    # RFC 8878, section 3.1.1.1: four bytes of magic, a descriptor, a byte of window size unless there is a
    # single segment, a dictionary's number, the content size.
    if len(packed) < 18:
        return None
    descriptor = packed[4]
    flag, is_single = descriptor >> 6, descriptor >> 5 & 1
    start = 5 + (not is_single) + _ZSTD_DICTIONARY_BYTES[descriptor & 3]
    if flag == 0:
        return packed[start] if is_single else None
    size = int.from_bytes(packed[start : start + 2**flag], "little")
    return size + 256 if flag == 1 else size


def _is_chunk(head: bytes) -> bool:
    first_ns, last_ns, _, _, name_length = _CHUNK_HEAD.unpack_from(head)
    name = head[_CHUNK_HEAD.size :][:name_length]
    return first_ns <= last_ns and name_length == len(name) and name in _COMPRESSIONS


def _find_chunk(file: IO[bytes], size: int, start: int, chunks: Sequence[int] | None) -> Record | None:
    """The first complete chunk from `start` on whose checksum is right."""
    offsets = _chunk_candidates(file, size, start) if chunks is None else (at for at in chunks if at >= start)
    for offset in offsets:
        record = record_at(file, size, offset)
        if record is None or record.opcode != Opcode.CHUNK:
            continue
        if isinstance(chunk_records(file, record, must_have_checksum=True), bytes):
            return record
    return None


def _chunk_candidates(file: IO[bytes], size: int, start: int) -> Iterator[int]:
    """The offsets at which the bytes look like the beginning of a chunk."""
    while start < size:
        window = _read(file, start, _WINDOW_BYTES + _PEEK_BYTES)
        at = 0
        # One after the other, since candidates may overlap.
        while (match := _CHUNK_PATTERN.search(window, at)) and match.start() < _WINDOW_BYTES:
            at = match.start() + 1
            yield start + match.start()
        start += _WINDOW_BYTES


def _read(file: IO[bytes], offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
