"""What the machine gives a process."""

import os
import resource

import pytest

from beats.adapters.doctor import machine
from tests.adapters.doctor.support import always

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
    ("soft", "hard", "level", "advice"),
    [
        (FOREVER, FOREVER, "ok", None),
        (1320, 1320, "ok", None),
        (1024, FOREVER, "warning", "`ulimit -n 1320` before it starts, or LimitNOFILE=1320"),
        (1024, 4096, "warning", "`ulimit -n 1320` before it starts, or LimitNOFILE=1320"),
        (1024, 1024, "warning", "LimitNOFILE=1320 in its systemd unit, or `hard nofile`"),
    ],
)
def test_a_limit_below_what_viewers_need_says_how_to_raise_it(
    soft: int, hard: int, level: str, advice: str | None
) -> None:
    """As far as this user may."""
    found = machine.allowed(soft, hard, 1320)
    assert found.level == level
    assert (found.advice or "").startswith(advice or "")
    assert (found.advice is None) == (advice is None)
