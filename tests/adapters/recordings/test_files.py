"""Which files a path means, and their common timeline."""

from pathlib import Path

import pytest

from beats.adapters.recordings.files import GAP_S, find, timeline
from beats.kernel.errors import InputError
from tests.adapters.recordings.support import ABOUT, BEGIN_NS, lines, record

SECOND_NS = 10**9


def test_a_folder_means_its_recordings(tmp_path: Path) -> None:
    """Finished or not, in the order of their names, each once; other files are left alone."""
    for name in ("b.mcap", "a.mcap", "c.mcap.part", "notes.txt", "d.mcap.bak"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mcap").mkdir()
    found = find([tmp_path / "b.mcap", tmp_path])
    assert [path.name for path in found] == ["b.mcap", "a.mcap", "c.mcap.part"]
    assert find([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """A path that does not exist, and a folder without recordings, with what would be right."""
    with pytest.raises(InputError, match=r"nowhere does not exist: give a recording"):
        find([tmp_path / "nowhere"])
    with pytest.raises(InputError, match=r"holds no recordings: no file ends with \.mcap"):
        find([tmp_path])


def test_parts_keep_the_time_between_them(tmp_path: Path) -> None:
    """Parts of one recording stay as far apart as they were; whatever their names say of the order."""
    second = record(tmp_path / "a.mcap", lines(100, begin_ns=BEGIN_NS + 10 * SECOND_NS))
    first = record(tmp_path / "b.mcap", lines(100))
    pieces = timeline([second, first])
    assert [(piece.path, piece.continues) for piece in pieces] == [(first, False), (second, True)]
    assert [piece.begins_s for piece in pieces] == [0.0, 10.0]
    assert pieces[1].position_s(BEGIN_NS + 11 * SECOND_NS) == 11.0
    assert pieces[1].recorded_ns(11.0) == BEGIN_NS + 11 * SECOND_NS
    assert pieces[0].ends_s == pytest.approx(0.99)


def test_days_between_recordings_become_a_second(tmp_path: Path) -> None:
    """What was recorded at another time follows after a short rest, and is no continuation."""
    first = record(tmp_path / "a.mcap", lines(100))
    other = {**ABOUT, "recording": "studio-2"}
    late = lines(100, begin_ns=BEGIN_NS + 86_400 * SECOND_NS)
    second = record(tmp_path / "b.mcap", late, about=other)
    pieces = timeline([first, second])
    assert not pieces[1].continues
    assert pieces[1].begins_s == pytest.approx(0.99 + GAP_S)


def test_parts_that_overlap_are_joined_without_a_rest(tmp_path: Path) -> None:
    """After a clock was set back between two parts, the second begins where the first ends."""
    first = record(tmp_path / "a.mcap", lines(100))
    second = record(tmp_path / "b.mcap", lines(100, begin_ns=BEGIN_NS + SECOND_NS // 2))
    pieces = timeline([first, second])
    assert pieces[1].begins_s == pytest.approx(pieces[0].ends_s)


def test_files_without_messages_are_left_out(tmp_path: Path) -> None:
    """Such as one that a power cut left empty; what is no recording at all is an error."""
    (tmp_path / "a.mcap.part").touch()
    record(tmp_path / "b.mcap", [])
    third = record(tmp_path / "c.mcap", lines(3))
    assert [piece.path for piece in timeline(find([tmp_path]))] == [third]
    (tmp_path / "d.mcap").write_text("hello")
    with pytest.raises(InputError, match=r"d\.mcap is no recording"):
        timeline(find([tmp_path]))
