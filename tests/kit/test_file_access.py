"""Whether files could be read or written."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

from beats.kernel.resources import Input, Output
from beats.kit.file_access import why_unreadable, why_unwritable


def closed(*_: object) -> bool:
    """As of a file or folder without permission."""
    return False


def test_what_can_be_read_is_no_trouble(tmp_path: Path) -> None:
    """A file, a folder, a FIFO."""
    file = tmp_path / "x"
    file.write_text("")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for resource in (
        Input("k", file),
        Input("k", file, "any"),
        Input("k", tmp_path, "any"),
        Input("k", tmp_path, "folder"),
        Input("k", fifo),
    ):
        assert why_unreadable(resource) is None


def test_what_cannot_be_read_says_what_would_be_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not there, of the wrong kind, or closed."""
    file = tmp_path / "x"
    file.write_text("")
    assert why_unreadable(Input("k", tmp_path / "y")) == "does not exist: name a file that can be read"
    assert why_unreadable(Input("k", file / "y", "folder")) == (
        "does not exist: name a folder that can be read"
    )
    assert why_unreadable(Input("k", tmp_path)) == "is a folder: name a file"
    assert why_unreadable(Input("k", file, "folder")) == "is no folder: name one"
    monkeypatch.setattr(os, "access", closed)  # taking the permission away would not stop root
    assert "Permission denied" in str(why_unreadable(Input("k", file)))


def test_a_folder_has_to_hold_what_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the ends of names; of one that is closed it is said that it is."""
    resource = Input("k", tmp_path, "any", (".mcap", ".part"))
    assert str(why_unreadable(resource)).startswith("holds no file whose name ends with .mcap or .part")
    (tmp_path / "x.mcap").write_text("")
    assert why_unreadable(resource) is None
    assert why_unreadable(Input("k", tmp_path / "x.mcap", "any", (".part",))) is None

    def refuse(*_: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(os, "access", closed)
    assert "Permission denied" in str(why_unreadable(resource))


def test_what_is_looked_for_may_be_in_a_folder_below(tmp_path: Path) -> None:
    """Where those are read, too."""
    (tmp_path / "2026" / "11").mkdir(parents=True)
    deep = Input("k", tmp_path, "any", (".mcap",), is_deep=True)
    assert str(why_unreadable(deep)).startswith("holds no file whose name ends with .mcap, nor does a folder")
    (tmp_path / "2026" / "11" / "x.mcap").write_text("")
    assert why_unreadable(deep) is None
    assert why_unreadable(Input("k", tmp_path, "any", (".mcap",))) is not None


def test_a_way_that_is_closed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder on the way may not be looked into."""

    def refuse(*_: object, **__: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refuse)
    assert str(why_unreadable(Input("k", Path("a/b")))).startswith("cannot be read (Permission denied)")
    assert str(why_unwritable(Output("k", Path("a/b")))).startswith("cannot be written (Permission denied)")


def test_what_can_be_written_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that are missing are made; a name that is made up may exist."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_text("")
    for path in (Path("a/b/c"), Path("c"), tmp_path / "d", Path("x")):
        assert why_unwritable(Output("k", path)) is None
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_what_cannot_be_written_says_what_would_be_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, a file that exists, a folder that is a file, one that is closed."""
    file = tmp_path / "x"
    file.write_text("")
    assert why_unwritable(Output("k", tmp_path)) == "is a folder: name a file in it"
    assert str(why_unwritable(Output("k", file, is_new=True))).startswith("exists, and nothing is ever")
    assert why_unwritable(Output("k", file / "a" / "b")) == f"cannot be made: {file} is no folder"
    monkeypatch.setattr(os, "access", closed)
    assert str(why_unwritable(Output("k", tmp_path / "a" / "b"))).startswith(
        f"cannot be written: folder {tmp_path} is closed to user"
    )
