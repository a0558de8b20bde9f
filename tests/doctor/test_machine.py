"""What the machine gives a process."""

import os
import resource

import pytest

from beats.doctor import machine
from beats.doctor.findings import Finding
from tests.doctor.support import always

FOREVER = resource.RLIM_INFINITY


def test_processors_are_counted() -> None:
    """Those that this process may use."""
    [found] = machine.processors()
    assert found.subject == "processors"


@pytest.mark.parametrize(("count", "level"), [(1, "note"), (2, "ok"), (128, "ok")])
def test_a_single_processor_is_worth_knowing(count: int, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything shares it."""
    monkeypatch.setattr(os, "sched_getaffinity", always(set(range(count))), raising=False)
    [found] = machine.processors()
    assert found.level == level


def test_a_system_without_affinities_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """As macOS."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", always(8))
    [found] = machine.processors()
    assert found.found == "8"


def test_waits_are_measured() -> None:
    """None ends before its time, bar the grain of the clock."""
    [found] = machine.timers()
    assert found.subject == "timers"
    assert float(found.found.split("takes ")[1].split()[0]) >= 0.9


@pytest.mark.parametrize(("seconds", "level"), [(0.0011, "ok"), (0.005, "ok"), (0.0156, "warning")])
def test_coarse_timers_are_told(seconds: float, level: str) -> None:
    """Those of a tick of 64 Hz, for one."""
    found = machine.waited(seconds)
    assert (found.level, f"{seconds * 1000:.1f} ms" in found.found) == (level, True)


def test_this_process_may_open_some_files() -> None:
    """The limit is read, not set."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    [found] = machine.open_files(0)
    assert found.subject == "open files"
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


@pytest.mark.parametrize(
    ("soft", "hard", "found"),
    [
        (FOREVER, FOREVER, "any number allowed, 1,320 needed"),
        (1320, 1320, "1,320 allowed, 1,320 needed"),
        (1024, FOREVER, "1,024 allowed, which a start raises as far as it may, 1,320 needed"),
        (1024, 4096, "1,024 allowed, which a start raises as far as it may, 1,320 needed"),
    ],
)
def test_a_limit_that_can_be_raised_is_right(soft: int, hard: int, found: str) -> None:
    """For a start raises it."""
    assert machine.allowed(soft, hard, 1256) == Finding(
        "open files", "ok", f"{found} for all viewers that may come"
    )


@pytest.mark.parametrize("soft", [512, 1024])
def test_a_limit_below_what_viewers_need_says_how_to_raise_it(soft: int) -> None:
    """Which this user cannot do."""
    found = machine.allowed(soft, 1024, 1256)
    assert (found.level, "1,024 open files are allowed" in found.found) == ("warning", True)
    assert (found.advice or "").startswith("set LimitNOFILE=1320 in its systemd unit, or `hard nofile`")
