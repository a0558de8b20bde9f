"""Files that get their own name once they are whole."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from mcap.writer import MCAP0_MAGIC

from beats.recordings.unfinished import UnfinishedFile, UnfinishedRecording, is_being_written, unfinished


def no_links(source: Path, target: Path) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source), None, str(target))


@pytest.fixture(params=[True, False], ids=["links", "no links"])
def _with_and_without_links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file systems of memory cards have no hard links."""
    if not request.param:
        monkeypatch.setattr(os, "link", no_links)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("_with_and_without_links")
def test_a_recording_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    """Until then it is a `.part`; folders above it are created."""
    path = tmp_path / "a" / "b" / "c.mcap"
    output = UnfinishedRecording(path)
    output.write(b"abc")
    assert (path.exists(), unfinished(path).read_bytes(), output.tell()) == (False, b"abc", 3)
    assert (output.is_in_place(), output.has_name) == (True, False)
    output.close()
    assert (path.read_bytes(), unfinished(path).exists(), output.has_name) == (b"abc", False, True)


@pytest.mark.usefixtures("_with_and_without_links")
def test_an_exported_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    """Its size is returned at the end, wherever the last write was; a finished file is not discarded."""
    target = UnfinishedFile(tmp_path / "a.gif")
    target.file.write(b"0123456789")
    target.file.seek(2)
    target.file.write(b"x")
    assert names(tmp_path) == ["a.gif.part"]
    assert target.commit() == 10
    target.discard()
    assert names(tmp_path) == ["a.gif"]
    assert (tmp_path / "a.gif").read_bytes() == b"01x3456789"


def test_files_have_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    """A recording and an exported file, as those of any program."""
    before = os.umask(0o027)
    try:
        UnfinishedRecording(tmp_path / "a.mcap").close()
        UnfinishedFile(tmp_path / "a.gif").commit()
    finally:
        os.umask(before)
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "a.mcap": 0o640,
        "a.gif": 0o640,
    }


def test_no_recording_is_overwritten(tmp_path: Path) -> None:
    """Neither a finished one nor one that is being written; the error names it."""
    path = tmp_path / "a.mcap"
    path.write_bytes(b"whole")
    with pytest.raises(FileExistsError, match=r"a\.mcap'"):
        UnfinishedRecording(path)
    assert not unfinished(path).exists()
    path.unlink()
    unfinished(path).write_bytes(b"other")
    with pytest.raises(FileExistsError, match=r"`beats recover .*a\.mcap\.part` makes it whole"):
        UnfinishedRecording(path)
    assert unfinished(path).read_bytes() == b"other"


@pytest.mark.parametrize("make", ["touch", "mkdir", "link"])
def test_no_exported_file_overwrites_anything(make: str, tmp_path: Path) -> None:
    """Neither a file, a folder, nor a broken link; the error names it and says what to do."""
    path = tmp_path / "a.gif"
    if make == "link":
        path.symlink_to("nowhere")
    else:
        getattr(path, make)()
    with pytest.raises(FileExistsError, match="give another name") as caught:
        UnfinishedFile(path)
    assert caught.value.filename == str(path)
    assert names(tmp_path) == ["a.gif"]


@pytest.mark.usefixtures("_with_and_without_links")
def test_a_name_that_was_taken_meanwhile_is_left(tmp_path: Path) -> None:
    """A recording stays a `.part`, and the error names both; an export can be discarded."""
    path, other = tmp_path / "a.mcap", tmp_path / "a.gif"
    output, target = UnfinishedRecording(path), UnfinishedFile(other)
    output.write(b"mine")
    path.write_bytes(b"theirs")
    other.write_bytes(b"theirs")
    with pytest.raises(FileExistsError, match=r"a\.mcap\.part.*a\.mcap'$"):
        output.close()
    assert (path.read_bytes(), unfinished(path).read_bytes(), output.has_name) == (b"theirs", b"mine", False)
    with pytest.raises(FileExistsError, match="not overwritten"):
        target.commit()
    target.discard()
    assert (other.read_bytes(), unfinished(other).exists()) == (b"theirs", False)


def test_exports_to_one_name_do_not_mix(tmp_path: Path) -> None:
    """The second one is refused while the first is being written."""
    first = UnfinishedFile(tmp_path / "a.gif")
    with pytest.raises(FileExistsError, match="another export"):
        UnfinishedFile(tmp_path / "a.gif")
    first.commit(sync=False)
    assert names(tmp_path) == ["a.gif"]


def test_a_discarded_file_leaves_nothing(tmp_path: Path) -> None:
    """Discarding twice is allowed; a removed recording frees its name for the next attempt."""
    target = UnfinishedFile(tmp_path / "a.gif")
    target.file.write(b"half")
    target.discard()
    target.discard()
    for _ in range(2):
        UnfinishedRecording(tmp_path / "a.mcap").remove()
    assert names(tmp_path) == []


def test_a_recording_that_cannot_be_created_is_named_as_it_was_given() -> None:
    """Not by the name that it would have meanwhile."""
    with pytest.raises(FileNotFoundError, match="cannot be created: No such file") as caught:
        UnfinishedRecording(Path("/proc/a.mcap"))
    assert caught.value.filename == "/proc/a.mcap"


def test_an_export_creates_no_folder(tmp_path: Path) -> None:
    """A typing error in a name must not create folders; the error names the file."""
    with pytest.raises(FileNotFoundError, match="folder does not exist") as caught:
        UnfinishedFile(tmp_path / "b" / "a.gif")
    assert caught.value.filename == str(tmp_path / "b" / "a.gif")
    assert names(tmp_path) == []


def test_a_cut_recording_ends_with_what_was_flushed(tmp_path: Path) -> None:
    """What was written after the last flush is replaced by an end; all written bytes are counted."""
    path = tmp_path / "a.mcap"
    output = UnfinishedRecording(path)
    output.write(b"whole")
    output.flush()
    output.write(b"half")
    assert output.written_bytes == 9
    assert output.close_cut()
    data = path.read_bytes()
    assert data.startswith(b"whole\x0f")
    assert data.endswith(MCAP0_MAGIC)
    assert b"half" not in data
    assert output.written_bytes == 4 + len(data)


def test_a_cut_recording_whose_name_was_taken_stays_a_part(tmp_path: Path) -> None:
    """It gets its end, and the other file is left."""
    path = tmp_path / "a.mcap"
    output = UnfinishedRecording(path)
    output.flush()
    path.write_bytes(b"theirs")
    assert not output.close_cut()
    assert path.read_bytes() == b"theirs"
    assert unfinished(path).read_bytes().endswith(MCAP0_MAGIC)


def test_a_removed_folder_is_noticed(tmp_path: Path) -> None:
    """Closing reports that the file is gone, and creates nothing."""
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


def test_a_replaced_file_is_not_in_place(tmp_path: Path) -> None:
    """Another file with the same name does not count."""
    path = tmp_path / "a.mcap"
    output = UnfinishedRecording(path)
    unfinished(path).rename(tmp_path / "moved")
    unfinished(path).write_bytes(b"theirs")
    assert not output.is_in_place()
    output.remove()


def test_a_recording_that_is_being_written_can_be_synced_and_recognised(tmp_path: Path) -> None:
    """By its lock, as long as its writer has it open. Another thread may sync late: that does nothing."""
    output = UnfinishedRecording(tmp_path / "a.mcap")
    found = os.statvfs(tmp_path)
    assert 0 < output.free_bytes() <= found.f_blocks * found.f_frsize
    output.sync()
    assert is_being_written(output.unfinished_path)
    output.close()
    output.sync()
    assert not is_being_written(output.path)
