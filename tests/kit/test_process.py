"""What this process uses."""

import os
from pathlib import Path

import pytest

import beats.kit.process as module
from beats.kit.process import name_process, process


def test_a_running_process_has_values() -> None:
    """On Linux, all of them are known."""
    now = process()
    assert now.pid == os.getpid()
    assert now.uptime_s > 0
    assert now.cpu_s > 0
    assert now.rss_bytes is not None
    assert now.rss_bytes > 1_000_000
    assert now.open_files is not None
    assert now.open_files >= 1


def test_an_open_file_counts(tmp_path: Path) -> None:
    """While it is open."""
    before = process().open_files
    assert before is not None
    with (tmp_path / "file").open("w"):
        assert process().open_files == before + 1
    assert process().open_files == before


def test_times_only_rise() -> None:
    """Uptime and processor time."""
    first = process()
    while process().cpu_s == first.cpu_s:  # the clock of the processor may be coarse
        pass
    assert process().uptime_s > first.uptime_s


def test_values_that_the_system_does_not_provide_are_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without /proc, or with unexpected content there."""
    monkeypatch.setattr(module, "_OPEN", str(tmp_path / "nothing"))
    for content in (None, "", "12", "a b c"):
        path = tmp_path / "statm"
        if content is not None:
            path.write_text(content)
        monkeypatch.setattr(module, "_STATM", path)
        assert (process().rss_bytes, process().open_files) == (None, None)


def test_a_process_of_several_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """It distinguishes its metrics from those of the others."""
    assert process().name == ""
    monkeypatch.setattr(module, "_name", "")
    name_process("worker 1")
    assert process().name == "worker 1"
