"""The disks of a profile."""

import os
from pathlib import Path

import pytest

from beats.doctor import disks
from beats.doctor.disks import Disk, Plan, duration, files, look, room
from tests.doctor.support import always, part

GB = 10**9
FOLDER = Path("/shows")


def free(free_bytes: int, free_files: int | None = 10**6, *, is_read_only: bool = False) -> Disk:
    return Disk(FOLDER, free_bytes, free_files, is_read_only)


def plan(min_free_bytes: int = 0, keep_bytes: int | None = None) -> Plan:
    return Plan("sinks.it", min_free_bytes, keep_bytes)


def test_the_disk_of_a_folder_that_will_be_made_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of its nearest existing parent, which is named in full; no folder is created."""
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "to" / "be" / "made", Path("recordings"), Path()):
        found = look(folder)
        assert (found.folder, found.is_read_only) == (tmp_path, False)
        assert found.free_bytes > 0
    assert list(tmp_path.iterdir()) == []


def test_the_room_of_a_recorder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its own settings; of a disk that cannot be written there is one finding."""
    it = part("recorder", path=f"{tmp_path}/show.mcap", min_free_bytes=2**62)
    [resource] = it.resources.outputs
    [found, *_] = disks.disk(it, resource)
    assert (found.subject, found.level) == ("disk", "fault")
    assert f"free in {tmp_path} for sinks.it, which leaves 4612 PB free" in found.found
    monkeypatch.setattr(disks, "look", always(free(0, 0, is_read_only=True)))
    it = part("recorder", path=f"{tmp_path}/show.mcap")
    [resource] = it.resources.outputs
    [found] = disks.disk(it, resource)
    assert "read-only" in found.found


@pytest.mark.parametrize(
    ("found", "wish", "level", "said"),
    [
        (free(83 * GB), plan(), "ok", "about 38.4 hours"),
        (free(830 * GB), plan(), "ok", "about 16 days"),
        (free(1 * GB), plan(), "warning", "about 28 minutes"),
        (free(83 * GB), plan(82 * GB), "warning", "about 28 minutes"),
        (free(1 * GB), plan(keep_bytes=GB // 2), "ok", "which keeps 500 MB at most"),
        (free(1 * GB), plan(keep_bytes=2 * GB), "warning", "about 28 minutes"),
        (free(1 * GB), plan(1 * GB), "fault", "which leaves 1.0 GB free: it cannot start"),
        (free(0), plan(), "fault", "it cannot start"),
        (free(83 * GB, is_read_only=True), plan(), "fault", "is mounted read-only"),
    ],
)
def test_room_is_told_in_hours(found: Disk, wish: Plan, level: str, said: str) -> None:
    """The size of the stream is unknown, so the assumption is stated."""
    finding = room(wish, found)
    assert finding.level == level
    assert said in finding.found
    assert ("assuming" in finding.found) == ("about" in said)
    assert (finding.advice is None) == (level == "ok")


@pytest.mark.parametrize(
    ("left", "levels"), [(None, []), (1000, []), (999, ["warning"]), (1, ["warning"]), (0, ["fault"])]
)
def test_a_disk_that_can_hold_hardly_another_file_is_told(left: int | None, levels: list[str]) -> None:
    """Even if many bytes are free."""
    assert [each.level for each in files(plan(), free(GB, left))] == levels


def test_a_file_system_without_a_number_of_files_has_no_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as btrfs, which reports 0 of 0."""
    about = os.statvfs(tmp_path)
    none = os.statvfs_result((*about[:5], 0, 0, 0, *about[8:]))
    monkeypatch.setattr(os, "statvfs", always(none))
    assert look(tmp_path).free_files is None


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(0.0, "0 minutes"), (0.5, "30 minutes"), (1.0, "1.0 hours"), (47.9, "47.9 hours"), (48.0, "2 days")],
)
def test_a_time_is_said_roughly(hours: float, expected: str) -> None:
    """As it is an estimate."""
    assert duration(hours) == expected
