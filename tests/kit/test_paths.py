"""Paths."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from beats.kernel.resources import Input, Output
from beats.kit.paths import expanded, stamp, why_absent, why_unreadable, why_unwritable


def test_a_home_folder_is_expanded() -> None:
    """The path of an unknown user stays unchanged."""
    assert expanded("~/a") == Path.home() / "a"
    assert expanded(Path("~nobody-of-this-name/a")) == Path("~nobody-of-this-name/a")


def test_a_missing_path_differs_from_an_unreadable_one(tmp_path: Path) -> None:
    """Impossible names count as unreadable."""
    assert why_absent(tmp_path) is None
    (tmp_path / "file").touch()
    assert why_absent(tmp_path / "gone") == "does not exist"
    assert why_absent(tmp_path / "file" / "below") == "does not exist"
    assert why_absent(tmp_path / ("x" * 300)) == "cannot be read: File name too long"
    assert "cannot be read: " in (reason := why_absent(Path("a\0b")) or "")
    assert "embedded null" in reason  # Python 3.13 has other words than 3.11


def closed(*_: object) -> bool:
    """In place of `os.access`, for root: no permission."""
    return False


def test_a_readable_path_has_no_fault(tmp_path: Path) -> None:
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


def test_an_unreadable_path_has_a_reason_and_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, of the wrong kind, or without permission."""
    file = tmp_path / "x"
    file.write_text("")
    assert why_unreadable(Input("k", tmp_path / "y")) == "does not exist: name a file that can be read"
    assert why_unreadable(Input("k", file / "y", "folder")) == (
        "does not exist: name a folder that can be read"
    )
    assert why_unreadable(Input("k", tmp_path)) == "is a folder: name a file"
    assert why_unreadable(Input("k", file, "folder")) == "is not a folder: name one"
    assert why_unreadable(Input("k", file, "device")) == "is not a device: name one, such as /dev/video0"
    assert why_unreadable(Input("k", Path("/dev/null"), "device")) is None
    recording = Input("k", file, "any", begins_with=b"MCAP", is_called="recording")
    assert why_unreadable(recording) == "is empty: name a recording"
    assert why_unreadable(recording._replace(may_be_empty=True)) is None
    file.write_text("GIF89a")
    assert why_unreadable(recording) == "is not a recording: it begins in another way; name one"
    file.write_text("MCAP...")
    assert why_unreadable(recording) is None
    monkeypatch.setattr(os, "access", closed)  # taking the permission away would not stop root
    assert "Permission denied" in str(why_unreadable(Input("k", file)))


def test_a_folder_must_hold_a_file_with_the_wanted_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without permission for the folder, that is the reason."""
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


def test_the_wanted_file_may_be_in_a_folder_below(tmp_path: Path) -> None:
    """For inputs that include folders below."""
    (tmp_path / "2026" / "11").mkdir(parents=True)
    deep = Input("k", tmp_path, "any", (".mcap",), is_deep=True)
    assert str(why_unreadable(deep)).startswith("holds no file whose name ends with .mcap, nor does a folder")
    (tmp_path / "2026" / "11" / "x.mcap").write_text("")
    assert why_unreadable(deep) is None
    assert why_unreadable(Input("k", tmp_path, "any", (".mcap",))) is not None


def test_a_folder_above_without_permission_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """For reading and for writing."""

    def refuse(*_: object, **__: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refuse)
    assert str(why_unreadable(Input("k", Path("a/b")))).startswith("cannot be read (Permission denied)")
    assert str(why_unwritable(Output("k", Path("a/b")))).startswith("cannot be written (Permission denied)")


def test_a_writable_path_has_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing folders are created later; the file may exist."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_text("")
    for path in (Path("a/b/c"), Path("c"), tmp_path / "d", Path("x")):
        assert why_unwritable(Output("k", path)) is None
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_an_unwritable_path_has_a_reason_and_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, an existing file, a file in place of a folder, a folder without permission."""
    file = tmp_path / "x"
    file.write_text("")
    assert why_unwritable(Output("k", tmp_path)) == "is a folder: name a file in it"
    assert str(why_unwritable(Output("k", file, is_new=True))).startswith("exists, and files are never")
    assert why_unwritable(Output("k", file / "a" / "b")) == f"cannot be created: {file} is not a folder"
    monkeypatch.setattr(os, "access", closed)
    assert str(why_unwritable(Output("k", tmp_path / "a" / "b"))).startswith(
        f"cannot be written: user {os.geteuid()} has no permission for folder {tmp_path}"
    )


def wait_a_tick(path: Path) -> None:
    """Wait until a new file gets another time."""
    other = path.with_name("tick")
    other.write_text("")
    while other.stat().st_ctime_ns == path.stat().st_ctime_ns:
        time.sleep(0.001)
        other.write_text("")


def replaced(path: Path) -> None:
    """Replace by another file of the same size and time."""
    other = path.with_name("other")
    other.write_text("b")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


def set_back(path: Path) -> None:
    """Change the content, but keep size and time."""
    before = path.stat()
    path.write_text("b")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def linked(path: Path) -> None:
    """Replace by a link to another file."""
    other = path.with_name("other")
    other.write_text("b")
    path.unlink()
    path.symlink_to(other)


def grown(path: Path) -> None:
    path.write_text("ab")


@pytest.mark.parametrize("change", [replaced, set_back, linked, grown])
def test_a_changed_file_has_another_stamp(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """For any kind of change; an unchanged file keeps its stamp."""
    path = tmp_path / "a"
    path.write_text("a")
    before = stamp(path)
    assert stamp(path) == before
    wait_a_tick(path)
    change(path)
    assert stamp(path) != before


def test_the_stamp_of_a_missing_file_is_the_reason(tmp_path: Path) -> None:
    """So that it differs once the file exists."""
    assert stamp(tmp_path / "a") == "No such file or directory"
    assert "embedded null" in str(stamp(tmp_path / "a\0"))
