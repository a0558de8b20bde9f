"""What a recorder has written, and the free space of its disk."""

import errno
import os
import threading
from pathlib import Path

import anyio
import pytest

from beats.adapters.sinks.recorder.disk import Counters, DiskWatch
from tests.adapters.sinks.recorder.support import until
from tests.kernel.support import threads
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio


def test_it_knows_what_the_disk_has_left_for_this_user(tmp_path: Path) -> None:
    """Also if the folders do not exist yet, or a file is in the way."""
    (tmp_path / "file").touch()
    for path in (
        tmp_path / "a.mcap",
        tmp_path / "to" / "be" / "made" / "a.mcap",
        tmp_path / "file" / "a.mcap",
    ):
        disk = DiskWatch(path)
        assert disk.free_bytes is None
        disk.look()
        found = os.statvfs(tmp_path)
        assert disk.free_bytes is not None
        assert 0 < disk.free_bytes <= found.f_blocks * found.f_frsize


def test_a_disk_that_cannot_tell_keeps_its_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing or old value must not stop the recorder."""

    def broken(path: Path) -> os.statvfs_result:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    seen, unseen = DiskWatch(tmp_path / "a.mcap"), DiskWatch(tmp_path / "a.mcap")
    seen.look()
    before = seen.free_bytes
    monkeypatch.setattr(os, "statvfs", broken)
    seen.look()
    unseen.look()
    assert (seen.free_bytes, unseen.free_bytes) == (before, None)


async def test_a_hanging_disk_blocks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch can be cancelled although the disk has not answered."""
    asked, answer = threading.Event(), threading.Event()
    original = os.statvfs

    def hanging(path: Path) -> os.statvfs_result:
        asked.set()
        assert answer.wait(TIMEOUT_S)
        return original(path)

    monkeypatch.setattr(os, "statvfs", hanging)
    disk = DiskWatch(tmp_path / "a.mcap")
    with anyio.fail_after(TIMEOUT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(disk.watch)
            await until(asked.is_set)
            group.cancel_scope.cancel()
    assert disk.free_bytes is None
    answer.set()
    await until(lambda: disk.free_bytes is not None)


def test_it_says_why_a_file_could_not_be_made(tmp_path: Path) -> None:
    """Without creating anything."""
    DiskWatch(tmp_path / "to" / "a.mcap").check()
    (tmp_path / "file").touch()
    with pytest.raises(
        OSError, match=rf"^{tmp_path}/file/a.mcap cannot be created: {tmp_path}/file is not a folder$"
    ):
        DiskWatch(tmp_path / "file" / "a.mcap").check()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_threads_may_add_at_once() -> None:
    """Snapshots and parts may be written at the same time."""
    tally = Counters()

    def add() -> None:
        for _ in range(2000):
            tally.add(written_bytes=3, envelopes=2)
            tally.add(files=1)

    with threads(add, add, add):
        pass
    assert (tally.written_bytes, tally.envelopes, tally.files) == (18000, 12000, 6000)
