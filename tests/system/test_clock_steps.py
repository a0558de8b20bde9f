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

real_ns, make, write = time.time_ns, RecordingFile.__init__, RecordingFile.write
by_ns, files = round(float(sys.argv.pop(1)) * 1e9), int(sys.argv.pop(1))
stepped, begun, written = False, 0, 0
time.time_ns = lambda: real_ns() + (by_ns if stepped else 0)

def count_file(self, *arguments, **options):
    global begun
    begun += 1
    make(self, *arguments, **options)

def count_messages(self, envelopes, start=0, *rest):
    global stepped, written
    place = write(self, envelopes, start, *rest)
    written += place - start
    if not stepped and written >= 40 and begun > files // 2:
        stepped, written = True, 0
    elif stepped and written >= 40 and begun >= files:
        os.kill(os.getpid(), signal.SIGINT)
    return place

RecordingFile.__init__, RecordingFile.write = count_file, count_messages
sys.argv[0] = "beats"
from beats.__main__ import main
main()
"""
"""The command with a wall clock that is set, and that ends, once enough messages and files are written.

Without fixed times, a slow machine only takes longer.
"""


def recorded(folder: Path, by_s: float, *arguments: str, files: int = 1) -> None:
    command = [sys.executable, "-c", STEPPING, str(by_s), str(files), "record", *SETTINGS, *arguments]
    environment = clean_environment()
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("by_s", [-3600.0, -3.0, 86_400.0])
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


def test_parts_around_a_step_are_played_in_their_order(tmp_path: Path) -> None:
    """Each part is named and dated by the clock at that time; they are one show nevertheless."""
    began_s = time.monotonic()
    recorded(tmp_path, -3600.0, "--out", "r/{part}.mcap", "--set", "sinks.recorder.rotate_s=0.2", files=4)
    run_s = time.monotonic() - began_s
    code, out, err = called("export", "r", "--events", "a.jsonl", cwd=tmp_path)
    assert code == 0, err
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    accelerations = [line["sequence"] for line in lines if line["id"] == "accel-1"]
    assert accelerations == list(range(1, len(accelerations) + 1))
    code, out, err = called("info", "r", "--json", cwd=tmp_path)
    assert code == 0, err
    document = json.loads(out)
    assert len(document["files"]) > 3
    assert document["total"]["duration_s"] <= run_s
    assert sum(len(file["clock_steps"]) for file in document["files"]) >= 1


def test_retention_keeps_what_was_recorded_after_the_clock_was_set_back(tmp_path: Path) -> None:
    """The newest parts are kept, whatever their times; results of other commands, always."""
    keep = ("--set", "sinks.recorder.rotate_s=0.2", "--set", "sinks.recorder.keep_parts=3")
    recorded(tmp_path, 0.0, "--out", "r/{start:%Y/%m/%d}/{part:03}.mcap", *keep, files=5)
    (day,) = (tmp_path / "r").glob("*/*/*")
    first = min(day.iterdir())
    code, _, err = called("cut", str(first), str(day / "900.mcap"), cwd=tmp_path)
    assert code == 0, err
    code, _, err = called("recover", str(first), str(day / "901.mcap"), cwd=tmp_path)
    assert code == 0, err
    recorded(tmp_path, -86_400.0 * 400, "--out", "r/{start:%Y/%m/%d}/{part:03}.mcap", *keep, files=5)
    copies = ["900.mcap", "901.mcap"]
    left = sorted(path for path in (tmp_path / "r").rglob("*.mcap") if path.name not in copies)
    code, out, err = called("info", *map(str, left), "--json", cwd=tmp_path)
    assert code == 0, err
    about = [file["recording"] for file in json.loads(out)["files"]]
    assert len(about) == 3
    assert len({each["recording"] for each in about}) == 1
    parts = sorted(int(each["part"]) for each in about)
    assert parts == list(range(parts[0], parts[0] + 3))
    assert parts[-1] > 3
    assert sorted(path.name for path in day.iterdir() if path.name.startswith("9")) == copies
