"""The channels of a file that is being written: one for each topic, and one for what repeats its state."""

from typing import Final, NamedTuple

from mcap.writer import Writer

from beats.proto import streaming_pb2
from beats.recordings.format import (
    CARRIED,
    ENCODING,
    MAX_CHANNELS,
    SCHEMA_NAME,
    UINT32,
    clamped,
    descriptor_set,
)


class Line(NamedTuple):
    """One message as a file holds it."""

    topic: str
    sequence: int
    log_unix_ns: int
    """When it came onto the bus."""
    captured_unix_ns: int
    encoded: bytes


class Channels:
    """Gives messages to the library's writer, each on the channel of its topic."""

    def __init__(self, writer: Writer, ahead_ns: int = 0) -> None:
        """Have the schema in the file; its head must be there.

        Args:
            writer: the library's.
            ahead_ns: how far the file's log times are ahead of those of the lines.
        """
        self._writer: Final = writer
        self._ahead_ns: Final = ahead_ns
        self._schema: Final = writer.register_schema(
            SCHEMA_NAME, ENCODING, descriptor_set(streaming_pb2.DESCRIPTOR)
        )
        self.ids: Final[dict[str, int]] = {}
        """The channels that are open, by topic."""
        self._carried_ids: Final[dict[str, int]] = {}

    def has_room_for(self, topic: str) -> bool:
        """Whether the file can hold a message of this topic."""
        return topic in self.ids or len(self.ids) < MAX_CHANNELS - len(self._carried_ids)

    def open(self, topic: str) -> int | None:
        """The channel of a topic, which may be a new one; None when there is no room for it."""
        channel = self.ids.get(topic)
        if channel is None and self.has_room_for(topic):
            channel = self.ids[topic] = self._writer.register_channel(topic, ENCODING, self._schema)
        return channel

    def put(self, line: Line) -> None:
        """Append a message.

        Raises:
            ValueError: there is no room for its topic.
        """
        channel = self.open(line.topic)
        if channel is None:
            raise ValueError(f"no room for {line.topic!r}: MCAP allows {MAX_CHANNELS} channels in a file")
        self._add(channel, line)

    def carry(self, line: Line) -> bool:
        """Append a message that repeats the state that the file begins with.

        Returns:
            Whether there was room: half of the channels are for what is new.
        """
        channel = self._carried_ids.get(line.topic)
        if channel is None:
            if len(self._carried_ids) >= MAX_CHANNELS // 2 or len(self.ids) + len(self._carried_ids) >= (
                MAX_CHANNELS
            ):
                return False
            channel = self._carried_ids[line.topic] = self._writer.register_channel(
                line.topic, ENCODING, self._schema, dict(CARRIED)
            )
        self._add(channel, line)
        return True

    def _add(self, channel: int, line: Line) -> None:
        self._writer.add_message(
            channel,
            log_time=clamped(line.log_unix_ns + self._ahead_ns),
            data=line.encoded,
            publish_time=clamped(line.captured_unix_ns),
            sequence=line.sequence % UINT32,
        )
