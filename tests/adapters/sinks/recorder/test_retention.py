import logging
import os
import shutil
from pathlib import Path

import pytest

from beats.adapters.sinks.recorder.naming import Names
from beats.adapters.sinks.recorder.retention import Keep, Retention
from beats.recordings.copying import cut, recover
from beats.recordings.format import FILE, iso
from beats.recordings.selection import Selection
from beats.recordings.walltime import ClockJump
from beats.recordings.writing import RecordingFile
from tests.adapters.sinks.recorder.support import NOW_NS
from tests.recordings.support import lines, rewritten

ABOUT = {"sink": "archive", "profile": "studio"}
SECOND_NS = 10**9


def names_in(folder: Path, template: str = "{part:03}.mcap") -> Names:
    return Names(str(folder / template), "studio", NOW_NS)


def recorded(
    folder: Path, name: str, recording: str, part: int = 1, *, at_s: float = 0.0, **about: str
) -> Path:
    """A finished file of a recorder, which was begun so many seconds after the others."""
    said = {"recording": recording, "part": str(part), "started": iso(NOW_NS + round(at_s * SECOND_NS))}
    file = RecordingFile(folder / name, ABOUT | said | {FILE: name} | about, "none")
    for each in lines(3):
        file.append(each)
    return file.close()


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def pruned(
    folder: Path,
    newest: str,
    *,
    keep_parts: int | None = None,
    keep_bytes: int | None = None,
    ring: Retention | None = None,
    template: str = "{part:03}.mcap",
) -> list[str]:
    ring = ring or Retention("archive", "studio")
    gone = ring.prune(names_in(folder, template), newest, Keep(keep_parts, keep_bytes))
    return [str(path.relative_to(folder)) for path in gone]


def test_the_oldest_are_deleted_until_keep_parts_are_left(tmp_path: Path) -> None:
    """By recording and part, whatever their names and the times of the file system."""
    recorded(tmp_path, "001.mcap", "b", part=1, at_s=10)
    recorded(tmp_path, "002.mcap", "a", part=2, at_s=5)
    recorded(tmp_path, "003.mcap", "a", part=10, at_s=4)
    recorded(tmp_path, "004.mcap", "a", part=1)
    for number in (1, 2, 3, 4):
        os.utime(tmp_path / f"00{number}.mcap", (number, number))
    assert pruned(tmp_path, "b", keep_parts=2) == ["004.mcap", "002.mcap"]
    assert left(tmp_path) == ["001.mcap", "003.mcap"]


def test_the_oldest_are_deleted_until_keep_bytes_are_left(tmp_path: Path) -> None:
    """The sum of the sizes counts; one file is always kept."""
    files = [recorded(tmp_path, f"00{number}.mcap", "a", number) for number in range(4)]
    size = files[0].stat().st_size
    assert pruned(tmp_path, "a", keep_bytes=2 * size) == ["000.mcap", "001.mcap"]
    assert pruned(tmp_path, "a", keep_bytes=1) == ["002.mcap"]
    assert left(tmp_path) == ["003.mcap"]


def test_nothing_is_deleted_unless_it_was_asked_for(tmp_path: Path) -> None:
    """Without bounds, all files are kept."""
    recorded(tmp_path, "001.mcap", "a", 1)
    recorded(tmp_path, "002.mcap", "a", 2)
    assert pruned(tmp_path, "a") == []


@pytest.mark.parametrize("later", ["started", "modified"])
def test_files_of_this_run_are_newer_than_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, later: str
) -> None:
    """Earlier files may have later times, if the clock was wrong then or they were copied."""
    caplog.set_level(logging.INFO)
    for number in (1, 2, 3):
        at_s = 86_400 if later == "started" else -3600
        path = recorded(tmp_path, f"00{number}.mcap", "before", number, at_s=at_s)
        if later == "modified":
            os.utime(path, (2**32, 2**32))
    ring = Retention("archive", "studio")
    for number in (4, 5, 6):
        recorded(tmp_path, f"00{number}.mcap", "now", number - 3)
        assert pruned(tmp_path, "now", keep_parts=3, ring=ring) == [f"00{number - 3}.mcap"]
    assert left(tmp_path) == ["004.mcap", "005.mcap", "006.mcap"]
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 3
    assert all("although it is dated after" in record.getMessage() for record in warnings)
    assert pruned(tmp_path, "now", keep_parts=2, ring=ring) == ["004.mcap"]
    assert caplog.records[-1].levelname == "INFO"


def test_recordings_of_one_run_stay_in_their_order_when_the_clock_is_set_back(tmp_path: Path) -> None:
    """A recorder on command makes several; the order of their creation counts."""
    ring = Retention("archive", "studio")
    for number, (name, at_s) in enumerate((("a", 0.0), ("b", 7200.0), ("c", 10.0), ("d", 20.0)), 1):
        recorded(tmp_path, f"00{number}.mcap", name, at_s=at_s)
        pruned(tmp_path, name, keep_parts=2, ring=ring)
    assert left(tmp_path) == ["003.mcap", "004.mcap"]


def test_a_recording_is_dated_by_the_clock_as_it_was_last_set(tmp_path: Path) -> None:
    """A machine without a battery starts in the past, and its clock is set during the recording."""
    file = RecordingFile(
        tmp_path / "001.mcap",
        ABOUT | {"recording": "after-boot", "part": "1", "started": iso(0), FILE: "001.mcap"},
        "none",
    )
    file.add_jump(ClockJump(5, 5, NOW_NS))
    file.close()
    recorded(tmp_path, "002.mcap", "before-boot", at_s=-3600)
    recorded(tmp_path, "003.mcap", "now", at_s=10)
    assert pruned(tmp_path, "now", keep_parts=2) == ["002.mcap"]


def test_retention_works_over_folders_of_dates(tmp_path: Path) -> None:
    """Empty folders are removed with their last file; a folder with other files stays."""
    template = "{start:%Y/%m/%d}/{part:03}.mcap"
    for day in (1, 2, 3, 4):
        recorded(tmp_path, f"2026/10/{day:02}/001.mcap", f"day-{day}", at_s=day)
    recorded(tmp_path, "2026/11/01/001.mcap", "now", at_s=9)
    (tmp_path / "2026/10/02/notes.txt").write_text("mine")
    assert pruned(tmp_path, "now", keep_parts=2, template=template) == [
        f"2026/10/0{day}/001.mcap" for day in (1, 2, 3)
    ]
    assert sorted(path.name for path in (tmp_path / "2026/10").iterdir()) == ["02", "04"]
    assert pruned(tmp_path, "now", keep_parts=1, template=template) == ["2026/10/04/001.mcap"]
    assert left(tmp_path) == ["2026/10/02/notes.txt", "2026/11/01/001.mcap"]


def test_what_this_recorder_did_not_write_is_never_deleted(tmp_path: Path) -> None:
    """Files of other sinks, profiles and programs, and files that only have a matching name."""
    recorded(tmp_path, "010.mcap", "x", sink="b")
    recorded(tmp_path, "011.mcap", "x", profile="wall")
    RecordingFile(tmp_path / "012.mcap", {}, "none").close()
    (tmp_path / "013.mcap").write_text("not a recording")
    (tmp_path / "014.mcap").mkdir()
    recorded(tmp_path, "015.mcap", "old")
    rewritten(tmp_path / "015.mcap")
    before = left(tmp_path)
    recorded(tmp_path, "001.mcap", "a", 1)
    recorded(tmp_path, "002.mcap", "a", 2)
    assert pruned(tmp_path, "a", keep_parts=1) == ["001.mcap"]
    assert left(tmp_path) == sorted([*before, "002.mcap"])


def test_copies_renamed_files_and_what_was_made_of_one_are_never_deleted(tmp_path: Path) -> None:
    """A cut, a recovered file, a copy, a renamed file, a file in another folder."""
    template = "{start:%Y}/{part:03}.mcap"
    first = recorded(tmp_path, "2025/001.mcap", "a", 1)
    cut(Selection([first]), tmp_path / "2025/101.mcap", lambda done: None)
    recover(first, tmp_path / "2025/102.mcap", lambda done: None)
    shutil.copy2(first, tmp_path / "2025/103.mcap")
    (tmp_path / "keep").mkdir()
    shutil.copy2(first, tmp_path / "keep/001.mcap")
    recorded(tmp_path, "2025/002.mcap", "a", 2).rename(tmp_path / "2025/002-keep.mcap")
    # A file of another program under the name of a deleted one is not the recorder's.
    third = recorded(tmp_path, "2025/003.mcap", "a", 3)
    third.unlink()
    recover(first, third, lambda done: None)
    before = left(tmp_path)
    for number in (4, 5):
        recorded(tmp_path, f"2026/00{number}.mcap", "a", number)
    gone = pruned(tmp_path, "a", keep_parts=1, keep_bytes=1, template=template)
    assert gone == ["2025/001.mcap", "2026/004.mcap"]
    assert left(tmp_path) == sorted([*before, "2026/005.mcap"][1:])


def test_files_that_do_not_say_their_name_are_left_alone_and_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Earlier versions did not write the name, so such a file may be a copy."""
    for number in (1, 2):
        path = tmp_path / f"00{number}.mcap"
        RecordingFile(path, ABOUT | {"recording": "old", "part": str(number)}, "none").close()
    recorded(tmp_path, "003.mcap", "now")
    ring = Retention("archive", "studio")
    for _ in range(2):
        assert pruned(tmp_path, "now", keep_parts=1, ring=ring) == []
    assert [record.getMessage() for record in caplog.records] == [
        "sink 'archive': 2 of its recordings are not counted and kept: their metadata lack a file "
        "name, so they may be copies; delete them yourself"
    ]


def test_what_a_killed_run_left_behind_counts_and_what_is_being_written_does_not(tmp_path: Path) -> None:
    """An unfinished file takes space, too, but an open file is never deleted."""
    about = ABOUT | {"recording": "writing", FILE: "009.mcap"}
    now = RecordingFile(tmp_path / "009.mcap", about, "none")
    killed = recorded(tmp_path, "001.mcap", "killed", at_s=-5).rename(tmp_path / "001.mcap.part")
    recorded(tmp_path, "002.mcap", "now")
    assert pruned(tmp_path, "now", keep_parts=1) == [killed.name]
    assert left(tmp_path) == ["002.mcap", "009.mcap.part"]
    now.close()


def test_a_file_that_cannot_be_deleted_is_reported_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The recording continues."""
    for number in range(3):
        recorded(tmp_path, f"00{number}.mcap", "a", number)
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == "000.mcap":
            raise PermissionError(1, "Operation not permitted")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert pruned(tmp_path, "a", keep_parts=1) == ["001.mcap"]
    assert "000.mcap cannot be deleted: Operation not permitted" in caplog.text
