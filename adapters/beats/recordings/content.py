"""What the records of a file mean: channels, messages, notes."""

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from struct import Struct, error
from typing import Final, NamedTuple, TypeVar

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Header, Metadata, Schema

from beats.kernel.envelope import Tag, peripheral_topic
from beats.proto import wire
from beats.proto.streaming_pb2 import PROTOBUF, PeripheralEnvelope
from beats.proto.wire import DecodeError
from beats.recordings.format import CARRIED, LIBRARY, RECORDING, SCHEMA_NAME
from beats.recordings.scan import HEAD_BYTES

_RecordT = TypeVar("_RecordT")
_RECORD: Final = Struct("<BQ")
_MESSAGE: Final = Struct("<HIQQ")
_MOST_WRONG: Final = 2


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


class Contents:
    """Learns what a file's records say of its messages, in whatever order they come."""

    def __init__(self) -> None:
        self.is_ours = True
        """Whether Beats wrote it: then every chunk has a checksum, and every message is an envelope."""
        self._is_others = False
        """Whether a whole header names another program: then metadata of ours was copied by it."""
        self.foreign = 0
        """Messages that are no envelopes."""
        self._schemas: Final[dict[int, str]] = {}
        self._channels: Final[dict[int, tuple[str, bool] | None]] = {}

    def learn(self, opcode: int, data: bytes) -> bool:
        """Take note of a header, a schema or a channel; anything else is passed over.

        Returns:
            Whether it agrees with what is known: a channel may be told again, but not otherwise
            (https://mcap.dev/spec, "Channel").
        """
        if opcode == Opcode.HEADER and (header := parsed(Header.read, data)) is not None:
            self.is_ours = header.library == LIBRARY
            self._is_others = not (self.is_ours or _is_damaged(header.library))
        elif opcode == Opcode.METADATA and (note := metadata_of(data)) is not None:
            self.is_ours = self.is_ours or (note[0] == RECORDING and not self._is_others)
        elif opcode == Opcode.SCHEMA and (schema := parsed(Schema.read, data)) is not None:
            self._schemas[schema.id] = schema.name
        elif opcode == Opcode.CHANNEL and (channel := parsed(Channel.read, data)) is not None:
            schema_name = self._schemas.get(channel.schema_id, SCHEMA_NAME if self.is_ours else "")
            known = schema_name == SCHEMA_NAME
            carried = all(channel.metadata.get(key) == value for key, value in CARRIED.items())
            meant = (channel.topic, carried) if known else None
            if self.is_ours:
                return self._channels.setdefault(channel.id, meant) == meant
            self._channels[channel.id] = meant
        return True

    def messages(self, records: bytes) -> Iterator[Message]:
        """The envelopes among records that follow one another, such as those of a chunk.

        Raises:
            ValueError: they do not follow one another, or contradict what is known.
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
            elif not self.learn(opcode, records[at : at + length]):
                raise ValueError("a channel in it is not what it was before")
            at += length

    def message(self, data: bytes) -> Message | None:
        """The envelope in the content of a message record; None when it holds something else.

        Raises:
            ValueError: it is no message record.
        """
        return self._message(data, 0, len(data))

    def _message(self, records: bytes, at: int, length: int) -> Message | None:
        if length < _MESSAGE.size:
            raise ValueError("a message is too short")
        channel_id, _, log_ns, _ = _MESSAGE.unpack_from(records, at)
        encoded = records[at + _MESSAGE.size : at + length]
        # A channel is told where it is first used. If that was damaged, its messages still say who they are.
        channel = self._channels.get(channel_id, ("", False) if self.is_ours else None)
        try:
            if channel is None:
                raise DecodeError("its channel holds something else")
            fields = wire.fields(encoded)
            topic = channel[0] or topic_of(encoded, fields)
        except ValueError:
            self.foreign += 1
            return None
        return Message(topic, fields.sequence, log_ns, fields.captured_unix_ns, encoded, channel[1])


def _is_damaged(library: str) -> bool:
    """Whether a name is ours but for a byte or two: a header has no checksum that tells of damage."""
    wrong = sum(one != other for one, other in zip(library, LIBRARY, strict=False))
    return len(library) == len(LIBRARY) and 0 < wrong <= _MOST_WRONG


def topic_of(encoded: bytes, fields: wire.Fields) -> str:
    """The topic of an envelope, by its own bytes.

    Raises:
        ValueError: it is none.
    """
    if fields.payload == 1:
        return "frame"
    if fields.payload != 2:
        raise DecodeError("it is neither a frame nor a peripheral")
    try:
        update = PeripheralEnvelope.FromString(encoded[fields.start : fields.end])
    except Exception as problem:  # protobuf's own error, or one of text
        raise DecodeError(str(problem)) from problem
    payload_type = update.payload_type if update.payload_encoding == PROTOBUF else ""
    info = update.peripheral_info
    return peripheral_topic(info.id, (Tag(tag.name, tag.variant) for tag in info.tags), payload_type)


def metadata_of(data: bytes) -> tuple[str, Mapping[str, str]] | None:
    """Name and content of a metadata record; None when it cannot be read."""
    record = parsed(Metadata.read, data)
    return None if record is None else (record.name, record.metadata)


def parsed(read: Callable[[ReadDataStream], _RecordT], data: bytes) -> _RecordT | None:
    """A record by the library's own reader; None when the bytes are something else."""
    try:
        return read(ReadDataStream(BytesIO(data)))
    except (McapError, error, ValueError, OverflowError, MemoryError):
        return None
