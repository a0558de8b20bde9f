"""File descriptors."""

import logging
import resource
import sys
import time
from pathlib import Path

import pytest

from beats.kit import descriptors
from beats.kit.descriptors import Descriptors, limits, shortage
from tests.support import Program, clean_environment

FOREVER = resource.RLIM_INFINITY


@pytest.fixture
def _hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process with a limit of 100 open files, which reserves 25."""
    monkeypatch.setattr(descriptors, "limits", lambda: (100, 100))


@pytest.mark.usefixtures("_hundred")
@pytest.mark.parametrize(("descriptor", "short"), [(3, False), (74, False), (75, True), (99, True)])
def test_a_high_number_means_that_descriptors_run_short(descriptor: int, short: bool) -> None:
    """All lower numbers were in use when it was opened."""
    assert Descriptors("browser").are_short(descriptor) is short


def test_the_reserve_is_at_most_sixty_four(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not grow with the limit."""
    monkeypatch.setattr(descriptors, "limits", lambda: (20_000, 20_000))
    assert [Descriptors("browser").are_short(number) for number in (19_935, 19_936)] == [False, True]


@pytest.mark.usefixtures("_hundred")
def test_a_shortage_is_logged_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For any number of connections; the log names the limit and says what to do."""
    now_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    watched = Descriptors("browser")
    for _ in range(1000):
        watched.are_short(99)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "sink 'browser': nearly all of the 100 files" in record.getMessage()
    assert "ulimit -n" in record.getMessage()
    now_s += 60.0
    watched.are_short(99)
    assert len(caplog.records) == 2


RAISE = """
import resource
from beats.kit.descriptors import limits, raise_limit
raise_limit()
print(limits() == resource.getrlimit(resource.RLIMIT_NOFILE), *limits())
raise_limit()
"""


def raised(folder: Path, soft: int, hard: int) -> list[str]:
    """The limits of a process after it has raised them."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    with Program([sys.executable, "-c", RAISE], folder, clean_environment(), before=limit) as started:
        assert started.end() == 0
        return started.out.text().split()


def test_the_soft_limit_is_raised_to_the_hard_one(tmp_path: Path) -> None:
    """A second call changes nothing."""
    assert raised(tmp_path, 200, 300) == ["True", "300", "300"]


def test_an_infinite_limit_becomes_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default maximum of Linux."""

    def getrlimit(which: int) -> tuple[int, int]:
        return (1024, FOREVER)

    monkeypatch.setattr(resource, "getrlimit", getrlimit)
    assert limits() == (1024, 1 << 20)


@pytest.mark.parametrize(("hard", "enough"), [(FOREVER, True), (1320, True), (1319, False), (1024, False)])
def test_a_limit_must_cover_all_viewers_and_the_reserve(hard: int, enough: bool) -> None:
    """Otherwise the fault comes with advice."""
    found = shortage(1256, hard)
    assert (found is None) is enough
    if found is not None:
        assert f"the limit is {hard:,} open files, but 1,320 are needed" in found[0]
        assert "LimitNOFILE=1320" in found[1]
