import os
from pathlib import Path

import pytest

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
    """2 comes before 10, and letter case does not part what belongs together."""
    names = ["f10.png", "F2.png", "f1.png", "a.png", "f02.png", "10.png", "9.png"]
    expected = ["9.png", "10.png", "a.png", "f1.png", "F2.png", "f02.png", "f10.png"]
    assert sorted(names, key=natural_key) == expected


def test_a_folder_lists_what_may_be_pictures(tmp_path: Path) -> None:
    """No hidden file, no folder, no FIFO, and no link to nowhere; links to files count as files."""
    still(tmp_path / "10.png")
    still(tmp_path / "2.png")
    (tmp_path / ".DS_Store").write_text("hidden")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "3.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "4.png").symlink_to(tmp_path / "2.png")
    assert names(tmp_path) == ["2.png", "4.png", "10.png"]
    assert look(tmp_path).is_folder


def test_a_file_is_a_listing_of_its_own(tmp_path: Path) -> None:
    """With nothing after it."""
    path = still(tmp_path / "a.png")
    assert names(path) == ["a.png"]
    assert not look(path).is_folder


def test_what_follows_a_file_that_has_gone_is_found(tmp_path: Path) -> None:
    """By the place that it had."""
    for name in ("a.png", "b.png", "c.png"):
        still(tmp_path / name)
    (tmp_path / "b.png").unlink()
    after = look(tmp_path).after(tmp_path / "b.png")
    assert after is not None
    assert after.path.name == "c.png"


def test_a_file_that_changes_or_goes_is_no_longer_in_the_listing(tmp_path: Path) -> None:
    """Only the same file is the same."""
    path = still(tmp_path / "a.png")
    before = look(tmp_path)
    file = before.after(None)
    assert isinstance(file, File)
    assert file in before
    still(path, RED, (9, 9))
    assert look(tmp_path) != before
    assert file not in look(tmp_path)
    path.unlink()
    assert file not in look(tmp_path)


def test_equal_listings_are_interchangeable(tmp_path: Path) -> None:
    """Also as keys."""
    still(tmp_path / "a.png")
    assert look(tmp_path) == look(tmp_path)
    assert len({look(tmp_path), look(tmp_path)}) == 1


def test_what_is_not_there_cannot_be_listed(tmp_path: Path) -> None:
    """The system's own error says why."""
    with pytest.raises(FileNotFoundError):
        look(tmp_path / "nothing")
