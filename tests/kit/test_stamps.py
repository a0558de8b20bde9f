"""Whether a file is still what it was."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from beats.kit.stamps import stamp


def wait_a_tick(path: Path) -> None:
    """Until what is written bears another time than a file."""
    other = path.with_name("tick")
    other.write_text("")
    while other.stat().st_ctime_ns == path.stat().st_ctime_ns:
        time.sleep(0.001)
        other.write_text("")


def replaced(path: Path) -> None:
    """By another file of the same size and time."""
    other = path.with_name("other")
    other.write_text("b")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


def set_back(path: Path) -> None:
    """Another content of the same size, and the time of the old one."""
    before = path.stat()
    path.write_text("b")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def linked(path: Path) -> None:
    """A link of the same name to another file."""
    other = path.with_name("other")
    other.write_text("b")
    path.unlink()
    path.symlink_to(other)


def grown(path: Path) -> None:
    path.write_text("ab")


@pytest.mark.parametrize("change", [replaced, set_back, linked, grown])
def test_a_changed_file_has_another_stamp(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """However it was changed; an unchanged one has the same."""
    path = tmp_path / "a"
    path.write_text("a")
    before = stamp(path)
    assert stamp(path) == before
    wait_a_tick(path)
    change(path)
    assert stamp(path) != before


def test_what_is_not_there_has_the_reason_for_a_stamp(tmp_path: Path) -> None:
    """So that it differs from what comes later."""
    assert stamp(tmp_path / "a") == "No such file or directory"
    assert stamp(tmp_path / "a\0") == "embedded null byte"
