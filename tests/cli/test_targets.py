"""Names of files to be written."""

from pathlib import Path

import pytest

from beats.cli.targets import why_no_file, why_no_recording


def test_a_name_that_can_be_a_file_is_none_of_ours_to_refuse(tmp_path: Path) -> None:
    """Whether it is there, and whether its folder is, is seen when it is made."""
    for name in ("a.gif", "gone/b", "a" * 300):
        assert why_no_file(tmp_path / name) is None
    assert why_no_recording(tmp_path / "a.mcap") is None


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """Nor is what has no name: the current folder, the root."""
    for path in (tmp_path, Path(), Path("/")):
        assert why_no_file(path) == why_no_recording(path) == "is a folder: name a file in it"


def test_what_is_being_written_has_no_name_of_its_own(tmp_path: Path) -> None:
    """`.part` belongs to Beats: the name without it is offered."""
    why = why_no_recording(tmp_path / "a.mcap.part")
    assert why is not None
    assert why.endswith(f": give {tmp_path}/a.mcap")


@pytest.mark.parametrize("name", ["show", "show.MCAP", "show.bag", ".mcap"])
def test_a_recording_is_found_by_its_name(name: str) -> None:
    """A name by which `beats replay FOLDER` would pass it over is refused, and the right one offered."""
    why = why_no_recording(Path(name))
    assert why is not None
    assert why.endswith(f": give {name}.mcap")
