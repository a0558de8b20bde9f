"""Sink `recorder`: everything that was published, exactly, in one MCAP file.

One channel for each topic; a message's bytes are the envelope's, so that a recording can be played again
byte for byte. The format: https://mcap.dev/spec, and its registry for `protobuf`.
"""

import errno
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import chain
from pathlib import Path
from string import Formatter
from typing import Annotated, Final, Literal

import anyio
from anyio import to_thread
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from mcap.writer import CompressionType, Writer
from pydantic import Field, field_validator

from beats.config.settings import MIB, Overflow, QueueSettings, SinkSettings
from beats.kernel.envelope import Envelope
from beats.kernel.ports import Batches, Context, SinkKind
from beats.proto import streaming_pb2

SCHEMA_NAME: Final = streaming_pb2.StreamEnvelope.DESCRIPTOR.full_name
UINT32: Final = 2**32
MAX_UINT64: Final = 2**64 - 1
MAX_CHANNELS: Final = 2**16 - 1
"""A channel's id is 16 bits wide, and the library counts them from 1."""
MAX_BESIDE: Final = 1000
"""How many recordings may share a name."""
COMPRESSIONS: Final = {
    "none": CompressionType.NONE,
    "lz4": CompressionType.LZ4,
    "zstd": CompressionType.ZSTD,
}

_log: Final = logging.getLogger(__name__)


class RecorderQueueSettings(QueueSettings):
    """The recorder's queue: deep, because a disk stalls for seconds, and what is in it is kept."""

    size: Annotated[int, Field(ge=1)] = 4096
    """Largest number of waiting envelopes; more than a minute of 30 frames and 20 readings a second."""
    max_bytes: Annotated[int, Field(ge=1)] = 256 * MIB
    """Largest number of waiting bytes; an envelope larger than this is refused."""
    overflow: Overflow = "drop_newest"
    """What happens when a bound is reached; drop_newest leaves one gap in the recording, not many."""


class RecorderSettings(SinkSettings):
    """Where and how to record."""

    path: Annotated[str, Field(min_length=1)] = "recordings/{profile}-{start:%Y%m%d-%H%M%S}.mcap"
    """The file, from the current folder; never overwritten; folders are made. {profile} is the profile's
    name and {start:…} the local time, as `strftime` writes it."""
    compression: Literal["none", "lz4", "zstd"] = "none"
    """none, lz4 or zstd; none because PNG does not shrink and zstd costs a quarter of the throughput."""
    # A frozen field may be narrowed, which pyright cannot see.
    queue: RecorderQueueSettings = RecorderQueueSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    """The queue between the bus and this sink."""

    @field_validator("path")
    @classmethod
    def _known_placeholders(cls, path: str) -> str:
        for _, name, _, _ in Formatter().parse(path):
            if name not in (None, "profile", "start"):
                raise ValueError(
                    f"unknown placeholder {{{name}}}: known are {{profile}} and {{start:%Y%m%d}}"
                )
        _filled(path, "profile", 0)
        return path


class Recording:
    """One open MCAP file; synchronous, for a worker thread.

    Raises:
        FileExistsError: there is such a file already.
        OSError: it cannot be made; the error names it.
    """

    def __init__(self, path: Path, compression: CompressionType) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = path.open("xb")
        except FileExistsError:
            why = (
                "a recording is never overwritten: move this one away, or put {start:%Y%m%d-%H%M%S} into path"
            )
            raise FileExistsError(errno.EEXIST, why, str(path)) from None
        self.path = path
        self.messages = 0
        """How many messages it holds."""
        self._channels: dict[str, int] = {}
        self._broken = False
        try:
            self._writer = Writer(self._file, compression=compression)
            self._writer.start(library="beats")
            self._schema = self._writer.register_schema(
                SCHEMA_NAME, "protobuf", descriptor_set(streaming_pb2.DESCRIPTOR)
            )
        except BaseException:
            with suppress(OSError):
                self._file.close()
            path.unlink()  # it is ours and empty, and would keep the next attempt from its name
            raise

    def write(self, batch: Iterable[Envelope]) -> None:
        """Append envelopes in their order."""
        try:
            for envelope in batch:
                self._writer.add_message(
                    self._channel(envelope.topic),
                    log_time=_clamped(envelope.published_unix_ns),
                    data=envelope.encoded,
                    publish_time=_clamped(envelope.captured_unix_ns),
                    sequence=envelope.sequence % UINT32,
                )
                self.messages += 1
        except OSError:
            self._broken = True
            raise

    def close(self) -> None:
        """Finish the file and close it.

        After a failed write there is nothing to finish: the end of the file is unknown, and an index after
        it would point to what is not there.
        """
        if self._broken:
            with suppress(OSError):  # the write's own error is on its way
                self._file.close()
            _log.error("%s is cut: a write failed, and what was not yet written is lost", self.path)
            return
        with self._file:
            self._writer.finish()  # type: ignore[no-untyped-call]  # the library forgot `-> None`
        _log.info("%s is finished: %d messages", self.path, self.messages)

    def _channel(self, topic: str) -> int:
        channel = self._channels.get(topic)
        if channel is None:
            if len(self._channels) == MAX_CHANNELS:
                raise ValueError(
                    f"{self.path} holds {MAX_CHANNELS:,} topics, and MCAP allows no more in a file"
                )
            channel = self._writer.register_channel(topic, "protobuf", self._schema)
            self._channels[topic] = channel
        return channel


class RecorderSink:
    """Writes each batch in a worker thread, so that the event loop never waits for the disk."""

    def __init__(self, settings: RecorderSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._opened = 0
        self.path: Path | None = None
        """The file that is, or was last, written."""

    async def run(self, queue: Batches) -> None:
        """Record until the queue ends. The file is finished and closed however this ends.

        A restart, or a second run within the time that the name tells, opens a file beside the first:
        `name-2.mcap`. A name without a time belongs to one recording, and an older one is in the way.
        """
        recording = await to_thread.run_sync(self._open)
        try:
            async for batch in queue:
                await to_thread.run_sync(recording.write, batch)
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(recording.close)

    def _open(self) -> Recording:
        settings, context = self._settings, self._context
        path = Path(_filled(settings.path, context.profile, context.clock.unix_ns())).expanduser()
        if self._opened or "{start" in settings.path:
            path = _beside(path)
        recording = Recording(path, COMPRESSIONS[settings.compression])
        self._opened += 1
        self.path = path
        _log.info("sink %r: recording to %s", context.name, path)
        return recording


def descriptor_set(file: FileDescriptor) -> bytes:
    """A serialized `FileDescriptorSet` of a schema file and all that it imports, imports first."""
    found = FileDescriptorSet()
    for each in dict.fromkeys(_with_imports(file)):
        each.CopyToProto(found.file.add())
    return found.SerializeToString()


def _with_imports(file: FileDescriptor) -> Iterator[FileDescriptor]:
    for each in file.dependencies:
        yield from _with_imports(each)
    yield file


def _beside(path: Path) -> Path:
    """The path, or the first free one with a number; the last when all are taken."""
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in range(2, MAX_BESIDE + 1))
    last = path
    for last in chain([path], numbered):
        if not last.exists():
            break
    return last


def _clamped(unix_ns: int) -> int:
    """MCAP's times are unsigned: before 1970 becomes 1970. The message's own bytes keep the true time."""
    return min(max(unix_ns, 0), MAX_UINT64)


def _filled(template: str, profile: str, unix_ns: int) -> str:
    """The path with its placeholders filled in; a profile's name cannot lead to another folder."""
    start = datetime.fromtimestamp(unix_ns / 1e9).astimezone()
    return template.format(profile=re.sub(r"[^\w.-]", "_", profile), start=start)


SINK: Final = SinkKind(
    settings=RecorderSettings,
    build=RecorderSink,
    summary="Records everything to an MCAP file that other tools open and Beats can play again",
)
