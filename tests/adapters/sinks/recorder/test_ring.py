import os
from pathlib import Path

import pytest

from beats.adapters.recordings.writing import RecordingFile
from beats.adapters.sinks.recorder.ring import Ring

ABOUT = {"sink": "archive", "profile": "studio"}


def recorded(path: Path, age_s: int, about: dict[str, str] = ABOUT) -> Path:
    """A finished recording that was written so long ago."""
    RecordingFile(path, about, "none").close()
    os.utime(path, (1_000_000 - age_s, 1_000_000 - age_s))
    return path


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def pruned(folder: Path, keep_parts: int | None = None, keep_bytes: int | None = None) -> list[str]:
    ring = Ring("archive", "studio", keep_parts, keep_bytes)
    return [path.name for path in ring.prune(str(folder / "*.mcap"))]


def test_the_oldest_give_way_until_as_many_are_left_as_shall_be(tmp_path: Path) -> None:
    """By when they were written, whatever their names say."""
    for name, age_s in (("a", 1), ("b", 3), ("c", 2)):
        recorded(tmp_path / f"{name}.mcap", age_s)
    assert pruned(tmp_path, keep_parts=2) == ["b.mcap"]
    assert left(tmp_path) == ["a.mcap", "c.mcap"]


def test_the_oldest_give_way_until_few_enough_bytes_are_left(tmp_path: Path) -> None:
    """The sum of the sizes counts; one file is kept even when it alone is larger."""
    files = [recorded(tmp_path / f"{number}.mcap", 10 - number) for number in range(4)]
    size = files[0].stat().st_size
    assert pruned(tmp_path, keep_bytes=2 * size) == ["0.mcap", "1.mcap"]
    assert pruned(tmp_path, keep_bytes=1) == ["2.mcap"]
    assert left(tmp_path) == ["3.mcap"]


def test_nothing_is_deleted_unless_it_was_asked_for(tmp_path: Path) -> None:
    """A recorder without a ring keeps everything."""
    recorded(tmp_path / "a.mcap", 1)
    recorded(tmp_path / "b.mcap", 2)
    assert pruned(tmp_path) == []


def test_what_this_recorder_did_not_write_is_never_deleted(tmp_path: Path) -> None:
    """Another sink's, another profile's, another program's files, and what only has such a name."""
    recorded(tmp_path / "other-sink.mcap", 9, {**ABOUT, "sink": "b"})
    recorded(tmp_path / "other-profile.mcap", 9, {**ABOUT, "profile": "wall"})
    recorded(tmp_path / "nobody.mcap", 9, {})
    (tmp_path / "notes.mcap").write_text("not a recording")
    (tmp_path / "folder.mcap").mkdir()
    mine = [recorded(tmp_path / f"{number}.mcap", number).name for number in (1, 2)]
    before = left(tmp_path)
    assert pruned(tmp_path, keep_parts=1) == ["2.mcap"]
    assert left(tmp_path) == sorted({*before} - {"2.mcap"})
    assert mine == ["1.mcap", "2.mcap"]


def test_what_a_killed_run_left_behind_counts_and_what_is_being_written_does_not(tmp_path: Path) -> None:
    """An unfinished file takes room too, but nobody's open file is taken away."""
    now = RecordingFile(tmp_path / "now.mcap", ABOUT, "none")
    killed = recorded(tmp_path / "killed", 5).rename(tmp_path / "killed.mcap.part")
    recorded(tmp_path / "a.mcap", 1)
    assert pruned(tmp_path, keep_parts=1) == [killed.name]
    assert left(tmp_path) == ["a.mcap", "now.mcap.part"]
    now.close()


def test_a_file_that_cannot_be_deleted_is_reported_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The recording goes on."""
    for number in range(3):
        recorded(tmp_path / f"{number}.mcap", 10 - number)
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == "0.mcap":
            raise PermissionError(1, "Operation not permitted")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert pruned(tmp_path, keep_parts=1) == ["1.mcap"]
    assert "0.mcap cannot be deleted: Operation not permitted" in caplog.text
