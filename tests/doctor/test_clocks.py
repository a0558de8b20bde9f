"""The system clock."""

import ctypes
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from beats.doctor import clocks
from beats.doctor.clocks import Discipline, clock, discipline, jumped, kept, late
from tests.doctor.support import always

YEAR_S = 365 * 86400


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells everybody")
def test_the_system_tells_what_keeps_its_clock_right() -> None:
    """Without privileges, and without changing anything."""
    before = time.time()
    found = discipline()
    assert found is None or 0 <= found.error_s < 3600
    assert abs(time.time() - before) < 20


@pytest.mark.parametrize(
    ("platform", "library"),
    [
        ("linux", SimpleNamespace()),
        ("linux", SimpleNamespace(adjtimex=always(-1))),
        ("darwin", SimpleNamespace(adjtimex=always(0))),
    ],
    ids=["another C library", "it is forbidden", "another structure"],
)
def test_what_is_not_told_is_not_known(platform: str, library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is reported as unknown."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", always(library))
    assert discipline() is None
    assert kept(discipline()).level == "note"


def test_a_clock_that_nothing_keeps_right_is_a_warning() -> None:
    """With advice; for a synchronised clock, its error is reported."""
    found = kept(Discipline(False, 16.0))
    assert found.level == "warning"
    assert found.advice is not None
    assert "chrony" in found.advice
    found = kept(Discipline(True, 0.0123))
    assert (found.level, found.found) == ("ok", "synchronised, with an error of at most 12 ms")


@pytest.mark.parametrize(("by_s", "count"), [(0.0, 0), (0.049, 0), (-0.049, 0), (0.051, 1), (-3.0, 1)])
def test_a_jump_is_told(by_s: float, count: int) -> None:
    """Gradual corrections by a time service are not jumps."""
    assert len(list(jumped(by_s))) == count


def test_a_clock_behind_the_installation_is_told() -> None:
    """If by more than a day, as files come from other time zones; now it neither lags nor jumps."""
    now = time.time()
    assert list(late(now, now - YEAR_S)) == []
    assert list(late(now, now + 3600)) == []
    [found] = late(0, now)
    assert found.found.startswith("it shows 1970-01-01")
    [first, *others] = clock(clocks.offset_s())
    assert first.subject == "clock"
    assert all("jumped" in other.found for other in others)
