"""What the records of a file mean: channels, messages, the index at its end."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from struct import Struct, error
from typing import IO, Final, NamedTuple, TypeVar

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, ChunkIndex, Footer, Header, Metadata, MetadataIndex, Schema, Statistics

from beats.adapters.recordings.format import CARRIED, LIBRARY, SCHEMA_NAME
from beats.adapters.recordings.scan import HEAD_BYTES, Place, Times, content, place_at, walk
from beats.proto import wire
from beats.proto.messages import DecodeError
from beats.proto.streaming_pb2 import PeripheralEnvelope

_RecordT = TypeVar("_RecordT")
_RECORD: Final = Struct("<BQ")
_MESSAGE: Final = Struct("<HIQQ")
_FOOTER_BYTES: Final = HEAD_BYTES + 20 + 8


class Message(NamedTuple):
    """One message that was read."""

    topic: str
    sequence: int
    """As the envelope itself says it; 0 when it does not."""
    log_unix_ns: int
    """When it came onto the bus."""
    captured_unix_ns: int
    encoded: bytes
    carried: bool
    """Whether it repeats the state that the part begins with."""


class ChunkPlace(NamedTuple):
    """A chunk, as an index knows it."""

    offset: int
    times: Times


class Summary(NamedTuple):
    """What the end of a whole file says of the rest."""

    statistics: Statistics | None
    chunks: list[ChunkPlace]
    metadata: list[int]
    """Offsets."""


class Contents:
    """Learns what a file's records say of its messages, in whatever order they come."""

    def __init__(self) -> None:
        self.is_ours = True
        """Whether Beats wrote it: then every chunk has a checksum, and every message is an envelope."""
        self.foreign = 0
        """Messages that are no envelopes."""
        self._schemas: Final[dict[int, str]] = {}
        self._channels: Final[dict[int, tuple[str, bool] | None]] = {}

    def learn(self, opcode: int, data: bytes) -> None:
        """Take note of a header, a schema or a channel; anything else is passed over."""
        if opcode == Opcode.HEADER and (header := parsed(Header.read, data)) is not None:
            self.is_ours = header.library == LIBRARY
        elif opcode == Opcode.SCHEMA and (schema := parsed(Schema.read, data)) is not None:
            self._schemas[schema.id] = schema.name
        elif opcode == Opcode.CHANNEL and (channel := parsed(Channel.read, data)) is not None:
            known = self.is_ours or self._schemas.get(channel.schema_id) == SCHEMA_NAME
            carried = all(channel.metadata.get(key) == value for key, value in CARRIED.items())
            self._channels[channel.id] = (channel.topic, carried) if known else None

    def messages(self, records: bytes) -> Iterator[Message]:
        """The envelopes among records that follow one another, such as those of a chunk.

        Raises:
            ValueError: they do not follow one another.
        """
        at, size = 0, len(records)
        while at < size:
            if at + HEAD_BYTES > size:
                raise ValueError("it ends within a record")
            opcode, length = _RECORD.unpack_from(records, at)
            at += HEAD_BYTES
            if at + length > size:
                raise ValueError("it ends within a record")
            if opcode == Opcode.MESSAGE:
                if (message := self._message(records, at, length)) is not None:
                    yield message
            else:
                self.learn(opcode, records[at : at + length])
            at += length

    def _message(self, records: bytes, at: int, length: int) -> Message | None:
        if length < _MESSAGE.size:
            raise ValueError("a message is too short")
        channel_id, _, log_ns, _ = _MESSAGE.unpack_from(records, at)
        encoded = records[at + _MESSAGE.size : at + length]
        # A channel is told where it is first used. When that was damaged, its messages still say who they are.
        channel = self._channels.get(channel_id, ("", False) if self.is_ours else None)
        try:
            if channel is None:
                raise DecodeError("its channel holds something else")
            parts = wire.parts(encoded)
            topic = channel[0] or topic_of(encoded, parts)
        except ValueError:
            self.foreign += 1
            return None
        return Message(topic, parts.sequence, log_ns, parts.captured_unix_ns, encoded, channel[1])


def topic_of(encoded: bytes, parts: wire.Parts) -> str:
    """The topic of an envelope, by its own bytes.

    Raises:
        ValueError: it is none.
    """
    if parts.field == 1:
        return "frame"
    try:
        id_ = PeripheralEnvelope.FromString(encoded[parts.start : parts.end]).peripheral_info.id
    except Exception as problem:  # protobuf's own error, or one of text
        raise DecodeError(str(problem)) from problem
    if parts.field != 2 or not id_:
        raise DecodeError("it is neither a frame nor a peripheral")
    return f"peripheral/{id_}"


def metadata_of(data: bytes) -> tuple[str, Mapping[str, str]] | None:
    """Name and content of a metadata record; None when it cannot be read."""
    record = parsed(Metadata.read, data)
    return None if record is None else (record.name, record.metadata)


def read_summary(file: IO[bytes], size: int, contents: Contents) -> Summary | None:
    """The index at the end of a file; None when there is none, or it is damaged."""
    place = place_at(file, size, size - _FOOTER_BYTES) if size > _FOOTER_BYTES else None
    if place is None or place.opcode != Opcode.FOOTER:
        return None
    footer = parsed(Footer.read, content(file, place))
    if footer is None or not 0 < footer.summary_start < place.offset:
        return None
    file.seek(footer.summary_start)
    # The checksum covers the footer too, up to itself.
    covered = file.read(place.offset + HEAD_BYTES + 16 - footer.summary_start)
    if footer.summary_crc and zlib.crc32(covered) != footer.summary_crc:
        return None
    summary = Summary(None, [], [])
    for found in walk(file, place.offset, footer.summary_start):
        if isinstance(found, Place):
            summary = _summarised(summary, found.opcode, content(file, found), contents)
    return summary


def _summarised(summary: Summary, opcode: int, data: bytes, contents: Contents) -> Summary:
    if opcode == Opcode.STATISTICS:
        return summary._replace(statistics=parsed(Statistics.read, data))
    if opcode == Opcode.CHUNK_INDEX and (chunk := parsed(ChunkIndex.read, data)) is not None:
        times = Times(chunk.message_start_time, chunk.message_end_time)
        summary.chunks.append(ChunkPlace(chunk.chunk_start_offset, times))
    elif opcode == Opcode.METADATA_INDEX and (entry := parsed(MetadataIndex.read, data)) is not None:
        summary.metadata.append(entry.offset)
    else:
        contents.learn(opcode, data)
    return summary


def parsed(read: Callable[[ReadDataStream], _RecordT], data: bytes) -> _RecordT | None:
    """A record by the library's own reader; None when the bytes are something else."""
    try:
        return read(ReadDataStream(BytesIO(data)))
    except (McapError, error, ValueError, OverflowError, MemoryError):
        return None
