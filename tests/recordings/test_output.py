"""The file under a recording: its name, its bounds, its end."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from mcap.writer import MCAP0_MAGIC

from beats.recordings import PART_SUFFIX
from beats.recordings.output import Output, is_being_written


def part_of(path: Path) -> Path:
    return path.with_name(path.name + PART_SUFFIX)


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    """Until then it is a `.part`, and afterwards there is none; folders above it are made."""
    path = tmp_path / "a" / "b" / "c.mcap"
    output = Output(path)
    output.write(b"abc")
    assert (path.exists(), part_of(path).read_bytes(), output.tell()) == (False, b"abc", 3)
    assert output.is_in_place()
    output.close()
    assert (path.read_bytes(), part_of(path).exists()) == (b"abc", False)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Neither a recording nor one that is being written: both are named."""
    path = tmp_path / "a.mcap"
    path.write_bytes(b"whole")
    with pytest.raises(FileExistsError, match=r"a\.mcap'"):
        Output(path)
    assert not part_of(path).exists()
    path.unlink()
    part_of(path).write_bytes(b"other")
    with pytest.raises(FileExistsError, match=r"a\.mcap\.part"):
        Output(path)
    assert part_of(path).read_bytes() == b"other"


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_was_taken_meanwhile_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """The file stays a `.part`, and the error names both, also where the disk knows no hard links."""
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "a.mcap"
    output = Output(path)
    output.write(b"mine")
    path.write_bytes(b"theirs")
    with pytest.raises(FileExistsError, match=r"a\.mcap\.part.*a\.mcap'$"):
        output.close()
    assert (path.read_bytes(), part_of(path).read_bytes()) == (b"theirs", b"mine")


def no_links(source: Path, target: Path) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source), None, str(target))


def test_a_disk_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory cards know no hard links; the file gets its name all the same."""
    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "a.mcap"
    output = Output(path)
    output.write(b"mine")
    output.close()
    assert (path.read_bytes(), part_of(path).exists()) == (b"mine", False)


def test_a_cut_file_ends_with_what_was_flushed(tmp_path: Path) -> None:
    """What was written after the last flush is taken away, and an end is put in its place."""
    path = tmp_path / "a.mcap"
    output = Output(path)
    output.write(b"whole")
    output.flush()
    output.write(b"half")
    assert output.close_cut()
    data = path.read_bytes()
    assert data.startswith(b"whole\x0f")
    assert data.endswith(MCAP0_MAGIC)
    assert b"half" not in data


def test_a_cut_file_whose_name_was_taken_stays_a_part(tmp_path: Path) -> None:
    """It has its end, the other file is left, and the answer says that the name is not its own."""
    path = tmp_path / "a.mcap"
    output = Output(path)
    output.flush()
    path.write_bytes(b"theirs")
    assert not output.close_cut()
    assert path.read_bytes() == b"theirs"
    assert part_of(path).read_bytes().endswith(MCAP0_MAGIC)


def test_a_folder_that_was_removed_is_an_error_and_no_trap(tmp_path: Path) -> None:
    """It is noticed, closing says that the file is gone, and nothing is made anew."""
    folder = tmp_path / "gone"
    for end in ("close", "cut"):
        output = Output(folder / "a.mcap")
        output.write(b"abc")
        shutil.rmtree(folder)
        assert not output.is_in_place()
        if end == "cut":
            assert not output.close_cut()
        else:
            with pytest.raises(FileNotFoundError, match=r"a\.mcap"):
                output.close()
        assert not folder.exists()


def test_a_file_that_was_replaced_is_not_in_place(tmp_path: Path) -> None:
    """Another file of the same name is somebody else's."""
    path = tmp_path / "a.mcap"
    output = Output(path)
    part_of(path).rename(tmp_path / "moved")
    part_of(path).write_bytes(b"theirs")
    assert not output.is_in_place()
    output.remove()


def test_a_file_can_be_taken_away_again(tmp_path: Path) -> None:
    """Its name is free for the next attempt."""
    path = tmp_path / "a.mcap"
    Output(path).remove()
    assert list(tmp_path.iterdir()) == []
    Output(path).remove()


def test_syncing_a_closed_file_does_nothing(tmp_path: Path) -> None:
    """Another thread may be late."""
    output = Output(tmp_path / "a.mcap")
    output.write(b"abc")
    output.sync()
    output.close()
    output.sync()


def test_the_disks_room_is_known(tmp_path: Path) -> None:
    """It is what an ordinary user may still fill."""
    output = Output(tmp_path / "a.mcap")
    found = os.statvfs(tmp_path)
    assert 0 < output.free_bytes() <= found.f_blocks * found.f_frsize
    output.remove()


def test_a_file_that_is_written_is_known_to_be(tmp_path: Path) -> None:
    """As long as its writer has it open, and no longer; a file that nobody writes is not."""
    output = Output(tmp_path / "a.mcap")
    assert is_being_written(output.part_path)
    output.close()
    assert not is_being_written(output.path)


def test_what_was_written_is_counted_with_what_was_taken_away_again(tmp_path: Path) -> None:
    """A counter never goes back."""
    output = Output(tmp_path / "a.mcap")
    output.write(b"whole")
    output.flush()
    output.write(b"half")
    assert output.written_bytes == 9
    output.close_cut()
    assert output.written_bytes == 4 + (tmp_path / "a.mcap").stat().st_size


def test_it_knows_whether_it_has_its_name(tmp_path: Path) -> None:
    """Not while it is written, and not when somebody else has it."""
    first, second = Output(tmp_path / "a.mcap"), Output(tmp_path / "b.mcap")
    (tmp_path / "b.mcap").touch()
    assert not first.has_name
    first.close()
    with pytest.raises(FileExistsError):
        second.close()
    assert (first.has_name, second.has_name) == (True, False)
