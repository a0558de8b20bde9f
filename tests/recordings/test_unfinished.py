"""Files that get their own name once they are whole."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from mcap.writer import MCAP0_MAGIC

from beats.recordings import UNFINISHED_SUFFIX
from beats.recordings.unfinished import UnfinishedFile, UnfinishedRecording, is_being_written


def part_of(path: Path) -> Path:
    return path.with_name(path.name + UNFINISHED_SUFFIX)


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    """Until then it is a `.part`, and afterwards there is none; folders above it are made."""
    path = tmp_path / "a" / "b" / "c.mcap"
    output = UnfinishedRecording(path)
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
        UnfinishedRecording(path)
    assert not part_of(path).exists()
    path.unlink()
    part_of(path).write_bytes(b"other")
    with pytest.raises(FileExistsError, match=r"a\.mcap\.part"):
        UnfinishedRecording(path)
    assert part_of(path).read_bytes() == b"other"


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_was_taken_meanwhile_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """The file stays a `.part`, and the error names both, also where the disk knows no hard links."""
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "a.mcap"
    output = UnfinishedRecording(path)
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
    output = UnfinishedRecording(path)
    output.write(b"mine")
    output.close()
    assert (path.read_bytes(), part_of(path).exists()) == (b"mine", False)


def test_a_cut_file_ends_with_what_was_flushed(tmp_path: Path) -> None:
    """What was written after the last flush is taken away, and an end is put in its place."""
    path = tmp_path / "a.mcap"
    output = UnfinishedRecording(path)
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
    output = UnfinishedRecording(path)
    output.flush()
    path.write_bytes(b"theirs")
    assert not output.close_cut()
    assert path.read_bytes() == b"theirs"
    assert part_of(path).read_bytes().endswith(MCAP0_MAGIC)


def test_a_folder_that_was_removed_is_an_error_and_no_trap(tmp_path: Path) -> None:
    """It is noticed, closing says that the file is gone, and nothing is made anew."""
    folder = tmp_path / "gone"
    for end in ("close", "cut"):
        output = UnfinishedRecording(folder / "a.mcap")
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
    output = UnfinishedRecording(path)
    part_of(path).rename(tmp_path / "moved")
    part_of(path).write_bytes(b"theirs")
    assert not output.is_in_place()
    output.remove()


def test_a_file_can_be_taken_away_again(tmp_path: Path) -> None:
    """Its name is free for the next attempt."""
    path = tmp_path / "a.mcap"
    UnfinishedRecording(path).remove()
    assert list(tmp_path.iterdir()) == []
    UnfinishedRecording(path).remove()


def test_syncing_a_closed_file_does_nothing(tmp_path: Path) -> None:
    """Another thread may be late."""
    output = UnfinishedRecording(tmp_path / "a.mcap")
    output.write(b"abc")
    output.sync()
    output.close()
    output.sync()


def test_the_disks_room_is_known(tmp_path: Path) -> None:
    """It is what an ordinary user may still fill."""
    output = UnfinishedRecording(tmp_path / "a.mcap")
    found = os.statvfs(tmp_path)
    assert 0 < output.free_bytes() <= found.f_blocks * found.f_frsize
    output.remove()


def test_a_file_that_is_written_is_known_to_be(tmp_path: Path) -> None:
    """As long as its writer has it open, and no longer; a file that nobody writes is not."""
    output = UnfinishedRecording(tmp_path / "a.mcap")
    assert is_being_written(output.unfinished_path)
    output.close()
    assert not is_being_written(output.path)


def test_what_was_written_is_counted_with_what_was_taken_away_again(tmp_path: Path) -> None:
    """A counter never goes back."""
    output = UnfinishedRecording(tmp_path / "a.mcap")
    output.write(b"whole")
    output.flush()
    output.write(b"half")
    assert output.written_bytes == 9
    output.close_cut()
    assert output.written_bytes == 4 + (tmp_path / "a.mcap").stat().st_size


def test_it_knows_whether_it_has_its_name(tmp_path: Path) -> None:
    """Not while it is written, and not when somebody else has it."""
    first, second = UnfinishedRecording(tmp_path / "a.mcap"), UnfinishedRecording(tmp_path / "b.mcap")
    (tmp_path / "b.mcap").touch()
    assert not first.has_name
    first.close()
    with pytest.raises(FileExistsError):
        second.close()
    assert (first.has_name, second.has_name) == (True, False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_exported_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    """Until then it is beside its place, and its size is told at the end, wherever writing went on."""
    target = UnfinishedFile(tmp_path / "a.gif")
    target.file.write(b"0123456789")
    target.file.seek(2)
    target.file.write(b"x")
    assert names(tmp_path) == ["a.gif.part"]
    assert target.commit() == 10
    assert names(tmp_path) == ["a.gif"]
    assert (tmp_path / "a.gif").read_bytes() == b"01x3456789"


def test_nothing_is_left_of_what_was_discarded(tmp_path: Path) -> None:
    """Neither name is there, and discarding twice is no fault."""
    target = UnfinishedFile(tmp_path / "a.gif")
    target.file.write(b"half")
    target.discard()
    target.discard()
    assert names(tmp_path) == []


def test_a_whole_file_is_not_discarded(tmp_path: Path) -> None:
    """Once it has its name, it stays."""
    target = UnfinishedFile(tmp_path / "a.gif")
    target.commit(sync=False)
    target.discard()
    assert names(tmp_path) == ["a.gif"]


@pytest.mark.parametrize("make", ["touch", "mkdir", "link"])
def test_what_is_there_is_not_overwritten(make: str, tmp_path: Path) -> None:
    """A file, a folder, even a link to nothing: the error names it and says what to do."""
    match make:
        case "touch":
            (tmp_path / "a.gif").touch()
        case "mkdir":
            (tmp_path / "a.gif").mkdir()
        case _:
            (tmp_path / "a.gif").symlink_to("nowhere")
    with pytest.raises(FileExistsError, match="give another name") as caught:
        UnfinishedFile(tmp_path / "a.gif")
    assert caught.value.filename == str(tmp_path / "a.gif")
    assert names(tmp_path) == ["a.gif"]


def test_what_another_export_writes_is_left_alone(tmp_path: Path) -> None:
    """Two exports to one name do not mix."""
    first = UnfinishedFile(tmp_path / "a.gif")
    with pytest.raises(FileExistsError, match="another export"):
        UnfinishedFile(tmp_path / "a.gif")
    first.commit()
    assert names(tmp_path) == ["a.gif"]


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_came_meanwhile_is_not_overwritten(
    has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not the file system has hard links, the other's file stays as it is."""
    if not has_links:
        monkeypatch.setattr(os, "link", _no_links)
    target = UnfinishedFile(tmp_path / "a.gif")
    (tmp_path / "a.gif").write_bytes(b"theirs")
    with pytest.raises(FileExistsError, match="not overwritten"):
        target.commit()
    target.discard()
    assert names(tmp_path) == ["a.gif"]
    assert (tmp_path / "a.gif").read_bytes() == b"theirs"


def test_a_disk_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory card's file system gets whole files too."""
    monkeypatch.setattr(os, "link", _no_links)
    target = UnfinishedFile(tmp_path / "a.gif")
    target.commit()
    assert names(tmp_path) == ["a.gif"]


def test_a_folder_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    """A name with a typing error makes no folders; the error names the file."""
    with pytest.raises(FileNotFoundError, match="folder does not exist") as caught:
        UnfinishedFile(tmp_path / "b" / "a.gif")
    assert caught.value.filename == str(tmp_path / "b" / "a.gif")
    assert names(tmp_path) == []


def _no_links(_source: Path, _target: Path) -> None:
    raise OSError(errno.EPERM, "no hard links here")
