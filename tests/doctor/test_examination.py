"""All that is looked at."""

from pathlib import Path

import pytest

from beats.config.errors import Problem, SettingsError
from beats.config.load import inspect_profile
from beats.doctor import machine
from beats.doctor.examination import examine
from beats.doctor.findings import Finding
from beats.runtime.registry import InstalledAdapters


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


def examined(profile: str, *sets: str) -> list[Finding]:
    sets = ("sinks.browser.port=0", *sets)
    return examine(
        inspect_profile(InstalledAdapters(), profile=profile, config_dir=None, environ={}, sets=sets)
    )


def test_the_machine_and_the_profile_are_looked_at(tmp_path: Path) -> None:
    """In an order that does not change, and nothing is left behind."""
    subjects = list(dict.fromkeys(each.subject for each in examined("studio")))
    subjects = [subject for subject in subjects if not subject.startswith("extra ")]
    expected = ["Python", "packages", "processors", "timers", "runtime folder", "settings", "port 0"]
    assert subjects == [*expected, "disk", "open files", "clock"]
    assert list(tmp_path.iterdir()) == []


def test_of_a_profile_that_cannot_be_read_the_machine_remains() -> None:
    """There are no ports or disks to look at."""
    found = examine(SettingsError([Problem("profile", "", '"nobody"', "no such profile")]))
    subjects = {each.subject for each in found}
    assert {"Python", "settings", "open files", "clock"} <= subjects
    assert not any(subject.startswith(("port", "disk")) for subject in subjects)


def test_parts_that_are_right_are_looked_at_beside_wrong_ones() -> None:
    """All faults are told at once."""
    found = examined("studio", "sinks.browser.max_clients=0")
    subjects = {each.subject for each in found if each.level != "ok"}
    assert "settings" in subjects
    assert any(each.subject == "disk" for each in found)
    assert not any(each.subject.startswith("port") for each in found)


def test_files_are_needed_for_the_viewers_of_all_sinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """And for those who knock at the door."""
    seen: list[int] = []

    def open_files(connections: int) -> list[Finding]:
        seen.append(connections)
        return []

    monkeypatch.setattr(machine, "open_files", open_files)
    second = ("type='websocket'", "port=0", "max_clients=3", "max_handshakes=4")
    sets = [f"sinks.second.{each}".replace("'", "") for each in second]
    examined("studio", "sinks.browser.max_clients=10", "sinks.browser.max_handshakes=20", *sets)
    assert seen == [37]


def test_a_check_that_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is the matter with this machine."""

    def broken() -> list[Finding]:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(machine, "timers", broken)
    found = {each.subject: each for each in examined("default")}
    assert found["timers"].found == "could not be checked: RuntimeError: no such thing"
    assert found["clock"]
