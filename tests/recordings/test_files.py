"""Finding recordings, and their common timeline."""

import os
from pathlib import Path

import pytest

from beats.kernel.errors import InputError
from beats.recordings import files
from beats.recordings.copying import recover
from beats.recordings.files import GAP_S, FoundFile, Piece, find, in_order
from beats.recordings.format import LOG_OFFSET
from beats.recordings.walltime import ClockJump
from tests.recordings.support import ABOUT, BEGIN_NS, lines, record

SECOND_NS = 10**9


def nothing_skipped(what: str) -> None:
    raise AssertionError(what)


def found(*paths: Path) -> list[Path]:
    return [each.path for each in find(paths, nothing_skipped)]


def timeline(paths: list[Path]) -> list[Piece]:
    return files.timeline((FoundFile(path, must_be_readable=True) for path in paths), nothing_skipped)


def test_a_folder_means_its_recordings(tmp_path: Path) -> None:
    """Finished or not, in the order of their names, each once; other files and broken links are ignored."""
    for name in ("b.mcap", "a.mcap", "c.mcap.part", "notes.txt", "d.mcap.bak"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mcap").mkdir()
    (tmp_path / "gone.mcap").symlink_to(tmp_path / "nowhere")
    (tmp_path / "latest.mcap").symlink_to(tmp_path / "a.mcap")
    (tmp_path / "c.mcap").hardlink_to(tmp_path / "c.mcap.part")  # while it is being renamed
    os.mkfifo(tmp_path / "pipe.mcap")  # opening it would block
    names = [path.name for path in found(tmp_path / "b.mcap", tmp_path)]
    assert names == ["b.mcap", "a.mcap", "c.mcap"]
    assert found(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """For a missing path and a folder without recordings, the error says what to give."""
    with pytest.raises(InputError, match=r"nowhere does not exist: give a recording"):
        found(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds no recordings: no file in it or below it ends with"):
        found(tmp_path)


def test_parts_keep_the_time_between_them(tmp_path: Path) -> None:
    """Parts of one recording are as far apart as they were, whatever the order of their names."""
    second = record(tmp_path / "a.mcap", lines(100, begin_ns=BEGIN_NS + 10 * SECOND_NS))
    first = record(tmp_path / "b.mcap", lines(100))
    pieces = timeline([second, first])
    assert [(piece.path, piece.continues) for piece in pieces] == [(first, False), (second, True)]
    assert [piece.begins_s for piece in pieces] == [0.0, 10.0]
    assert pieces[1].position_s(BEGIN_NS + 11 * SECOND_NS) == 11.0
    assert pieces[1].logged_ns(11.0) == BEGIN_NS + 11 * SECOND_NS
    assert pieces[0].ends_s == pytest.approx(0.99)


def test_days_between_recordings_become_a_second(tmp_path: Path) -> None:
    """A recording of another time follows after a short pause, and is not a continuation."""
    first = record(tmp_path / "a.mcap", lines(100))
    other = {**ABOUT, "recording": "studio-2"}
    late = lines(100, begin_ns=BEGIN_NS + 86_400 * SECOND_NS)
    second = record(tmp_path / "b.mcap", late, about=other)
    pieces = timeline([first, second])
    assert not pieces[1].continues
    assert pieces[1].begins_s == pytest.approx(0.99 + GAP_S)


def test_parts_that_overlap_are_joined_without_a_rest(tmp_path: Path) -> None:
    """If a clock was set back between two parts, the second begins where the first ends."""
    first = record(tmp_path / "a.mcap", lines(100))
    late = lines(100, begin_ns=BEGIN_NS + SECOND_NS // 2)
    second = record(tmp_path / "b.mcap", late, about={**ABOUT, "part": "2"})
    pieces = timeline([first, second])
    assert pieces[1].begins_s == pytest.approx(pieces[0].ends_s)


def test_files_without_messages_are_left_out(tmp_path: Path) -> None:
    """A power cut may leave such a file; a file that is not a recording is an error."""
    (tmp_path / "a.mcap.part").touch()
    record(tmp_path / "b.mcap", [])
    third = record(tmp_path / "c.mcap", lines(3))
    assert [piece.path for piece in timeline(found(tmp_path))] == [third]
    (tmp_path / "d.mcap").write_text("hello")
    with pytest.raises(InputError, match=r"d\.mcap is not a recording"):
        timeline(found(tmp_path))


def part(
    path: Path, number: int, *, at_s: float = 0.0, offset_s: float | None = 0.0, recording: str = "studio-1"
) -> Path:
    """A second of a recording, so many seconds after its beginning, by a clock that is so far ahead."""
    about = {**ABOUT, "recording": recording, "part": str(number)}
    if offset_s is not None:
        about[LOG_OFFSET] = str(round(offset_s * SECOND_NS))
    begin_ns = BEGIN_NS + round((at_s + (offset_s or 0.0)) * SECOND_NS)
    path.parent.mkdir(parents=True, exist_ok=True)
    return record(path, lines(101, begin_ns=begin_ns), about=about)


def test_folders_below_a_folder_count(tmp_path: Path) -> None:
    """Some recorders create one for each day; links to folders are not followed."""
    names = ["2026/11/30/001.mcap", "2026/12/01/001.mcap.part", "b.mcap"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "latest").symlink_to(tmp_path / "2026/12/01")
    (tmp_path / "again").symlink_to(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in found(tmp_path)) == names


def test_an_unreadable_folder_below_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported."""
    for name in ("a/1.mcap", "b/2.mcap"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("a"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    skipped: list[str] = []
    assert [each.path for each in find([tmp_path], skipped.append)] == [tmp_path / "b/2.mcap"]
    assert skipped == [f"{tmp_path / 'a'} cannot be read: Permission denied"]


def test_what_need_not_be_there_is_passed_over(tmp_path: Path) -> None:
    """When a loop starts again, named files may be gone; the others are played."""
    (tmp_path / "a.mcap").touch()
    skipped: list[str] = []
    names = [tmp_path / "gone.mcap", tmp_path / "a.mcap"]
    (only,) = find(names, skipped.append, strict=False)
    assert only == FoundFile(tmp_path / "a.mcap", must_be_readable=False)
    assert skipped == [f"{names[0]} does not exist: give a recording, or a folder of recordings"]


def test_a_file_that_is_renamed_while_it_is_looked_for_is_found(tmp_path: Path) -> None:
    """Its writer may finish it, and remove the `.part`, after the folder was read."""
    part(tmp_path / "a.mcap", 1)
    unfinished = FoundFile(tmp_path / "a.mcap.part", must_be_readable=True)
    (piece,) = files.timeline([unfinished], nothing_skipped)
    with piece.open() as recording:
        assert recording.is_whole


@pytest.mark.parametrize("offset_s", [0.0, None])
def test_parts_are_played_in_the_order_of_their_numbers(tmp_path: Path, offset_s: float | None) -> None:
    """Whatever their names and times, also in recordings of earlier versions."""
    numbers = [10, 2, 1, 3]
    paths = {number: part(tmp_path / f"{number}.mcap", number, offset_s=offset_s) for number in numbers}
    pieces = timeline([paths[number] for number in numbers])
    assert [piece.path for piece in pieces] == [paths[number] for number in (1, 2, 3, 10)]
    assert [piece.continues for piece in pieces] == [False, True, True, False]


@pytest.mark.parametrize("step_s", [-3600.0, 86_400.0])
def test_a_step_between_two_parts_takes_no_time(tmp_path: Path, step_s: float) -> None:
    """They are as far apart as they were, not as the wall clock shows it."""
    first = part(tmp_path / "1.mcap", 1)
    second = part(tmp_path / "2.mcap", 2, at_s=3.0, offset_s=step_s)
    third = part(tmp_path / "3.mcap", 3, at_s=4.5, offset_s=step_s)
    pieces = timeline([third, second, first])
    assert [piece.path for piece in pieces] == [first, second, third]
    assert [piece.begins_s for piece in pieces] == pytest.approx([0.0, 3.0, 4.5])


def test_a_part_that_is_missing_is_not_waited_for(tmp_path: Path) -> None:
    """There is no pause for it; what follows begins with its own state."""
    first, third = part(tmp_path / "1.mcap", 1), part(tmp_path / "3.mcap", 3, at_s=7200.0)
    pieces = timeline([first, third])
    assert [piece.begins_s for piece in pieces] == pytest.approx([0.0, 1.0 + GAP_S])
    assert not pieces[1].continues


def test_a_part_without_messages_is_there(tmp_path: Path) -> None:
    """The next part continues the one before it."""
    first, third = part(tmp_path / "1.mcap", 1), part(tmp_path / "3.mcap", 3, at_s=2.0)
    empty = record(tmp_path / "2.mcap", [], about={**ABOUT, "part": "2"})
    pieces = timeline([first, empty, third])
    assert [(piece.path, piece.continues) for piece in pieces] == [(first, False), (third, True)]


def test_a_recording_is_dated_by_the_clock_as_it_was_last_set(tmp_path: Path) -> None:
    """The last setting of the clock counts: a machine without a battery starts in the past."""
    before = part(tmp_path / "b.mcap", 1, at_s=-3600.0, recording="before the restart")
    begin_ns = 1000 * SECOND_NS
    right = ClockJump(begin_ns + SECOND_NS, begin_ns + SECOND_NS, BEGIN_NS)
    about = {**ABOUT, "recording": "after it"}
    after = record(tmp_path / "a.mcap", lines(300, begin_ns=begin_ns), about=about, jumps=[right])
    assert [piece.path for piece in timeline([after, before])] == [before, after]


def test_files_of_a_folder_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    """They are reported; a file that was named must be readable."""
    good = part(tmp_path / "b.mcap", 1)
    (tmp_path / "a.mcap").write_text("hello")
    skipped: list[str] = []
    pieces = files.timeline(find([tmp_path], nothing_skipped), skipped.append)
    assert [piece.path for piece in pieces] == [good]
    assert len(skipped) == 1
    assert "a.mcap is not a recording" in skipped[0]
    with pytest.raises(InputError, match=r"a\.mcap is not a recording"):
        timeline([tmp_path / "a.mcap", good])


def test_a_recovered_file_is_passed_over_where_its_original_is(tmp_path: Path) -> None:
    """Its content would come twice; without the original it is used."""
    first = part(tmp_path / "1.mcap", 1)
    second = part(tmp_path / "2.mcap", 2, at_s=1.0)
    recovered = tmp_path / "2-recovered.mcap"
    recover(second, recovered, lambda done: None)
    skipped: list[str] = []
    pieces = files.timeline(find([tmp_path], nothing_skipped), skipped.append)
    assert [piece.path for piece in pieces] == [first, second]
    assert skipped == [f"{recovered}: recovered from {second}, which is read instead"]
    second.unlink()
    assert [(piece.path, piece.continues) for piece in timeline([recovered, first])] == [
        (first, False),
        (recovered, True),
    ]


def test_files_may_stay_in_their_order_but_for_the_parts_of_a_recording(tmp_path: Path) -> None:
    """Unreadable files keep their places, too."""
    tenth, second = part(tmp_path / "10.mcap", 10), part(tmp_path / "2.mcap", 2)
    other = part(tmp_path / "3.mcap", 1, at_s=-9.0, recording="other")
    text = tmp_path / "text.mcap"
    text.write_text("hello")
    assert in_order([tenth, text, other, second]) == [second, text, other, tenth]
