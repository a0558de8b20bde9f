"""What the records of a file mean: channels, messages, notes."""

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from struct import Struct, error
from typing import IO, Final, NamedTuple, TypeVar

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Header, Metadata, Schema

from beats.kernel.envelope import Tag, frame_topic, peripheral_topic
from beats.kernel.envelope import topic_of as topic_of_message
from beats.proto import wire
from beats.proto.streaming_pb2 import PROTOBUF, Frame, PeripheralEnvelope
from beats.proto.wire import DecodeError
from beats.recordings.foreign import Channel as ForeignChannel
from beats.recordings.foreign import ForeignMessages
from beats.recordings.format import CARRIED, LIBRARY, RECORDING, SCHEMA_NAME, RecordedMessage
from beats.recordings.scan import HEAD_BYTES, Damage, Record, chunk_records, chunk_times, content

MOST_NOTE_BYTES: Final = 16 * 1024 * 1024
"""Longer records other than messages are skipped: ours hold settings and losses, a few kilobytes."""
_RecordT = TypeVar("_RecordT")
_RECORD: Final = Struct("<BQ")
_MESSAGE: Final = Struct("<HIQQ")
_MOST_WRONG: Final = 2

Batch = list[RecordedMessage]


class Note(NamedTuple):
    """A metadata record."""

    name: str
    content: Mapping[str, str]


class _Known(NamedTuple):
    """A channel of envelopes."""

    topic: str
    is_carried: bool


class Contents:
    """Learns the schemas and channels of a file, and so which of its messages are envelopes."""

    def __init__(self) -> None:
        self.is_ours = True
        """Whether Beats wrote it: then every chunk has a checksum, and every message is an envelope."""
        self._is_others = False
        """Whether an undamaged header names another program, which then copied our metadata."""
        self.foreign = 0
        """Messages that are neither envelopes nor pictures or updates of other programs."""
        self.others: Final = ForeignMessages()
        """Reads pictures and updates of other programs, and knows which messages it could not read."""
        self._schemas: Final[dict[int, str]] = {}
        self._channels: Final[dict[int, _Known | ForeignChannel]] = {}

    def learn(self, opcode: int, data: bytes) -> bool:
        """Take note of a header, schema, channel or metadata record; ignore anything else.

        Returns:
            Whether it agrees with what is known: a channel may be repeated, but not changed
            (https://mcap.dev/spec, "Channel").
        """
        if opcode == Opcode.HEADER and (header := parsed(Header.read, data)) is not None:
            self.is_ours = header.library == LIBRARY
            self._is_others = not (self.is_ours or _is_damaged(header.library))
        elif opcode == Opcode.METADATA and (note := _note(data)) is not None:
            self.is_ours = self.is_ours or (note.name == RECORDING and not self._is_others)
        elif opcode == Opcode.SCHEMA and (schema := parsed(Schema.read, data)) is not None:
            self._schemas[schema.id] = schema.name
        elif opcode == Opcode.CHANNEL and (channel := parsed(Channel.read, data)) is not None:
            schema_name = self._schemas.get(channel.schema_id, SCHEMA_NAME if self.is_ours else "")
            known = schema_name == SCHEMA_NAME
            carried = all(channel.metadata.get(key) == value for key, value in CARRIED.items())
            meant = (
                _Known(channel.topic, carried)
                if known
                else ForeignChannel(channel.topic, schema_name, channel.message_encoding)
            )
            if self.is_ours:
                return self._channels.setdefault(channel.id, meant) == meant
            self._channels[channel.id] = meant
        return True

    def messages(self, records: bytes) -> Iterator[RecordedMessage]:
        """The envelopes in consecutive records, such as those of a chunk.

        Raises:
            ValueError: the records are incomplete, or contradict what is known.
        """
        at, size = 0, len(records)
        while at < size:
            opcode, length = _RECORD.unpack_from(records, at) if at + HEAD_BYTES <= size else (0, size)
            at += HEAD_BYTES
            if at + length > size:
                raise ValueError("it ends within a record")
            if opcode == Opcode.MESSAGE:
                if (message := self._message(records, at, length)) is not None:
                    yield message
            elif not self.learn(opcode, records[at : at + length]):
                raise ValueError("it changes a channel that was defined before")
            at += length

    def message(self, data: bytes) -> RecordedMessage | None:
        """The envelope in the content of a message record; None when it holds something else.

        Raises:
            ValueError: it is not a message record.
        """
        return self._message(data, 0, len(data))

    def _message(self, records: bytes, at: int, length: int) -> RecordedMessage | None:
        if length < _MESSAGE.size:
            raise ValueError("a message is too short")
        channel_id, number, log_ns, published_ns = _MESSAGE.unpack_from(records, at)
        encoded = records[at + _MESSAGE.size : at + length]
        # A channel is defined where it is first used. If that was damaged, the envelopes still name their
        # topic.
        channel = self._channels.get(channel_id, _Known("", False) if self.is_ours else None)
        if isinstance(channel, ForeignChannel):
            found = self.others.read(channel, number, (published_ns, log_ns), encoded)
            if found is None:
                self.foreign += 1
                return None
            message, captured_ns, encoded = found
            return RecordedMessage(topic_of_message(message), number, log_ns, captured_ns, encoded)
        try:
            if channel is None:
                raise DecodeError("its channel is not known")
            fields = wire.fields(encoded)
            topic = channel.topic or topic_of(encoded, fields)
        except ValueError:
            self.foreign += 1
            return None
        captured_ns = fields.captured_unix_ns
        return RecordedMessage(topic, fields.sequence, log_ns, captured_ns, encoded, channel.is_carried)


def chunk_batch(file: IO[bytes], chunk: Record, contents: Contents) -> Iterator[Batch | Damage]:
    """All messages of a chunk, or the damage when it cannot be read."""
    records = chunk_records(file, chunk, must_have_checksum=contents.is_ours)
    if isinstance(records, str):
        yield Damage(chunk.offset, chunk.after - chunk.offset, f"a chunk: {records}")
        return
    try:
        batch = list(contents.messages(records))
    except ValueError as error:
        yield Damage(chunk.offset, chunk.after - chunk.offset, f"a chunk: {error}")
        return
    yield batch
    if contents.is_ours and batch:
        times = [message.log_unix_ns for message in batch]
        if chunk_times(chunk) != (min(times), max(times)):  # no checksum covers them
            why = "a chunk: its times are not those of its messages"
            yield Damage(chunk.offset + HEAD_BYTES, 16, why, is_index=True)


def loose_batch(file: IO[bytes], record: Record, contents: Contents) -> Iterator[Batch | Damage]:
    """A message outside of chunks. Beats never writes one, and no checksum covers it."""
    stretch = record.offset, record.after - record.offset
    if contents.is_ours:
        yield Damage(*stretch, "a message without a checksum")
        return
    try:
        message = contents.message(content(file, record))
    except ValueError as error:
        yield Damage(*stretch, str(error))
        return
    if message is not None:
        yield [message]


def note_of(file: IO[bytes], record: Record) -> Note | None:
    """The content of a metadata record; None when it cannot be read."""
    return None if record.length > MOST_NOTE_BYTES else _note(content(file, record))


def _note(data: bytes) -> Note | None:
    found = parsed(Metadata.read, data)
    return None if found is None else Note(found.name, found.metadata)


def _is_damaged(library: str) -> bool:
    """Whether a name differs from ours in a byte or two: the header has no checksum to show damage."""
    wrong = sum(one != other for one, other in zip(library, LIBRARY, strict=False))
    return len(library) == len(LIBRARY) and 0 < wrong <= _MOST_WRONG


def topic_of(encoded: bytes, fields: wire.Fields) -> str:
    """The topic of an envelope, by its own bytes.

    Raises:
        ValueError: the bytes are not an envelope.
    """
    if fields.payload not in (1, 2):
        raise DecodeError("it is neither a frame nor a peripheral")
    try:
        if fields.payload == 1:
            content = encoded[fields.start : fields.end]
            picture = wire.picture_of(content)
            return frame_topic(Frame.FromString(content if picture is None else picture.info).id)
        update = PeripheralEnvelope.FromString(encoded[fields.start : fields.end])
    except Exception as problem:  # protobuf's own error, or one of text
        raise DecodeError(str(problem)) from problem
    payload_type = update.payload_type if update.payload_encoding == PROTOBUF else ""
    info = update.peripheral_info
    return peripheral_topic(info.id, (Tag(tag.name, tag.variant) for tag in info.tags), payload_type)


def parsed(read: Callable[[ReadDataStream], _RecordT], data: bytes) -> _RecordT | None:
    """A record parsed by the MCAP library; None when the bytes are something else."""
    try:
        return read(ReadDataStream(BytesIO(data)))
    except (McapError, error, ValueError, OverflowError, MemoryError):
        return None
