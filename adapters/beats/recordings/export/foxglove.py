"""Writes pictures and updates for Foxglove, Lichtblick and PlotJuggler; see `beats.proto.foxglove`."""

from typing import IO, Final

from mcap.writer import CompressionType, Writer

from beats.kernel.envelope import Frame, Message
from beats.proto import foxglove
from beats.recordings.export.png import FrameError
from beats.recordings.format import MAX_CHANNELS, UINT32, RecordedMessage, clamped

LIBRARY: Final = "beats export"
"""The name of the writer in the file's header. It is not that of a recorder, whose files hold envelopes."""


class FoxgloveWriter:
    """Writes messages to a file one by one. Synchronous; `finish` completes the file."""

    def __init__(self, file: IO[bytes]) -> None:
        """Write the head of the file, which is empty."""
        self.frames = self.updates = 0
        """How many were written."""
        self._writer: Final = Writer(file, compression=CompressionType.ZSTD)
        self._writer.start(library=LIBRARY)
        self._channels: Final[dict[str, int]] = {}
        self._image_schema = 0

    def add(self, recorded: RecordedMessage, message: Message) -> None:
        """Add a message, with its times and its number.

        Raises:
            FrameError: the file has no room for its topic.
        """
        if isinstance(message, Frame):
            data = foxglove.image_head(message, recorded.captured_unix_ns) + message.data
        else:
            data = foxglove.update_json(message)
        channel = self._channels.get(recorded.topic)
        if channel is None:
            channel = self._channels[recorded.topic] = self._channel(recorded.topic, message, data)
        self._writer.add_message(
            channel,
            log_time=clamped(recorded.log_unix_ns),
            data=data,
            publish_time=clamped(recorded.captured_unix_ns),
            sequence=recorded.sequence % UINT32,
        )
        if isinstance(message, Frame):
            self.frames += 1
        else:
            self.updates += 1

    def finish(self) -> None:
        """Write the index."""
        self._writer.finish()  # type: ignore[no-untyped-call]  # the library forgot `-> None`

    def _channel(self, topic: str, message: Message, data: bytes) -> int:
        if len(self._channels) >= MAX_CHANNELS:
            raise FrameError(f"MCAP allows {MAX_CHANNELS} channels in a file")
        name = foxglove.channel_topic(topic)
        if isinstance(message, Frame):
            self._image_schema = self._image_schema or self._writer.register_schema(
                foxglove.IMAGE_SCHEMA_NAME, foxglove.IMAGE_ENCODING, foxglove.IMAGE_SCHEMA
            )
            return self._writer.register_channel(name, foxglove.IMAGE_ENCODING, self._image_schema)
        schema = self._writer.register_schema(
            foxglove.update_schema_name(topic), foxglove.UPDATE_SCHEMA_ENCODING, foxglove.update_schema(data)
        )
        return self._writer.register_channel(name, foxglove.UPDATE_ENCODING, schema)
