"""Reading recordings: whole, cut, damaged, of other programs, still being written."""

import os
import random
from pathlib import Path

import pytest
from mcap.opcode import Opcode

from beats.kernel.envelope import Frame, Peripheral
from beats.kernel.errors import InputError
from beats.recordings.content import Contents
from beats.recordings.format import RECORDING, RecordedMessage
from beats.recordings.index import ChunkPlace, read_summary, walked_chunks
from beats.recordings.reading import Recording
from beats.recordings.scan import Damage, Record, Times, walk
from beats.recordings.walltime import ClockJump
from beats.recordings.writing import Compression, RecordingFile
from tests.recordings.support import (
    ABOUT,
    BEGIN_NS,
    COMPRESSIONS,
    STEP_NS,
    foreign,
    line,
    lines,
    messages,
    read,
    read_back,
    record,
    rewritten,
)
from tests.support import tiny_png

WRITTEN = lines(60)
CARRIED = [line(Peripheral("knob", "old"), 900, BEGIN_NS - 5), line(Peripheral("lamp", 1), 3, BEGIN_NS - 5)]
EXPECTED = [*(read_back(each, carried=True) for each in CARRIED), *(read_back(each) for each in WRITTEN)]


def sample(path: Path, compression: Compression = "none") -> bytes:
    """The bytes of a recording of twelve chunks and one of carried state, with notes between them."""
    file = RecordingFile(path, ABOUT, compression, carried=CARRIED)
    for index, each in enumerate(WRITTEN):
        file.append(each)
        if index % 5 == 4:
            file.flush()
            file.add_metadata("note", {"at": str(index)})
    return file.close().read_bytes()


def places(path: Path, opcode: Opcode) -> list[Record]:
    with path.open("rb") as file:
        found = walk(file, path.stat().st_size)
        return [each for each in found if isinstance(each, Record) and each.opcode == opcode]


def held(path: Path) -> list[tuple[Record, list[RecordedMessage]]]:
    """The chunks of a whole file, and what each holds."""
    with Recording(path) as recording:
        batches = [item for item in recording.items() if isinstance(item, list)]
    return list(zip(places(path, Opcode.CHUNK), batches, strict=True))


def assert_right(found: list[RecordedMessage], expected: list[RecordedMessage] = EXPECTED) -> None:
    """No wrong one, none twice, none out of order."""
    rest = iter(expected)
    assert all(message in rest for message in found)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_was_written_is_read(tmp_path: Path, compression: Compression) -> None:
    """Every message comes back byte for byte, in order, with its topic, times and mark."""
    path = tmp_path / "a.mcap"
    sample(path, compression)
    found, damage, notes = read(path)
    assert found == EXPECTED
    assert damage == []
    assert [note.name for note in notes] == [RECORDING, *["note"] * 12]
    with Recording(path) as recording:
        assert recording.is_whole
        assert recording.about() == ABOUT
        assert recording.times() == Times(BEGIN_NS - 5, WRITTEN[-1].log_unix_ns)
        assert len(recording.chunks()) == 13
        assert recording.compression() == ("" if compression == "none" else compression)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_cut_file_is_read_up_to_its_last_whole_chunk(tmp_path: Path, compression: Compression) -> None:
    """Every whole chunk is read, and the missing end is reported."""
    whole = tmp_path / "whole.mcap"
    data = sample(whole, compression)
    chunks = held(whole)
    cut = tmp_path / "cut.mcap"
    offsets = random.Random(1).sample(range(len(data)), 60)
    for size in [*offsets, 0, 1, 8, len(data) - 1]:
        cut.write_bytes(data[:size])
        found, damage, _ = read(cut)
        assert found == [message for place, batch in chunks if place.after <= size for message in batch], size
        assert damage, size
        assert damage[-1].cut, size
        assert damage[-1].offset + damage[-1].size_bytes == size
        with Recording(cut) as recording:
            assert not recording.is_whole
            assert (recording.times() is not None) == bool(found)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_flipped_bytes_harm_only_what_they_hit(tmp_path: Path, compression: Compression) -> None:
    """No message is wrong or doubled, undamaged chunks are read, and the loss is reported."""
    whole = tmp_path / "whole.mcap"
    data = sample(whole, compression)
    chunks = held(whole)
    broken = tmp_path / "broken.mcap"
    for seed in range(100):
        choice = random.Random(seed)
        flipped = bytearray(data)
        hits = [choice.randrange(len(data)) for _ in range(choice.choice((1, 1, 1, 2, 5)))]
        for at in hits:
            flipped[at] ^= choice.randrange(1, 256)
        broken.write_bytes(flipped)
        found, damage, _ = read(broken)
        assert_right(found)
        spared = [
            message
            for place, batch in chunks
            if not any(place.offset <= at < place.after for at in hits)
            for message in batch
        ]
        assert_right(spared, found)
        assert damage or found == EXPECTED, seed
        reads_in_any_order(broken)


def reads_in_any_order(path: Path) -> None:
    """What looks at parts of a file also gives nothing wrong."""
    with Recording(path) as recording:
        recording.about()
        recording.times()
        assert_right(recording.state_before(BEGIN_NS + 30 * STEP_NS, 10**9), sorted_by_time(EXPECTED))
        later = [item for item in recording.items(BEGIN_NS + 30 * STEP_NS) if isinstance(item, list)]
        assert_right([message for batch in later for message in batch])


def sorted_by_time(expected: list[RecordedMessage]) -> list[RecordedMessage]:
    return sorted(expected, key=lambda message: message.log_unix_ns)


@pytest.mark.parametrize("opcode", [Opcode.HEADER, Opcode.CHUNK, Opcode.MESSAGE_INDEX, Opcode.METADATA])
def test_every_bit_of_a_records_head_may_be_wrong(tmp_path: Path, opcode: Opcode) -> None:
    """A wrong opcode or length loses at most that record, and is reported."""
    whole = tmp_path / "whole.mcap"
    data = sample(whole)
    chunks = held(whole)
    place = places(whole, opcode)[0 if opcode == Opcode.HEADER else 3]
    broken = tmp_path / "broken.mcap"
    for bit in range(8 * 9):
        flipped = bytearray(data)
        flipped[place.offset + bit // 8] ^= 1 << bit % 8
        broken.write_bytes(flipped)
        found, damage, _ = read(broken)
        assert found == [message for chunk, batch in chunks if chunk != place for message in batch], bit
        assert damage, bit
        assert damage[0].offset == place.offset


def test_a_damaged_index_is_said_and_not_believed(tmp_path: Path) -> None:
    """A wrong byte behind the messages loses none of them, and is reported as damage to the index."""
    whole = tmp_path / "whole.mcap"
    data = sample(whole)
    begin = places(whole, Opcode.DATA_END)[0].after
    broken = tmp_path / "broken.mcap"
    for at in (*range(begin, len(data), 11), *range(len(data) - 37, len(data))):
        flipped = bytearray(data)
        flipped[at] ^= 0x55
        broken.write_bytes(flipped)
        found, damage, _ = read(broken)
        assert found == EXPECTED
        assert [(each.offset, each.is_index) for each in damage] == [(begin, True)], at


def test_wrong_times_in_the_head_of_a_chunk_are_noticed(tmp_path: Path) -> None:
    """The times in a chunk's head have no checksum, so they are compared with its messages."""
    path = tmp_path / "a.mcap"
    whole = sample(path)
    chunk = places(path, Opcode.CHUNK)[-1]
    flipped = bytearray(whole[: chunk.after])
    flipped[chunk.offset + 9 + 15] = 0x70  # its last time is in another century
    path.write_bytes(flipped)
    found, damage, _ = read(path)
    assert found == EXPECTED
    assert [each.offset for each in damage] == [chunk.offset + 9, chunk.after]
    with Recording(path) as recording:
        assert recording.times() == Times(BEGIN_NS - 5, WRITTEN[-1].log_unix_ns)


def test_a_file_whose_only_chunk_is_damaged_holds_nothing(tmp_path: Path) -> None:
    """That is not an error: there are no messages and no times, and one damage."""
    path = record(tmp_path / "a.mcap", WRITTEN[:4], close=False)
    chunk = places(path, Opcode.CHUNK)[0]
    data = bytearray(path.read_bytes())
    data[chunk.after - 1] ^= 1
    path.write_bytes(data)
    found, damage, _ = read(path)
    assert found == []
    assert damage[0][:2] == (chunk.offset, chunk.after - chunk.offset)
    with Recording(path) as recording:
        assert recording.times() is None
        assert recording.state_before(BEGIN_NS * 2, 10**9) == []


def test_what_follows_the_end_is_said(tmp_path: Path) -> None:
    """Bytes behind the end of a whole file are damage, but no message is lost."""
    path = tmp_path / "a.mcap"
    data = sample(path)
    path.write_bytes(data + b"more")
    found, damage, _ = read(path)
    assert found == EXPECTED
    assert len(damage) == 1
    assert damage[0].is_index


def test_a_recording_within_a_recording_is_not_taken_for_it(tmp_path: Path) -> None:
    """A picture may contain the bytes of chunks; with the index they are never read as chunks."""
    inner = record(tmp_path / "inner.mcap", [line(Peripheral("evil", index), 1, 5) for index in range(9)])
    outer = [*WRITTEN[:10], line(Frame(tiny_png() + inner.read_bytes()), 90, BEGIN_NS), *WRITTEN[10:20]]
    path = record(tmp_path / "a.mcap", outer)
    data = bytearray(path.read_bytes())
    chunk = held(path)[2][0]
    data[chunk.offset + 3] ^= 1  # its length, so that its end is unknown
    path.write_bytes(data)
    found, damage, _ = read(path)
    assert found == [read_back(each) for each in (*outer[:10], *outer[15:])]
    assert [each.offset for each in damage] == [chunk.offset]
    path.write_bytes(data[:-20])  # without the index, what contradicts the channels is seen through
    found, _, _ = read(path)
    assert {message.topic for message in found} == {"frame", "peripheral/knob", "peripheral/slider"}


def test_a_recording_is_read_while_it_is_written(tmp_path: Path) -> None:
    """Everything that was flushed can be read."""
    file = RecordingFile(tmp_path / "a.mcap", ABOUT, "lz4")
    part = tmp_path / "a.mcap.part"
    for index, each in enumerate(WRITTEN[:20]):
        file.append(each)
        if index in (3, 14):
            file.flush()
            found, damage, _ = read(part)
            assert found == EXPECTED[2 : index + 3]
            assert [(each.size_bytes, each.cut) for each in damage] == [(0, True)]
    assert len(messages(part)) == 15
    file.close()
    assert len(messages(tmp_path / "a.mcap")) == 20


def test_reading_begins_where_it_is_told(tmp_path: Path) -> None:
    """With a start and an end, only chunks with messages between them are read."""
    path = tmp_path / "a.mcap"
    data = sample(path)
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(data[: places(path, Opcode.DATA_END)[0].offset])
    for each in (path, cut):
        with Recording(each) as recording:
            found = recording.items(BEGIN_NS + 27 * STEP_NS, BEGIN_NS + 35 * STEP_NS)
            batches = [item for item in found if isinstance(item, list)]
            assert [message for batch in batches for message in batch] == EXPECTED[27:37]
            assert list(recording.items(BEGIN_NS * 2)) == []


def test_a_clock_that_was_set_back_hides_nothing(tmp_path: Path) -> None:
    """Messages are found by time wherever they are in the file, and so is the state before a time."""
    early = lines(10, begin_ns=BEGIN_NS - 3600 * 10**9, first=100)
    written = [*WRITTEN[:10], *early, *WRITTEN[10:20]]
    for close in (True, False):
        path = record(tmp_path / f"{close}.mcap", written, close=close)
        with Recording(path) as recording:
            assert recording.times() == Times(early[0].log_unix_ns, WRITTEN[19].log_unix_ns)
            start_ns = WRITTEN[8].log_unix_ns
            found = [item for item in recording.items(start_ns) if isinstance(item, list)]
            late = [message for batch in found for message in batch if message.log_unix_ns >= start_ns]
            assert late == [read_back(each) for each in WRITTEN[8:20]]
            state = recording.state_before(early[5].log_unix_ns, 10**9)
            assert state == [read_back(each) for each in early[2:5]]


def test_the_state_before_a_time_is_the_latest_of_each_topic(tmp_path: Path) -> None:
    """Also if it is old; a limit in bytes restricts it to near messages."""
    path = tmp_path / "a.mcap"
    sample(path)
    with Recording(path) as recording:
        state = recording.state_before(BEGIN_NS + 30 * STEP_NS, 10**9)
        assert state == [EXPECTED[1], *EXPECTED[29:32]]
        assert recording.state_before(BEGIN_NS + 30 * STEP_NS, 1) == EXPECTED[29:32]
        assert recording.state_before(BEGIN_NS - 5, 10**9) == []


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("checksums", [True, False])
@pytest.mark.parametrize("summary", [True, False])
def test_other_programs_files_are_read(tmp_path: Path, chunked: bool, checksums: bool, summary: bool) -> None:
    """Envelopes are found among other messages, which are counted; other records are skipped."""
    path = foreign(tmp_path / "theirs.mcap", WRITTEN, chunked=chunked, checksums=checksums, summary=summary)
    found, damage, notes = read(path)
    assert found == [read_back(each) for each in WRITTEN]
    assert damage == []
    assert [note.name for note in notes] == ["theirs"]
    with Recording(path) as recording:
        assert recording.about() == {}
        assert recording.times() == Times(BEGIN_NS, WRITTEN[-1].log_unix_ns)
        assert sum(len(item) for item in recording.items() if isinstance(item, list)) == 60
        assert recording.foreign >= 120


def test_a_cut_file_of_another_program_is_read(tmp_path: Path) -> None:
    """Everything whole is read, wherever it was cut."""
    data = foreign(tmp_path / "theirs.mcap", WRITTEN, chunked=False).read_bytes()
    cut = tmp_path / "cut.mcap"
    for size in random.Random(2).sample(range(len(data)), 50):
        cut.write_bytes(data[:size])
        found, damage, _ = read(cut)
        assert found == [read_back(each) for each in WRITTEN[: len(found)]]
        assert damage


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    """A text file, a folder, a FIFO and a missing file are named, with the reason."""
    text = tmp_path / "text.mcap"
    text.write_text("hello " * 1000)
    with pytest.raises(InputError, match=r"text\.mcap is not a recording: it does not begin as an MCAP file"):
        Recording(text)
    with pytest.raises(InputError, match=r"cannot be read: Is a directory"):
        Recording(tmp_path)
    with pytest.raises(InputError, match=r"nowhere cannot be read: No such file"):
        Recording(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match=r"fifo cannot be read: is not a regular file"):
        Recording(tmp_path / "fifo")


def test_a_damage_is_told_with_its_place(tmp_path: Path) -> None:
    """Zeros over two chunks are one damage, and the rest is read."""
    path = tmp_path / "a.mcap"
    data = bytearray(sample(path))
    chunks = held(path)
    first, last = chunks[4][0], chunks[5][0]
    data[first.offset : last.after] = bytes(last.after - first.offset)
    path.write_bytes(data)
    found, damage, _ = read(path)
    assert found == EXPECTED[:17] + EXPECTED[27:]
    assert damage == [Damage(first.offset, chunks[6][0].offset - first.offset, "not a valid record")]


@pytest.mark.parametrize("checksums", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_recording_rewritten_by_others_is_read(tmp_path: Path, chunked: bool, checksums: bool) -> None:
    """It has our metadata and that program's header; missing chunks and checksums are no damage then."""
    path = record(tmp_path / "a.mcap", WRITTEN, carried=CARRIED)
    rewritten(path, chunked=chunked, checksums=checksums)
    found, damage, _ = read(path)
    assert (found, damage) == (EXPECTED, [])
    with Recording(path) as recording:
        assert not recording.is_ours
        assert recording.about() == ABOUT
        assert recording.times() == Times(BEGIN_NS - 5, WRITTEN[-1].log_unix_ns)


@pytest.mark.parametrize("way", ["index", "walk", "rewritten"])
def test_what_the_wall_clock_showed_is_read(tmp_path: Path, way: str) -> None:
    """From the index, without an index, and from a copy by another program."""
    jumps = [
        ClockJump(BEGIN_NS + 9, BEGIN_NS + 9, BEGIN_NS - 3600),
        ClockJump(BEGIN_NS + 90, BEGIN_NS, BEGIN_NS + 5),
    ]
    path = record(tmp_path / "a.mcap", WRITTEN, jumps=jumps, close=way != "walk")
    if way == "rewritten":
        rewritten(path)
    with Recording(path) as recording:
        assert recording.wall_time().jumps == tuple(jumps)


def chunks_of(path: Path) -> list[ChunkPlace]:
    with path.open("rb") as file:
        return walked_chunks(file, path.stat().st_size, Contents())


def test_the_index_says_what_a_way_through_the_file_finds(tmp_path: Path) -> None:
    """The offsets and times of all chunks are the same either way."""
    path = record(tmp_path / "a.mcap", lines(30))
    with path.open("rb") as file:
        contents = Contents()
        summary = read_summary(file, path.stat().st_size, contents)
    assert summary is not None
    assert summary.chunks == chunks_of(path)
    assert [chunk.times for chunk in summary.chunks] == [
        Times(BEGIN_NS + 5 * index * STEP_NS, BEGIN_NS + (5 * index + 4) * STEP_NS) for index in range(6)
    ]
    assert summary.statistics is not None
    assert summary.statistics.message_count == 30


def test_times_that_do_not_rise_are_compared_with_the_messages(tmp_path: Path) -> None:
    """The head of a chunk may have wrong times; a chunk that is damaged as well is left out."""
    path = record(tmp_path / "a.mcap", lines(30), close=False)
    whole = chunks_of(path)
    for index in (0, 2, 5):
        data = bytearray(path.read_bytes())
        data[whole[index].offset + 9 + 15] ^= 0x60
        path.write_bytes(data)
        assert chunks_of(path) == whole
        data[whole[index].offset + 80] ^= 1
        broken = tmp_path / "broken.mcap"
        broken.write_bytes(data)
        assert chunks_of(broken) == [chunk for chunk in whole if chunk != whole[index]]
