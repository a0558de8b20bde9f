"""Checks of the machine."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from beats.doctor import machine
from beats.doctor.machine import folder_for_sockets, running, why_not
from tests.doctor.support import always
from tests.support import PORT_0, beats

FOREVER = resource.RLIM_INFINITY


@pytest.mark.parametrize(("count", "level"), [(1, "note"), (2, "ok"), (128, "ok")])
def test_a_single_processor_is_worth_knowing(count: int, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that this process may use are counted; without affinities, as on macOS, all."""
    monkeypatch.setattr(os, "sched_getaffinity", always(set(range(count))), raising=False)
    [found] = machine.processors()
    assert (found.subject, found.level) == ("processors", level)
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", always(count))
    assert list(machine.processors()) == [found]


def test_waits_are_measured() -> None:
    """No wait ends early; the limit of open files is read, not changed."""
    [found] = machine.timers()
    assert found.subject == "timers"
    assert float(found.found.split("takes ")[1].split()[0]) >= 0.9
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    [found] = machine.open_files(0)
    assert found.subject == "open files"
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


@pytest.mark.parametrize(("seconds", "level"), [(0.0011, "ok"), (0.005, "ok"), (0.0156, "warning")])
def test_coarse_timers_are_told(seconds: float, level: str) -> None:
    """Such as timers with a tick of 64 Hz."""
    found = machine.waited(seconds)
    assert (found.level, f"{seconds * 1000:.1f} ms" in found.found) == (level, True)


@pytest.mark.parametrize(
    ("soft", "hard", "level", "said"),
    [
        (FOREVER, FOREVER, "ok", "any number allowed, 1,320 needed"),
        (1320, 1320, "ok", "1,320 allowed, 1,320 needed"),
        (1024, FOREVER, "ok", "1,024 allowed, which Beats raises at the start, 1,320 needed"),
        (1024, 4096, "ok", "1,024 allowed, which Beats raises at the start, 1,320 needed"),
        (512, 1024, "warning", "the limit is 1,024 open files"),
        (1024, 1024, "warning", "the limit is 1,024 open files"),
    ],
)
def test_a_limit_is_right_if_beats_can_raise_it(soft: int, hard: int, level: str, said: str) -> None:
    """Beats raises it at the start; otherwise the advice says how to."""
    found = machine.allowed(soft, hard, 1256)
    assert (found.subject, found.level, found.found.startswith(said)) == ("open files", level, True)
    advice = "set LimitNOFILE=1320 in its systemd unit, or `hard nofile`" if level == "warning" else ""
    assert (found.advice or "").startswith(advice)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the sockets would be."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "beats"


def test_a_folder_that_is_not_there_yet_is_not_made(folder: Path) -> None:
    """The first run can create it; others could answer in a folder that they can access."""
    [found] = folder_for_sockets([])
    assert (found.level, found.found.endswith(f"find a run in {folder}; none is running")) == ("ok", True)
    assert not folder.exists()
    assert running() == []
    folder.mkdir(mode=0o700)
    assert why_not(folder) is None
    folder.chmod(0o755)
    [found] = folder_for_sockets([])
    assert found.level == "warning"
    assert "can be accessed by other users" in found.found


def test_a_run_is_seen(folder: Path, tmp_path: Path) -> None:
    """And its socket is left alone."""
    with beats("run", *PORT_0, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as program:
        assert program.url
        while not (pids := running()):  # it listens there a moment after it is on air
            assert program.process.poll() is None
        assert pids == [program.process.pid]
        [found] = folder_for_sockets(pids)
        assert found.found.endswith(f"running now: process {program.process.pid}")
        assert program.interrupt() == 0
    assert running() == []
    assert folder.exists()


def test_what_a_dead_run_left_is_neither_counted_nor_removed(folder: Path) -> None:
    """The next command that looks for a run removes it."""
    folder.mkdir(mode=0o700)
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    left = [folder / f"{done.pid}.sock", folder / "0x.sock", folder / "99999999999999999999.sock"]
    for path in left:
        path.touch()
    assert running() == []
    assert all(path.exists() for path in left)


def test_a_folder_that_cannot_be_made_is_a_warning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is in the way, or a link, which any user could have made; the path is too long; no access."""

    def why(path: Path) -> str:
        found = why_not(path)
        assert found is not None
        return found[0]

    assert "too long" in why(Path("/" + "x" * 95))
    folder.touch()
    assert why(folder)
    assert why(folder / "deeper").endswith("Not a directory")
    folder.unlink()
    folder.symlink_to(folder.parent)
    assert why(folder)
    folder.unlink()
    monkeypatch.setattr(os, "access", always(False))  # as after `su`
    assert why(folder).endswith(f"{folder} cannot be created in {folder.parent}")
