"""Recordings to read, written by Beats and by others, and what was written into them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from mcap.reader import make_reader
from mcap.writer import CompressionType, IndexType, Writer

from beats.kernel.envelope import Envelope, Frame, Kind, Peripheral, topic_of
from beats.proto import streaming_pb2
from beats.recordings.content import Note
from beats.recordings.format import SCHEMA_NAME, RecordedMessage, descriptor_set
from beats.recordings.reading import Recording
from beats.recordings.scan import Damage
from beats.recordings.walltime import ClockJump
from beats.recordings.writing import Compression, RecordingFile
from tests.support import CODEC, tiny_png

BEGIN_NS: Final = 1_700_000_000_000_000_000
"""14 November 2023, 22:13:20 UTC."""
STEP_NS: Final = 10_000_000
ABOUT: Final = {"version": "1", "recording": "studio-1", "part": "1", "profile": "studio", "sink": "file"}
COMPRESSIONS: Final[tuple[Compression, ...]] = ("none", "lz4", "zstd")


def line(message: Frame | Peripheral, sequence: int, log_unix_ns: int) -> RecordedMessage:
    captured_ns = log_unix_ns - 1000
    encoded = CODEC.seal(CODEC.prepare(message), sequence, captured_ns)
    return RecordedMessage(topic_of(message), sequence, log_unix_ns, captured_ns, encoded)


def envelope(message: Frame | Peripheral, sequence: int, published_unix_ns: int) -> Envelope:
    topic, _, log_ns, captured_ns, encoded, _ = line(message, sequence, published_unix_ns)
    kind: Kind = "frame" if topic == "frame" else "peripheral"
    return Envelope(kind, topic, sequence, captured_ns, log_ns, message, encoded)


def lines(count: int, *, begin_ns: int = BEGIN_NS, first: int = 1) -> list[RecordedMessage]:
    """A frame, then a knob, then a slider, and so on, ten milliseconds apart."""
    made: list[RecordedMessage] = []
    for index in range(count):
        sequence = first + index // 3
        message = (
            Frame(tiny_png(index % 65536)),
            Peripheral("knob", {"value": index}),
            Peripheral("slider", index),
        )[index % 3]
        made.append(line(message, sequence, begin_ns + index * STEP_NS))
    return made


def read_back(written: RecordedMessage, *, carried: bool = False) -> RecordedMessage:
    """What a reader should find for a written message."""
    return written._replace(carried=carried)


def silent(done: float) -> None:
    """A progress callback that does nothing."""


def record(
    path: Path,
    written: Iterable[RecordedMessage],
    compression: Compression = "none",
    *,
    per_chunk: int = 5,
    carried: Sequence[RecordedMessage] = (),
    about: dict[str, str] | None = None,
    close: bool = True,
    jumps: Iterable[ClockJump] = (),
) -> Path:
    """Write a recording in small chunks; without `close` it is one whose writer was killed."""
    file = RecordingFile(path, ABOUT if about is None else about, compression, carried=carried)
    for jump in jumps:
        file.add_jump(jump)
    for index, each in enumerate(written):
        file.append(each)
        if index % per_chunk == per_chunk - 1:
            file.flush()
    if close:
        return file.close()
    file.flush()
    return path.with_name(path.name + ".part")


def messages(path: Path) -> list[RecordedMessage]:
    return read(path)[0]


def read(path: Path) -> tuple[list[RecordedMessage], list[Damage], list[Note]]:
    """All that a file holds."""
    found: list[RecordedMessage] = []
    damage: list[Damage] = []
    notes: list[Note] = []
    with Recording(path) as recording:
        for item in recording.items():
            if isinstance(item, Damage):
                damage.append(item)
            elif isinstance(item, Note):
                notes.append(item)
            else:
                found += item
    return found, damage, notes


def foreign(
    path: Path,
    written: Iterable[RecordedMessage],
    *,
    chunked: bool = True,
    checksums: bool = True,
    summary: bool = True,
    compression: CompressionType = CompressionType.NONE,
) -> Path:
    """A file of another program, with envelopes beside messages of another kind."""
    with path.open("wb") as file:
        writer = Writer(
            file,
            chunk_size=512,
            compression=compression,
            index_types=IndexType.ALL if summary else IndexType.NONE,
            use_chunking=chunked,
            enable_crcs=checksums,
            use_statistics=summary,
            use_summary_offsets=summary,
            repeat_channels=summary,
            repeat_schemas=summary,
        )
        writer.start(library="somebody")
        other = writer.register_schema("their/msg/Point", "ros2msg", b"float64 x")
        theirs = writer.register_channel("/points", "cdr", other)
        bare = writer.register_channel("/bare", "", 0)
        ours = writer.register_schema(SCHEMA_NAME, "protobuf", descriptor_set(streaming_pb2.DESCRIPTOR))
        channels: dict[str, int] = {}
        writer.add_attachment(0, 0, "photo.txt", "text/plain", b"a picture")
        for each in written:
            if each.topic not in channels:
                channels[each.topic] = writer.register_channel(each.topic, "protobuf", ours)
            writer.add_message(theirs, each.log_unix_ns, bytes(12), each.log_unix_ns)
            writer.add_message(bare, each.log_unix_ns, b"", each.log_unix_ns)
            writer.add_message(
                channels[each.topic], each.log_unix_ns, each.encoded, each.log_unix_ns, each.sequence
            )
        writer.add_metadata("theirs", {"a": "b"})
        writer.finish()  # type: ignore[no-untyped-call]  # the library forgot `-> None`
    return path


def rewritten(path: Path, *, chunked: bool = True, checksums: bool = True) -> Path:
    """The file as another program rewrites it, with all that was in it, under its own name in the header."""
    with path.open("rb") as file:
        reader = make_reader(file)
        notes = [(note.name, dict(note.metadata)) for note in reader.iter_metadata()]
        found = list(reader.iter_messages(log_time_order=False))
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=512, use_chunking=chunked, enable_crcs=checksums)
        writer.start(library="mcap go v1.7.0")
        for name, content in notes:
            writer.add_metadata(name, content)
        channels: dict[int, int] = {}
        for schema, channel, message in found:
            if channel.id not in channels:
                assert schema is not None
                known = writer.register_schema(schema.name, schema.encoding, schema.data)
                channels[channel.id] = writer.register_channel(
                    channel.topic, channel.message_encoding, known, dict(channel.metadata)
                )
            times = message.log_time, message.data, message.publish_time, message.sequence
            writer.add_message(channels[channel.id], *times)
        writer.finish()  # type: ignore[no-untyped-call]  # the library forgot `-> None`
    return path
