"""Files that appear when they are whole."""

import errno
import os
from pathlib import Path

import pytest

from beats.recordings.export.target import Target


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    """Until then it is beside its place, and its size is told at the end, wherever writing went on."""
    target = Target(tmp_path / "a.gif")
    target.file.write(b"0123456789")
    target.file.seek(2)
    target.file.write(b"x")
    assert names(tmp_path) == ["a.gif.part"]
    assert target.commit() == 10
    assert names(tmp_path) == ["a.gif"]
    assert (tmp_path / "a.gif").read_bytes() == b"01x3456789"


def test_nothing_is_left_of_what_was_discarded(tmp_path: Path) -> None:
    """Neither name is there, and discarding twice is no fault."""
    target = Target(tmp_path / "a.gif")
    target.file.write(b"half")
    target.discard()
    target.discard()
    assert names(tmp_path) == []


def test_a_whole_file_is_not_discarded(tmp_path: Path) -> None:
    """Once it has its name, it stays."""
    target = Target(tmp_path / "a.gif")
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
        Target(tmp_path / "a.gif")
    assert caught.value.filename == str(tmp_path / "a.gif")
    assert names(tmp_path) == ["a.gif"]


def test_what_another_export_writes_is_left_alone(tmp_path: Path) -> None:
    """Two exports to one name do not mix."""
    first = Target(tmp_path / "a.gif")
    with pytest.raises(FileExistsError, match="another export"):
        Target(tmp_path / "a.gif")
    first.commit()
    assert names(tmp_path) == ["a.gif"]


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_came_meanwhile_is_not_overwritten(
    has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not the file system has hard links, the other's file stays as it is."""
    if not has_links:
        monkeypatch.setattr(os, "link", _no_links)
    target = Target(tmp_path / "a.gif")
    (tmp_path / "a.gif").write_bytes(b"theirs")
    with pytest.raises(FileExistsError, match="not overwritten"):
        target.commit()
    target.discard()
    assert names(tmp_path) == ["a.gif"]
    assert (tmp_path / "a.gif").read_bytes() == b"theirs"


def test_a_disk_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory card's file system gets whole files too."""
    monkeypatch.setattr(os, "link", _no_links)
    target = Target(tmp_path / "a.gif")
    target.commit()
    assert names(tmp_path) == ["a.gif"]


def test_a_folder_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    """A name with a typing error makes no folders; the error names the file."""
    with pytest.raises(FileNotFoundError, match="folder does not exist") as caught:
        Target(tmp_path / "b" / "a.gif")
    assert caught.value.filename == str(tmp_path / "b" / "a.gif")
    assert names(tmp_path) == []


def _no_links(_source: Path, _target: Path) -> None:
    raise OSError(errno.EPERM, "no hard links here")
