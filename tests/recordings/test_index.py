"""Where the chunks of a file are."""

from pathlib import Path

from mcap.opcode import Opcode

from beats.recordings.content import Contents
from beats.recordings.index import ChunkPlace, has_no_summary, read_summary, walked_chunks
from beats.recordings.output import Output
from beats.recordings.scan import Place, Times, walk
from tests.recordings.support import BEGIN_NS, STEP_NS, lines, record


def chunks_of(path: Path) -> list[ChunkPlace]:
    with path.open("rb") as file:
        return walked_chunks(file, path.stat().st_size, Contents())


def test_the_index_says_what_a_way_through_the_file_finds(tmp_path: Path) -> None:
    """Offsets and times of all chunks agree, whichever way they are found."""
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


def test_a_file_without_an_index_has_none(tmp_path: Path) -> None:
    """Neither one that was cut off, nor one that a failed write ended, which is in order none the less."""
    part = record(tmp_path / "a.mcap", lines(30), close=False)
    data = part.read_bytes()
    output = Output(tmp_path / "b.mcap")
    output.write(data)
    output.flush()
    assert output.close_cut()
    for path in (part, output.path):
        with path.open("rb") as file:
            assert read_summary(file, path.stat().st_size, Contents()) is None
    with output.path.open("rb") as file:
        size = output.path.stat().st_size
        end = next(
            each.after
            for each in walk(file, size)
            if isinstance(each, Place) and each.opcode == Opcode.DATA_END
        )
        assert has_no_summary(file, size, end)
        assert not has_no_summary(file, size - 9, end)
    assert len(chunks_of(part)) == len(chunks_of(output.path)) == 6


def test_times_that_do_not_rise_are_compared_with_the_messages(tmp_path: Path) -> None:
    """A chunk's head may lie about its times; one that is damaged besides is left out."""
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
