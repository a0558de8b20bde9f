"""The whole examination, and its checks of a profile."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from beats.config.errors import Problem, SettingsError
from beats.config.load import inspect_profile
from beats.doctor import machine
from beats.doctor.examination import Profile, examine, examined, unreadable
from beats.doctor.findings import Check, Finding, run
from beats.runtime.registry import InstalledAdapters


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


def findings_of(profile: str, *sets: str) -> list[Finding]:
    sets = ("sinks.browser.port=0", *sets)
    return examine(
        inspect_profile(InstalledAdapters(), profile=profile, config_dir=None, environ={}, sets=sets)
    )


def test_the_machine_and_the_profile_are_looked_at(tmp_path: Path) -> None:
    """In a fixed order, and no file is left."""
    subjects = list(dict.fromkeys(each.subject for each in findings_of("studio")))
    subjects = [subject for subject in subjects if not subject.startswith("extra ")]
    expected = [
        "Python",
        "packages",
        "event loop",
        "processors",
        "timers",
        "runtime folder",
        "settings",
        "port 0",
    ]
    assert subjects == [*expected, "disk", "open files", "clock"]
    assert list(tmp_path.iterdir()) == []


def test_parts_that_are_right_are_looked_at_beside_wrong_ones() -> None:
    """All faults are reported at once."""
    found = findings_of("studio", "sinks.browser.max_clients=0")
    subjects = {each.subject for each in found if each.level != "ok"}
    assert "settings" in subjects
    assert any(each.subject == "disk" for each in found)
    assert not any(each.subject.startswith("port") for each in found)


def test_files_are_needed_for_the_viewers_of_all_sinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """And for pending connections."""
    seen: list[int] = []

    def open_files(connections: int) -> list[Finding]:
        seen.append(connections)
        return []

    monkeypatch.setattr(machine, "open_files", open_files)
    second = ("type='websocket'", "port=0", "max_clients=3", "max_handshakes=4")
    sets = [f"sinks.second.{each}".replace("'", "") for each in second]
    findings_of("studio", "sinks.browser.max_clients=10", "sinks.browser.max_handshakes=20", *sets)
    assert seen == [37]


Examined = Callable[..., Profile]


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Examined:
    """Examines a profile in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(text: str = "", **environ: str) -> Profile:
        (tmp_path / "mine.toml").write_text(text)
        return examined(
            inspect_profile(InstalledAdapters(), profile="mine", config_dir=Path(), environ=environ)
        )

    return run


def test_a_right_profile_says_what_is_in_it(profile: Examined) -> None:
    """Its sinks and sources are checked further; their resources say which packages they need."""
    found = profile()
    [finding] = found.findings
    assert (finding.level, finding.found) == ("ok", "profile mine is valid: sources demo; sinks browser")
    assert [part.key.name for part in found.parts] == ["demo", "browser"]
    assert found.needed == frozenset()
    assert profile("[kernel]\nwatch = true\n").needed == set()
    recorder = "[sinks.recorder]\ntype = 'recorder'\ncompression = 'zstd'\n"
    assert profile(recorder).needed == {"zstandard"}


def test_every_problem_is_a_fault_of_the_settings(profile: Examined) -> None:
    """With its origin, and what would be right; so is what would fail at the start."""
    found = profile("[kernel]\nlog_levl = 'INFO'\n[sinks.browser]\nport = 99999\n")
    one, other = found.findings
    assert one.is_setting
    assert (one.level, one.found) == ("fault", 'mine.toml:2: kernel.log_levl = "INFO"')
    assert one.advice == "unknown key; did you mean 'log_level'?"
    assert (other.found, other.advice) == ("mine.toml:4: sinks.browser.port = 99999", "must be at most 65535")
    assert [part.key.name for part in found.parts] == ["demo"]
    found = profile("[sinks.second]\ntype = 'websocket'\nport = 8765\n")
    [finding] = found.findings
    assert finding.is_setting
    assert "sinks.browser listens there too" in (finding.advice or "")
    assert len(found.parts) == 3


def test_what_is_odd_is_a_warning(profile: Examined) -> None:
    """Of the settings and their consequences; a profile that cannot be read is a fault with reasons."""
    found = profile("[sinks.browser]\nhost = '0.0.0.0'\n", BEATS_NOISE="1")
    right, *warnings = found.findings
    assert right.level == "ok"
    assert [warning.level for warning in warnings] == ["warning", "warning"]
    assert warnings[0].found.startswith("BEATS_NOISE: unknown variable")
    assert "anyone who can reach this machine can watch" in warnings[1].found
    problem = Problem("profile", "", '"nobody"', "no such profile", "somebody")
    found = unreadable(SettingsError([problem], ["BEATS_NOISE: unknown variable, ignored"]))
    fault, warning = found.findings
    assert (fault.level, fault.is_setting, fault.found) == ("fault", True, 'profile: "nobody"')
    assert fault.advice == "no such profile; did you mean 'somebody'?"
    assert warning.level == "warning"
    assert found.parts == []


ONE, TWO = Finding("one", "ok", "right"), Finding("two", "fault", "wrong", "mend it")


def test_a_check_that_fails_is_a_finding_and_the_others_go_on() -> None:
    """In the order of the checks; each may yield several findings, or none, and earlier ones are kept."""

    def failing() -> Iterator[Finding]:
        yield ONE
        raise PermissionError(13, "Permission denied", "/proc")

    first, failed, last = run(
        [Check("it", failing), Check("nothing", lambda: ()), Check("next", lambda: [TWO])]
    )
    assert (first, last) == (ONE, TWO)
    assert (failed.subject, failed.level) == ("it", "warning")
    assert failed.found == ("could not be checked: PermissionError: [Errno 13] Permission denied: '/proc'")
