from pathlib import Path

import pytest

from tests.config.fakes import House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A new folder of profiles; the current folder is another, empty one."""
    folder = tmp_path / "profiles"
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return House(folder)
