"""The meaning of records: channels, messages, notes."""

import zlib
from io import BytesIO

import pytest
from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Header, McapRecord, Message, Metadata, Schema

from beats.kernel.envelope import Frame, Peripheral
from beats.proto import wire
from beats.recordings import content as module
from beats.recordings.content import Contents, Note, chunk_batch, loose_batch, note_of, parsed, topic_of
from beats.recordings.format import CARRIED, LIBRARY, RECORDING, SCHEMA_NAME
from beats.recordings.scan import Damage, Record, record_at
from tests.recordings.support import BEGIN_NS, line, read_back
from tests.support import tiny_png

KNOB = line(Peripheral("knob", 5), 7, BEGIN_NS)
OURS = Schema(id=1, name=SCHEMA_NAME, encoding="protobuf", data=b"")
THEIRS = Schema(id=2, name="their.Point", encoding="protobuf", data=b"")


def bytes_of(*records: McapRecord) -> bytes:
    builder = RecordBuilder()
    for record in records:
        record.write(builder)
    data: bytes = builder.end()  # type: ignore[no-untyped-call]  # the library forgot `-> bytes`
    return data


def channel(number: int, topic: str, schema: int, metadata: dict[str, str] | None = None) -> Channel:
    return Channel(
        id=number, topic=topic, message_encoding="protobuf", schema_id=schema, metadata=metadata or {}
    )


def message(channel_id: int, data: bytes = KNOB.encoded) -> Message:
    return Message(
        channel_id=channel_id, sequence=7, log_time=BEGIN_NS, publish_time=BEGIN_NS - 1000, data=data
    )


def contents(library: str) -> Contents:
    made = Contents()
    made.learn(Opcode.HEADER, bytes_of(Header(profile="", library=library))[9:])
    return made


def test_a_message_has_its_channels_topic_and_mark() -> None:
    """The topic is that of the channel; a marked channel holds repeated state."""
    records = bytes_of(
        OURS,
        channel(1, "peripheral/knob", 1),
        channel(2, "peripheral/knob", 1, dict(CARRIED)),
        message(1),
        message(2),
    )
    for library in (LIBRARY, "somebody"):
        found = list(contents(library).messages(records))
        assert found == [read_back(KNOB), read_back(KNOB, carried=True)]


def test_messages_of_other_schemas_are_counted() -> None:
    """They are not envelopes, whichever program wrote the file."""
    records = bytes_of(OURS, THEIRS, channel(1, "/points", 2), channel(2, "/bare", 0), message(1), message(2))
    theirs = contents("somebody")
    assert list(theirs.messages(records)) == []
    assert theirs.foreign == 2
    ours = contents(LIBRARY)
    assert [each.topic for each in ours.messages(records)] == ["/bare"]
    assert ours.foreign == 1


def test_our_messages_say_themselves_who_they_are() -> None:
    """If the record of a channel is lost, the topic comes from the envelope, but only in our own files."""
    frame = line(Frame(tiny_png()), 3, BEGIN_NS)
    records = bytes_of(message(5), message(6, frame.encoded))
    assert [each.topic for each in contents(LIBRARY).messages(records)] == ["peripheral/knob", "frame"]
    assert list(contents("somebody").messages(records)) == []


def test_a_channel_that_contradicts_itself_is_refused() -> None:
    """A channel may be repeated, but not changed: then the chunk belongs to another file."""
    first = bytes_of(channel(1, "frame", 1), channel(1, "frame", 1))
    other = bytes_of(channel(1, "peripheral/knob", 1))
    ours, theirs = contents(LIBRARY), contents("somebody")
    for made in (ours, theirs):
        assert list(made.messages(first)) == []
    with pytest.raises(ValueError, match="changes a channel that was defined before"):
        list(ours.messages(other))
    assert list(theirs.messages(other)) == []


def test_a_metadata_record_of_ours_makes_a_file_ours() -> None:
    """If the header is damaged, the recorder's metadata identify the file."""
    made = contents("bQats")
    assert not made.is_ours
    made.learn(Opcode.METADATA, bytes_of(Metadata(name="theirs", metadata={}))[9:])
    assert not made.is_ours
    made.learn(Opcode.METADATA, bytes_of(Metadata(name=RECORDING, metadata={}))[9:])
    assert made.is_ours


@pytest.mark.parametrize("library", ["mcap go v1.7.0", "somebody", "", "their", "beatsX"])
def test_metadata_of_ours_in_another_programs_file_was_copied(library: str) -> None:
    """An undamaged header identifies the writer."""
    made = contents(library)
    made.learn(Opcode.METADATA, bytes_of(Metadata(name=RECORDING, metadata={}))[9:])
    assert not made.is_ours


@pytest.mark.parametrize("cut", [1, 8, 9, 20, 30])
def test_records_that_do_not_follow_one_another_are_refused(cut: int) -> None:
    """A chunk must not end within a record."""
    with pytest.raises(ValueError, match="ends within a record"):
        list(contents(LIBRARY).messages(bytes_of(message(1))[:cut]))


def test_a_message_that_is_too_short_is_refused() -> None:
    """It lacks its own fields."""
    with pytest.raises(ValueError, match="too short"):
        contents(LIBRARY).message(bytes(21))


def test_what_is_no_envelope_has_no_topic() -> None:
    """Neither empty bytes nor a place and time alone are one; a peripheral without a name has a topic."""
    nameless = wire.update_head(b"", 0) + wire.JSON_ENCODED
    assert topic_of(nameless, wire.fields(nameless)) == "peripheral/()"
    for frame in (Frame(tiny_png()), Frame(tiny_png(), "cam-1")):
        encoded = line(frame, 7, BEGIN_NS).encoded
        assert topic_of(encoded, wire.fields(encoded)) == ("frame/cam-1" if frame.id else "frame")
    for encoded in (b"", wire.tail(1, 5)):
        with pytest.raises(ValueError, match="neither"):
            topic_of(encoded, wire.fields(encoded))
    made = contents(LIBRARY)
    assert made.message(bytes(22) + b"\xff") is None
    assert made.foreign == 1


def test_what_cannot_be_parsed_is_none() -> None:
    """The errors of the MCAP library do not escape."""
    for data in (b"\xff" * 3, b"\x02\0\0\0\xff\xff\0\0\0\0"):
        assert parsed(Metadata.read, data) is None
    assert parsed(Channel.read, b"") is None


def place_of(record: McapRecord) -> tuple[BytesIO, Record]:
    file = BytesIO(bytes_of(record))
    place = record_at(file, len(file.getvalue()), 0)
    assert place is not None
    return file, place


def test_a_loose_message_of_ours_is_damage() -> None:
    """Beats writes messages into chunks, under a checksum; in files of other programs they are skipped."""
    file, place = place_of(Message(channel_id=1, sequence=1, log_time=5, publish_time=5, data=b"{}"))
    ours, theirs = Contents(), Contents()
    theirs.is_ours = False
    assert [*loose_batch(file, place, ours)] == [Damage(0, place.after, "a message without a checksum")]
    assert [*loose_batch(file, place, theirs)] == []
    assert theirs.foreign == 1


def test_a_chunk_of_rubbish_under_a_right_checksum_is_damage() -> None:
    """Its bytes are not records."""
    chunk = Chunk(
        compression="",
        data=b"rubbish",
        message_start_time=5,
        message_end_time=5,
        uncompressed_crc=zlib.crc32(b"rubbish"),
        uncompressed_size=7,
    )
    file, place = place_of(chunk)
    (found,) = chunk_batch(file, place, Contents())
    assert found == Damage(0, place.after, "a chunk: it ends within a record")


def test_a_note_is_read_unless_it_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metadata record that would fill the memory is skipped."""
    file, place = place_of(Metadata(name="n", metadata={"a": "b"}))
    assert note_of(file, place) == Note("n", {"a": "b"})
    monkeypatch.setattr(module, "MOST_NOTE_BYTES", 10)
    assert note_of(file, place) is None
