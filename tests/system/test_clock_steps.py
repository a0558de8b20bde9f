"""The wall clock is set while the real command records: no message moves, and no time is lost or added."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import called, clean_environment

SETTINGS = (
    "--set",
    "sinks.browser.enabled=false",
    "--set",
    "sinks.recorder.min_free_bytes=0",
    "--set",
    "sources.demo.fps=20",
)
STEPPING = """
import os, signal, sys, time
from beats.recordings.writing import RecordingFile

real_ns, write = time.time_ns, RecordingFile.write
by_ns, step_ns, written = round(float(sys.argv.pop(1)) * 1e9), 0, 0
time.time_ns = lambda: real_ns() + step_ns

def count_messages(self, envelopes, start=0, *rest):
    global step_ns, written
    place = write(self, envelopes, start, *rest)
    now_ns = time.time_ns()  # what was captured before the step is more than a minute away from it
    written += sum(abs(each.captured_unix_ns - now_ns) < 60e9 for each in envelopes[start:place])
    if written >= 40 and not step_ns:
        step_ns, written = by_ns, 0
    elif written >= 40:
        os.kill(os.getpid(), signal.SIGINT)
    return place

RecordingFile.write = count_messages
sys.argv[0] = "beats"
from beats.__main__ import main
main()
"""
"""The command with a wall clock that is set, and that ends, once enough messages are written.

Without fixed times, a slow machine only takes longer.
"""


def recorded(folder: Path, by_s: float, *arguments: str) -> None:
    command = [sys.executable, "-c", STEPPING, str(by_s), "record", *SETTINGS, *arguments]
    environment = clean_environment()
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("by_s", [-3600.0, 86_400.0])
def test_a_step_of_the_clock_takes_no_time(tmp_path: Path, by_s: float) -> None:
    """`info` reports it, a range is as long as requested, and a replay lasts as long as the show."""
    began_s = time.monotonic()
    recorded(tmp_path, by_s, "--out", "a.mcap")
    run_s = time.monotonic() - began_s
    code, out, err = called("info", "a.mcap", "--json", cwd=tmp_path)
    assert code == 0, err
    (file,) = json.loads(out)["files"]
    assert 0.0 < file["duration_s"] <= run_s
    (step,) = file["clock_steps"]
    assert step["by_s"] == pytest.approx(by_s, abs=0.1)
    place_s = step["position_s"]
    assert 0.0 < place_s < file["duration_s"]
    code, _, err = called("export", "a.mcap", "--events", "a.csv", "--end", f"{place_s:.9f}", cwd=tmp_path)
    assert code == 0, err
    code, _, err = called("export", "a.mcap", "--events", "b.csv", "--start", f"{place_s:.9f}", cwd=tmp_path)
    assert code == 0, err
    before, after = (times_ns(tmp_path / name) for name in ("a.csv", "b.csv"))
    assert max(before) - min(before) <= place_s * 1e9
    assert max(before) <= step["before_unix_ns"]
    assert step["after_unix_ns"] <= min(after)
    began_s = time.monotonic()
    code, out, err = called("replay", "a.mcap", "--profile", "headless", cwd=tmp_path)
    assert code == 0, err
    assert file["duration_s"] <= time.monotonic() - began_s < 600  # not an hour, nor a day
    assert f"published {file['messages']}," in out


def times_ns(path: Path) -> list[int]:
    """When updates came, by the wall clock; they were captured at the same time."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert all(abs(int(row["unix_ns"]) - int(row["captured_unix_ns"])) < 10**9 for row in rows)
    return [int(row["unix_ns"]) for row in rows]
