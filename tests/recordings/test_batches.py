"""From a record to what it holds."""

import zlib
from io import BytesIO

import pytest
from mcap.data_stream import RecordBuilder
from mcap.records import Chunk, McapRecord, Message, Metadata

from beats.recordings import batches
from beats.recordings.batches import Note, chunk_batch, loose_batch, note_of
from beats.recordings.content import Contents
from beats.recordings.scan import Damage, Place, place_at


def place_of(record: McapRecord) -> tuple[BytesIO, Place]:
    builder = RecordBuilder()
    record.write(builder)
    data: bytes = builder.end()  # type: ignore[no-untyped-call]  # the library forgot `-> bytes`
    file = BytesIO(data)
    place = place_at(file, len(data), 0)
    assert place is not None
    return file, place


def test_a_loose_message_of_ours_is_damage() -> None:
    """Ours are in chunks, under a checksum; in others' files what is no envelope is passed over."""
    file, place = place_of(Message(channel_id=1, sequence=1, log_time=5, publish_time=5, data=b"{}"))
    ours, theirs = Contents(), Contents()
    theirs.is_ours = False
    assert [*loose_batch(file, place, ours)] == [Damage(0, place.after, "a message without a checksum")]
    assert [*loose_batch(file, place, theirs)] == []
    assert theirs.foreign == 1


def test_a_chunk_of_rubbish_under_a_right_checksum_is_damage() -> None:
    """Its bytes are what somebody wrote, and no records all the same."""
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


def test_a_note_is_read_unless_it_is_absurd(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metadata record that would fill the memory is passed over."""
    file, place = place_of(Metadata(name="n", metadata={"a": "b"}))
    assert note_of(file, place) == Note("n", {"a": "b"})
    monkeypatch.setattr(batches, "MOST_NOTE_BYTES", 10)
    assert note_of(file, place) is None
