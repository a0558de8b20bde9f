"""One MCAP file of a recording, from its first byte to its own name; synchronous, for a worker thread."""

import errno
import logging
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, cast

from mcap.writer import CompressionType, Writer

from beats.kernel.envelope import Envelope
from beats.kernel.stats import Loss
from beats.kit import units
from beats.proto import streaming_pb2
from beats.recordings.format import (
    CARRIED,
    CHUNK_BYTES,
    CLOCK,
    ENCODING,
    LIBRARY,
    LOSS,
    MAX_CHANNELS,
    MAX_UINT64,
    RECORDING,
    SCHEMA_NAME,
    UINT32,
    RecordedMessage,
    clamped,
    descriptor_set,
    loss_records,
)
from beats.recordings.unfinished import UnfinishedRecording
from beats.recordings.walltime import ClockJump

Compression = Literal["none", "lz4", "zstd"]
COMPRESSIONS: Final[Mapping[Compression, CompressionType]] = {
    "none": CompressionType.NONE,
    "lz4": CompressionType.LZ4,
    "zstd": CompressionType.ZSTD,
}
_NEVER: Final = 2**62
"""The chunk size given to the library: only `flush` closes chunks, so that it knows what is on disk."""

_log: Final = logging.getLogger(__name__)


class DiskLowError(OSError):
    """The disk has less free space than the settings reserve."""


class Channels:
    """The channels of a file that is being written: one for each topic, and one for its repeated state."""

    def __init__(self, writer: Writer, ahead_ns: int = 0) -> None:
        """Write the schema; the head of the file must already be written.

        Args:
            writer: the library's.
            ahead_ns: how far the log times of the file are ahead of those of the messages.
        """
        self._writer: Final = writer
        self._ahead_ns: Final = ahead_ns
        self._schema: Final = writer.register_schema(
            SCHEMA_NAME, ENCODING, descriptor_set(streaming_pb2.DESCRIPTOR)
        )
        self.ids: Final[dict[str, int]] = {}
        """The open channels by topic."""
        self._carried_ids: Final[dict[str, int]] = {}

    def has_room_for(self, topic: str) -> bool:
        """Whether the file can hold a message of this topic."""
        return topic in self.ids or len(self.ids) < MAX_CHANNELS - len(self._carried_ids)

    def open(self, topic: str) -> int | None:
        """The channel of a topic, opened if necessary; None when there is no room for it."""
        channel = self.ids.get(topic)
        if channel is None and self.has_room_for(topic):
            channel = self.ids[topic] = self._writer.register_channel(topic, ENCODING, self._schema)
        return channel

    def add(self, message: RecordedMessage) -> bool:
        """Append a message.

        Returns:
            Whether there was room. Repeated state gets at most half of the channels, and may be left out.

        Raises:
            ValueError: there is no room for a topic that is not repeated state.
        """
        channel = self._carried(message.topic) if message.carried else self.open(message.topic)
        if channel is None:
            if message.carried:
                return False
            raise ValueError(f"no room for {message.topic!r}: MCAP allows {MAX_CHANNELS} channels in a file")
        self._writer.add_message(
            channel,
            log_time=clamped(message.log_unix_ns + self._ahead_ns),
            data=message.encoded,
            publish_time=clamped(message.captured_unix_ns),
            sequence=message.sequence % UINT32,
        )
        return True

    def _carried(self, topic: str) -> int | None:
        channel = self._carried_ids.get(topic)
        used = len(self._carried_ids)
        if channel is None and used < MAX_CHANNELS // 2 and len(self.ids) + used < MAX_CHANNELS:
            channel = self._writer.register_channel(topic, ENCODING, self._schema, dict(CARRIED))
            self._carried_ids[topic] = channel
        return channel


class RecordingFile:
    """An open recording. After `flush`, everything passed to `write` is in the file."""

    def __init__(
        self,
        path: Path,
        about: Mapping[str, str],
        compression: Compression,
        *,
        min_free_bytes: int = 0,
        ahead_ns: int = 0,
        carried: Iterable[RecordedMessage] = (),
    ) -> None:
        """Open the file and write its head.

        Args:
            path: its name once it is whole; until then `.part` is added.
            about: metadata, of the name `beats.recording`.
            compression: of its chunks.
            min_free_bytes: the space to leave free on the disk.
            ahead_ns: how far its log times are ahead of the times on the bus.
            carried: the state at its beginning.

        Raises:
            FileExistsError: the name is taken.
            OSError: it cannot be created, or the disk has too little space; the error names it.
        """
        self.messages = 0
        """The number of messages in it, without the state at its beginning."""
        self._unflushed: Final[list[Envelope]] = []
        self._pending_bytes = 0
        self.is_closed = False
        """Whether nothing more can be written."""
        self.has_failed = False
        """Whether a write failed: the file can be closed, and will end with its last whole chunk."""
        self._min_free_bytes: Final = min_free_bytes
        self._ahead_ns: Final = ahead_ns
        self.output: Final = UnfinishedRecording(path)
        """The file itself."""
        try:
            self._check_free()
            self._writer: Final = Writer(
                cast("object", self.output),  # type: ignore[arg-type]  # write, tell and flush are all it needs
                chunk_size=_NEVER,
                compression=COMPRESSIONS[compression],
            )
            self._writer.start(library=LIBRARY)
            self._writer.add_metadata(RECORDING, dict(about))
            self._channels: Final = Channels(self._writer, ahead_ns)
            for message in carried:
                self.append(message._replace(carried=True))
            self.flush()
        except BaseException:
            self.output.remove()  # it would block the name for the next attempt
            raise

    @property
    def size_bytes(self) -> int:
        """The size of the file, including what is not yet flushed."""
        return self.output.tell() + self._pending_bytes

    @property
    def unflushed(self) -> Sequence[Envelope]:
        """The envelopes written since the last flush."""
        return self._unflushed

    def has_channel_for(self, topic: str) -> bool:
        """Whether the file can hold a message of this topic."""
        return self._channels.has_room_for(topic)

    def write(self, envelopes: Sequence[Envelope], start: int = 0, limit_bytes: int = _NEVER) -> int:
        """Append envelopes; they are in memory until the next flush.

        Args:
            envelopes: in their order.
            start: the index of the first one to append.
            limit_bytes: the largest size of the file, which only its first envelope may exceed.

        Returns:
            The index of the first one that was not appended: because the chunk is full, the file is large
            enough, or no channel is left for its topic.
        """
        # Local names, and no call but the library's for a message: this is the recorder's inner loop.
        ids, add, keep = self._channels.ids, self._writer.add_message, self._unflushed.append
        pending, messages, limit_bytes = self._pending_bytes, self.messages, limit_bytes - self.output.tell()
        ahead_ns = self._ahead_ns
        for place in range(start, len(envelopes)):
            envelope = envelopes[place]
            _, topic, sequence, captured_ns, published_ns, _, encoded = envelope
            channel = ids.get(topic) or self._channels.open(topic)
            size = len(encoded)
            if channel is None or pending >= CHUNK_BYTES or (messages and pending + size >= limit_bytes):
                break
            log_ns = published_ns + ahead_ns
            if not (0 <= log_ns <= MAX_UINT64 and 0 <= captured_ns <= MAX_UINT64):
                log_ns, captured_ns = clamped(log_ns), clamped(captured_ns)
            keep(envelope)
            add(channel, log_ns, encoded, captured_ns, sequence % UINT32)
            pending += size
            messages += 1
        else:
            place = len(envelopes)
        self._pending_bytes, self.messages = pending, messages
        return place

    def append(self, message: RecordedMessage) -> None:
        """Append a message that is kept nowhere else; a full chunk is flushed immediately.

        Raises:
            ValueError: no channel is left for its topic.
            OSError: the disk rejects it.
        """
        if not self._channels.add(message):
            return
        self.messages += not message.carried
        self._pending_bytes += len(message.encoded)
        if self.chunk_is_full:
            self.flush()

    @property
    def chunk_is_full(self) -> bool:
        """Whether enough is in memory to flush."""
        return self._pending_bytes >= CHUNK_BYTES

    def add_losses(self, losses: Iterable[Loss]) -> None:
        """Record what the queue dropped; raises OSError as `add_metadata`."""
        for record in loss_records(losses, self._ahead_ns):
            self.add_metadata(LOSS, record)

    def add_jump(self, jump: ClockJump) -> None:
        """Record a jump of the wall clock, at a time on the bus; raises OSError as `add_metadata`."""
        self.add_metadata(CLOCK, jump.moved(self._ahead_ns).record())

    def add_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        """Write a metadata record immediately; a name that is not UTF-8 is written with escapes.

        Raises:
            OSError: the disk rejects it.
        """
        with self._watched():
            self._writer.add_metadata(name, {key: _encodable(value) for key, value in metadata.items()})
            # A whole record: a later failure truncates the file after it.
            self.output.flush()

    def flush(self) -> list[Envelope]:
        """Close the chunk and write it out; returns the envelopes that it put into the file.

        Raises:
            DiskLowError: the disk has too little space; nothing was written, the file can be finished.
            OSError: the disk rejects it; only `close` may be called.
        """
        self._check_free()
        with self._watched():
            self._writer.flush()  # type: ignore[no-untyped-call]  # the library forgot `-> None`
        flushed = self._unflushed.copy()
        self._unflushed.clear()
        self._pending_bytes = 0
        return flushed

    def close(self, *, sync: bool = False) -> Path:
        """Finish the file and give it its own name; returns where it is.

        After a failed write it ends with the last whole chunk, and has no index.

        Raises:
            OSError: it cannot be finished; it is closed after its last whole record.
        """
        if self.is_closed:
            return self.output.path
        self.is_closed = True
        if self.has_failed:
            ended = self.output.close_cut()
            where = self.output.path if ended else self.output.unfinished_path
            _log.error("%s ends early because a write failed; it can be read up to there", where)
            return where
        try:
            with self._watched():
                self._writer.finish()  # type: ignore[no-untyped-call]  # as above
                if sync:
                    self.output.sync()
        except OSError:
            self.output.close_cut()
            raise
        self._unflushed.clear()
        self.output.close()
        return self.output.path

    def discard(self) -> None:
        """Close the file and remove it."""
        self.is_closed = True
        self.output.remove()

    @contextmanager
    def _watched(self) -> Generator[None]:
        """Remember a failed write: the end of the file is then not where the library assumes it."""
        try:
            yield
        except BaseException:
            self.has_failed = True
            raise

    def _check_free(self) -> None:
        if self._min_free_bytes and (free := self.output.free_bytes()) < self._min_free_bytes:
            raise DiskLowError(
                errno.ENOSPC,
                f"only {units.size(free)} are free and min_free_bytes reserves "
                f"{units.size(self._min_free_bytes)}: free some space, or lower it",
                str(self.output.path.parent),
            )


def _encodable(text: str) -> str:
    """Text that UTF-8 can encode: Python represents other bytes of a name as lone surrogates (PEP 383)."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
