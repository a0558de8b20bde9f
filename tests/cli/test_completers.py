"""What a shell offers for values."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from beats.cli import completers


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def offered(completer: Any, incomplete: str, **params: object) -> list[str]:
    """The values, as a shell gets them."""
    found = completer(SimpleNamespace(params=params), incomplete)
    return [offer if isinstance(offer, str) else offer[0] for offer in found]


def test_profiles_and_settings_are_those_that_are_named(tmp_path: Path) -> None:
    """Besides the shipped profiles; settings are those of the named profile, without `=` for `config get`."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "hall.toml").write_text("# For the hall.\n")
    found = offered(completers.profiles, "", config=tmp_path / "mine")
    assert {"hall", "studio", "default"} <= set(found)
    assert "hall" not in offered(completers.profiles, "")
    assert "sinks.recorder." in offered(completers.settings, "sinks.", profile="studio")
    assert "sinks.recorder." not in offered(completers.settings, "sinks.")
    assert offered(completers.setting_paths, "sinks.browser.por") == ["sinks.browser.port"]


@pytest.mark.parametrize("completer", [completers.profiles, completers.settings, completers.setting_paths])
def test_what_cannot_be_read_offers_nothing(completer: Any, tmp_path: Path) -> None:
    """And raises nothing, as a person is typing."""
    assert offered(completer, "", profile="nobody", config=tmp_path / "none") == []


def test_pages_and_their_headings_are_offered() -> None:
    """Headings once the page is named."""
    assert {"queues", "settings"} <= set(offered(completers.pages, ""))
    assert "settings#pixels" in offered(completers.pages, "settings#")
    assert offered(completers.pages, "nothing#") == []


@pytest.fixture
def shows(tmp_path: Path) -> None:
    for folder in ("one", "two/deep", "empty", ".hidden"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("show.mcap", "show.mcap.part", "notes.txt", "two/a.mcap", "two/b.mcap", ".hidden.mcap"):
        (tmp_path / file).touch()
    (tmp_path / "one" / "only one.mcap").touch()


@pytest.mark.usefixtures("shows")
@pytest.mark.parametrize(
    ("incomplete", "expected"),
    [
        ("", ["empty/", "one/", "show.mcap", "show.mcap.part", "two/"]),
        ("sh", ["show.mcap", "show.mcap.part"]),
        ("two/", ["two/a.mcap", "two/b.mcap", "two/deep/"]),
        ("tw", ["two/a.mcap", "two/b.mcap", "two/deep/"]),
        ("on", ["one/only one.mcap"]),
        ("em", ["empty/"]),
        (".h", [".hidden/", ".hidden.mcap"]),
        ("no", []),
        ("none/", []),
        ("show.mcap/", []),
    ],
)
def test_recordings_and_folders_are_offered(incomplete: str, expected: list[str]) -> None:
    """Of a folder that is the only choice, what is in it: else shells would put a blank behind its name."""
    assert sorted(offered(completers.recordings, incomplete)) == sorted(expected)


@pytest.mark.usefixtures("shows")
def test_the_home_folder_keeps_its_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is offered begins with what was typed."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert offered(completers.recordings, "~/two/a") == ["~/two/a.mcap"]


def test_offers_have_an_end_and_nothing_that_a_shell_would_run(tmp_path: Path) -> None:
    """As by a link; zsh expands offers, and after a backslash `$(…)` slips through typer's quoting."""
    (tmp_path / "loop").symlink_to(".")
    [found] = offered(completers.recordings, "lo")
    assert set(found.split("/")) == {"loop", ""}
    for name in (r"a\$(touch x).mcap", "a\n.mcap", "a\x1b[2J.mcap", "a$(touch x).mcap", "a.mcap"):
        (tmp_path / name).touch()
    assert sorted(offered(completers.recordings, "a")) == ["a$(touch x).mcap", "a.mcap"]
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "wall.toml").write_text("# For \\$(touch x)\x1b[2J\n")
    profiles: Any = completers.profiles
    assert ("wall", "For /$(touch x)/x1b[2J") in profiles(SimpleNamespace(params={}), "")
