"""Frames as files."""

import os
from pathlib import Path

import pytest

from beats.cli.tap.folder import FrameFolder
from beats.kernel.envelope import Frame
from tests.cli.tap.envelopes import AT_NS, frame, item
from tests.support import tiny_png


def save(folder: FrameFolder, sequence: int, grey: int | None = None) -> Path | None:
    found = item(frame(sequence, None if grey is None else tiny_png(grey)))
    assert isinstance(found.message, Frame)
    return folder.save(found, found.message)


def test_each_frame_is_a_file_of_its_number(tmp_path: Path) -> None:
    """Byte for byte, in a folder that is made if need be; nothing else is left."""
    folder = FrameFolder(tmp_path / "a" / "b")
    for sequence in (1, 2, 300):
        assert save(folder, sequence) is None
    files = {path.name: path.read_bytes() for path in (tmp_path / "a" / "b").iterdir()}
    assert files == {f"{sequence}.png": tiny_png(sequence) for sequence in (1, 2, 300)}
    assert (folder.saved, folder.kept) == (3, 0)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Another picture stays, and the one that was not saved is counted."""
    (tmp_path / "2.png").write_bytes(b"mine")
    folder = FrameFolder(tmp_path)
    assert save(folder, 1) is None
    assert save(folder, 2) == tmp_path / "2.png"
    assert (tmp_path / "2.png").read_bytes() == b"mine"
    assert (folder.saved, folder.kept) == (1, 1)


def test_the_same_picture_once_more_is_no_loss(tmp_path: Path) -> None:
    """After a new connection the state comes again."""
    folder = FrameFolder(tmp_path)
    assert save(folder, 1) is None
    assert save(folder, 1) is None
    assert (folder.saved, folder.kept) == (1, 0)
    assert save(folder, 1, grey=9) == tmp_path / "1.png"


def test_what_another_tap_is_writing_is_left_alone(tmp_path: Path) -> None:
    """Or what a killed one left."""
    (tmp_path / "1.png.part").write_bytes(b"half")
    folder = FrameFolder(tmp_path)
    assert save(folder, 1) == tmp_path / "1.png.part"
    assert folder.kept == 1


def test_a_frame_without_number_is_known_by_when_it_came(tmp_path: Path) -> None:
    """A server of another kind numbers nothing."""
    folder = FrameFolder(tmp_path)
    found = item(frame(1))._replace(sequence=0)
    assert isinstance(found.message, Frame)
    assert folder.save(found, found.message) is None
    assert [path.name for path in tmp_path.iterdir()] == [f"at-{AT_NS}.png"]


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    """Before anything is saved."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError, match="is no folder: give one"):
        FrameFolder(tmp_path / "file")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_disk_that_is_full_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file."""
    folder = FrameFolder(tmp_path)
    real = Path.open

    def full(path: Path, mode: str = "r", buffering: int = -1) -> object:
        opened = real(path, mode, buffering)
        os.dup2(os.open("/dev/full", os.O_WRONLY), opened.fileno())
        return opened

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        save(folder, 1)
    assert caught.value.filename == str(tmp_path / "1.png")
    assert list(tmp_path.iterdir()) == []
