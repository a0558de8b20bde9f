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
from beats.recordings.channels import Channels, Line
from beats.recordings.format import (
    CHUNK_BYTES,
    CLOCK,
    LIBRARY,
    LOSS,
    MAX_UINT64,
    RECORDING,
    UINT32,
    clamped,
    loss_records,
)
from beats.recordings.output import Output
from beats.recordings.walltime import Jump

Compression = Literal["none", "lz4", "zstd"]
COMPRESSIONS: Final[Mapping[Compression, CompressionType]] = {
    "none": CompressionType.NONE,
    "lz4": CompressionType.LZ4,
    "zstd": CompressionType.ZSTD,
}
__all__ = ["COMPRESSIONS", "Compression", "DiskLowError", "Line", "RecordingFile"]
_NEVER: Final = 2**62
"""The library's own bound on chunks: they are closed by `flush` alone, which knows what is on disk."""

_log: Final = logging.getLogger(__name__)


class DiskLowError(OSError):
    """The disk has less left than the settings want to keep free."""


class RecordingFile:
    """An open recording. What was given to `write` is on disk, as far as files are, after `flush`."""

    def __init__(
        self,
        path: Path,
        about: Mapping[str, str],
        compression: Compression,
        *,
        min_free_bytes: int = 0,
        ahead_ns: int = 0,
        carried: Iterable[Line] = (),
    ) -> None:
        """Open the file and write its head.

        Args:
            path: its name once it is whole; until then `.part` is added.
            about: metadata, of the name `beats.recording`.
            compression: of its chunks.
            min_free_bytes: what the disk shall keep free.
            ahead_ns: how far its log times are ahead of the times on the bus.
            carried: the state that it begins with.

        Raises:
            FileExistsError: there is such a file.
            OSError: it cannot be made, or the disk has too little left; the error names it.
        """
        self.messages = 0
        """How many messages it holds, the state at its beginning left out."""
        self._unflushed: Final[list[Envelope]] = []
        self._pending_bytes = 0
        self._failed = self._closed = False
        self._min_free_bytes: Final = min_free_bytes
        self._ahead_ns: Final = ahead_ns
        self._output: Final = Output(path)
        try:
            self._check_free()
            self._writer: Final = Writer(
                cast("object", self._output),  # type: ignore[arg-type]  # write, tell and flush are all it needs
                chunk_size=_NEVER,
                compression=COMPRESSIONS[compression],
            )
            self._writer.start(library=LIBRARY)
            self._writer.add_metadata(RECORDING, dict(about))
            self._channels: Final = Channels(self._writer, ahead_ns)
            for line in carried:
                self.append(line, carried=True)
            self.flush()
        except BaseException:
            self._output.remove()  # it would keep the next attempt from its name
            raise

    @property
    def path(self) -> Path:
        """Its name once it is whole."""
        return self._output.path

    @property
    def size_bytes(self) -> int:
        """Its size, with what is not yet flushed."""
        return self._output.tell() + self._pending_bytes

    @property
    def written_bytes(self) -> int:
        """What was put on disk, with what a failure took away again; it only rises."""
        return self._output.written_bytes

    @property
    def unflushed(self) -> Sequence[Envelope]:
        """What was written since the last flush."""
        return self._unflushed

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._closed

    @property
    def has_name(self) -> bool:
        """Whether it was closed and has its own name."""
        return self._output.has_name

    @property
    def has_failed(self) -> bool:
        """Whether a write failed: the file can be closed, and will end with its last whole chunk."""
        return self._failed

    def fail(self) -> None:
        """Take the file for lost from its last flush on."""
        self._failed = True

    def is_in_place(self) -> bool:
        """Whether nobody has removed or moved it."""
        return self._output.is_in_place()

    def has_channel_for(self, topic: str) -> bool:
        """Whether the file can hold a message of this topic."""
        return self._channels.has_room_for(topic)

    def write(self, envelopes: Sequence[Envelope], start: int = 0, limit_bytes: int = _NEVER) -> int:
        """Append envelopes; they are in memory until the next flush.

        Args:
            envelopes: in their order.
            start: the place of the first one to append.
            limit_bytes: the size that the file shall not pass, except by its first envelope.

        Returns:
            The place of the first one that was not appended: because the chunk is full, the file is large
            enough, or there is no channel left for its topic.
        """
        # Local names, and no call but the library's for a message: this is the recorder's inner loop.
        ids, add, keep = self._channels.ids, self._writer.add_message, self._unflushed.append
        pending, messages, limit_bytes = self._pending_bytes, self.messages, limit_bytes - self._output.tell()
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

    def append(self, line: Line, *, carried: bool = False) -> None:
        """Append a message that is kept nowhere else; flushed by itself when a chunk is full.

        Args:
            line: the message.
            carried: whether it repeats the state that a range begins with.

        Raises:
            OSError: the disk does not take it.
        """
        if not carried:
            self._channels.put(line)
            self.messages += 1
        elif not self._channels.carry(line):
            return
        self._pending_bytes += len(line.encoded)
        if self.chunk_is_full:
            self.flush()

    @property
    def chunk_is_full(self) -> bool:
        """Whether it is time to flush, as far as size goes."""
        return self._pending_bytes >= CHUNK_BYTES

    def add_losses(self, losses: Iterable[Loss]) -> None:
        """Say what the queue gave up.

        Raises:
            OSError: the disk does not take it.
        """
        for record in loss_records(losses, self._ahead_ns):
            self.add_metadata(LOSS, record)

    def add_jump(self, jump: Jump) -> None:
        """Say where the wall clock jumped, at a time on the bus; raises OSError as `add_metadata`."""
        self.add_metadata(CLOCK, jump.moved(self._ahead_ns).record())

    def add_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        """Say something besides the messages; on disk at once.

        Raises:
            OSError: the disk does not take it.
        """
        with self._watched():
            self._writer.add_metadata(name, dict(metadata))
            # A record of its own, whole: what a failure cuts off begins after it.
            self._output.flush()

    def flush(self) -> list[Envelope]:
        """Close the chunk and write it out; returns the envelopes that are on disk by it.

        Raises:
            DiskLowError: the disk has too little left; nothing was written, the file can be finished.
            OSError: the disk does not take it; only `close` is left to be called.
        """
        self._check_free()
        with self._watched():
            self._writer.flush()  # type: ignore[no-untyped-call]  # the library forgot `-> None`
        flushed = self._unflushed.copy()
        self._unflushed.clear()
        self._pending_bytes = 0
        return flushed

    def sync(self) -> None:
        """Have the disk take what was flushed; any thread may call it at any time.

        Raises:
            OSError: the disk does not.
        """
        self._output.sync()

    def close(self, *, sync: bool = False) -> Path:
        """Finish the file and give it its own name; returns where it is.

        After a failed write it ends with the last chunk that is whole, and has no index.

        Raises:
            OSError: it cannot be finished; it is closed as far as it is whole.
        """
        if self._closed:
            return self._output.path
        self._closed = True
        if self._failed:
            ended = self._output.close_cut()
            where = self._output.path if ended else self._output.part_path
            _log.error("%s ends early: a write failed; it can be read up to there", where)
            return where
        try:
            with self._watched():
                self._writer.finish()  # type: ignore[no-untyped-call]  # as above
                if sync:
                    self._output.sync()
        except OSError:
            self._output.close_cut()
            raise
        self._unflushed.clear()
        self._output.close()
        return self._output.path

    def discard(self) -> None:
        """Close the file and take it away again: what it was made for has failed."""
        self._closed = True
        self._output.remove()

    @contextmanager
    def _watched(self) -> Generator[None]:
        """Take note of a failed write: the file's end is not what the library believes."""
        try:
            yield
        except BaseException:
            self._failed = True
            raise

    def _check_free(self) -> None:
        if self._min_free_bytes and (free := self._output.free_bytes()) < self._min_free_bytes:
            raise DiskLowError(
                errno.ENOSPC,
                f"only {free / 1e6:,.0f} MB are free and min_free_bytes keeps "
                f"{self._min_free_bytes / 1e6:,.0f} MB: free some space, or lower it",
                str(self.path.parent),
            )
