"""The settings of a profile."""

from collections.abc import Callable
from pathlib import Path

import pytest

from beats.config.errors import Problem, SettingsError
from beats.config.load import inspect_profile
from beats.doctor.profile import Profile, examined, unreadable
from beats.runtime.registry import InstalledAdapters

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
    """And its parts are looked at further."""
    found = profile()
    [finding] = found.findings
    assert (finding.level, finding.found) == ("ok", "profile mine is right: sources demo; sinks browser")
    assert [part.key.name for part in found.parts] == ["demo", "browser"]
    assert found.needed == frozenset()


def test_every_problem_is_a_fault_of_the_settings(profile: Examined) -> None:
    """With its place, and what would be right as the thing to do."""
    found = profile("[kernel]\nlog_levl = 'INFO'\n[sinks.browser]\nport = 99999\n")
    one, other = found.findings
    assert one.is_setting
    assert (one.level, one.found) == ("fault", 'mine.toml:2: kernel.log_levl = "INFO"')
    assert one.advice == "unknown key; did you mean 'log_level'?"
    assert (other.found, other.advice) == ("mine.toml:4: sinks.browser.port = 99999", "must be at most 65535")
    assert [part.key.name for part in found.parts] == ["demo"]


def test_what_would_fail_at_the_start_is_a_fault_too(profile: Examined) -> None:
    """As `beats config check` finds it."""
    found = profile("[sinks.second]\ntype = 'websocket'\nport = 8765\n")
    [finding] = found.findings
    assert finding.is_setting
    assert "sinks.browser listens there too" in (finding.advice or "")
    assert len(found.parts) == 3


def test_what_is_odd_is_a_warning(profile: Examined) -> None:
    """Of the settings, and of what they come to."""
    found = profile("[sinks.browser]\nhost = '0.0.0.0'\n", BEATS_NOISE="1")
    right, *warnings = found.findings
    assert right.level == "ok"
    assert [warning.level for warning in warnings] == ["warning", "warning"]
    assert warnings[0].found.startswith("BEATS_NOISE: unknown variable")
    assert "anyone who can reach this machine can watch" in warnings[1].found


def test_what_a_profile_cannot_do_without_is_known(profile: Examined) -> None:
    """By what its parts claim."""
    assert profile("[kernel]\nwatch = true\n").needed == set()
    recorder = "[sinks.recorder]\ntype = 'recorder'\ncompression = 'zstd'\n"
    assert profile(recorder).needed == {"zstandard"}


def test_a_profile_that_cannot_be_read_is_a_fault() -> None:
    """With all that is known of why."""
    problem = Problem("profile", "", '"nobody"', "no such profile", "somebody")
    found = unreadable(SettingsError([problem], ["BEATS_NOISE: unknown variable, ignored"]))
    fault, warning = found.findings
    assert (fault.level, fault.is_setting, fault.found) == ("fault", True, 'profile: "nobody"')
    assert fault.advice == "no such profile; did you mean 'somebody'?"
    assert warning.level == "warning"
    assert found.parts == []
