"""The files with pictures."""

import os
from pathlib import Path

from beats.adapters.sources.images.listing import File, look, natural_key
from tests.adapters.sources.images.pictures import RED, still


def names(path: Path) -> list[str]:
    """In the order of showing."""
    listing = look(path)
    found: list[str] = []
    file = listing.after(None)
    while file is not None:
        found.append(file.path.name)
        file = listing.after(file.path)
    return found


def test_names_are_sorted_as_people_count() -> None:
    """2 comes before 10; letter case decides only between equal names."""
    names = ["f10.png", "F2.png", "f1.png", "a.png", "f02.png", "10.png", "9.png"]
    expected = ["9.png", "10.png", "a.png", "f1.png", "F2.png", "f02.png", "f10.png"]
    assert sorted(names, key=natural_key) == expected


def test_a_folder_lists_its_regular_files(tmp_path: Path) -> None:
    """No hidden file, no folder, no FIFO, no broken link; a link counts as a file. A file lists itself."""
    still(tmp_path / "10.png")
    still(tmp_path / "2.png")
    (tmp_path / ".DS_Store").write_text("hidden")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "3.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "4.png").symlink_to(tmp_path / "2.png")
    assert names(tmp_path) == ["2.png", "4.png", "10.png"]
    assert names(tmp_path / "2.png") == ["2.png"]
    assert [look(path).is_folder for path in (tmp_path, tmp_path / "2.png")] == [True, False]


def test_the_file_after_a_removed_one_is_found(tmp_path: Path) -> None:
    """By the place of the removed one."""
    for name in ("a.png", "b.png", "c.png"):
        still(tmp_path / name)
    (tmp_path / "b.png").unlink()
    after = look(tmp_path).after(tmp_path / "b.png")
    assert after is not None
    assert after.path.name == "c.png"


def test_listings_differ_after_a_file_was_changed_or_removed(tmp_path: Path) -> None:
    """And are equal otherwise; a listing holds files in one state only."""
    path = still(tmp_path / "a.png")
    before = look(tmp_path)
    file = before.after(None)
    assert isinstance(file, File)
    assert file in before
    assert look(tmp_path) == before
    still(path, RED, (9, 9))
    assert look(tmp_path) != before
    assert file not in look(tmp_path)
    path.unlink()
    assert file not in look(tmp_path)
