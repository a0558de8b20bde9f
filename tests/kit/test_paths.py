"""Paths as people write them."""

from pathlib import Path

from beats.kit.paths import expanded, why_absent


def test_a_home_folder_is_spelt_out_where_there_is_one() -> None:
    """Of a user that the machine does not know, the path stays as it is."""
    assert expanded("~/a") == Path.home() / "a"
    assert expanded(Path("~nobody-of-this-name/a")) == Path("~nobody-of-this-name/a")


def test_what_is_not_there_is_told_from_what_cannot_be_looked_at(tmp_path: Path) -> None:
    """Names that no file system takes are none that are missing."""
    assert why_absent(tmp_path) is None
    (tmp_path / "file").touch()
    assert why_absent(tmp_path / "gone") == "does not exist"
    assert why_absent(tmp_path / "file" / "below") == "does not exist"
    assert why_absent(tmp_path / ("x" * 300)) == "cannot be read: File name too long"
    assert why_absent(Path("a\0b")) == "cannot be read: embedded null byte"
