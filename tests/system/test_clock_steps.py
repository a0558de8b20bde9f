"""The wall clock is set while the real command records: what comes of it is as if nobody had touched it."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import clean_environment, ran

SETTINGS = (
    "--set",
    "sinks.browser.enabled=false",
    "--set",
    "sinks.recorder.min_free_bytes=0",
    "--set",
    "sources.demo.fps=20",
)
STEPPING = """
import sys, time
real_ns, by_ns = time.time_ns, round(float(sys.argv.pop(1)) * 1e9)
began_ns = time.monotonic_ns()
time.time_ns = lambda: real_ns() + (by_ns if time.monotonic_ns() - began_ns > 2_500_000_000 else 0)
sys.argv[0] = "beats"
from beats.__main__ import main
main()
"""
"""The command with a wall clock that is set by so many seconds when it has run for two and a half."""
SHOW_S = 4.0


def recorded(folder: Path, by_s: float, *arguments: str) -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            STEPPING,
            str(by_s),
            "record",
            "--duration",
            str(SHOW_S),
            *SETTINGS,
            *arguments,
        ],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("by_s", [-3600.0, -3.0, 86_400.0])
def test_a_step_of_the_clock_takes_no_time(tmp_path: Path, by_s: float) -> None:
    """`info` says where it was, a range is as long as it says, and a replay lasts as the show did."""
    recorded(tmp_path, by_s, "--out", "a.mcap")
    code, out, err = ran("info", "a.mcap", "--json", cwd=tmp_path)
    assert code == 0, err
    (file,) = json.loads(out)["files"]
    assert 1.0 < file["duration_s"] <= SHOW_S + 1
    (step,) = file["clock_steps"]
    assert step["by_s"] == pytest.approx(by_s, abs=0.1)
    place_s = step["position_s"]
    assert 0.0 < place_s < file["duration_s"]
    code, _, err = ran("export", "a.mcap", "--events", "a.csv", "--end", f"{place_s:.9f}", cwd=tmp_path)
    assert code == 0, err
    code, _, err = ran("export", "a.mcap", "--events", "b.csv", "--start", f"{place_s:.9f}", cwd=tmp_path)
    assert code == 0, err
    before, after = (times(tmp_path / name) for name in ("a.csv", "b.csv"))
    assert max(before) - min(before) <= place_s
    assert min(after) - max(before) == pytest.approx(by_s, abs=2.0)
    began_s = time.monotonic()
    code, out, err = ran("replay", "a.mcap", "--profile", "headless", cwd=tmp_path)
    assert code == 0, err
    assert time.monotonic() - began_s < file["duration_s"] + 20  # not an hour, nor a day
    assert f"published {file['messages']}," in out


def times(path: Path) -> list[float]:
    """When updates came, by the wall clock, in seconds; they were captured then, too."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert all(abs(int(row["unix_ns"]) - int(row["captured_unix_ns"])) < 10**9 for row in rows)
    return [int(row["unix_ns"]) / 1e9 for row in rows]


def test_parts_around_a_step_are_played_in_their_order(tmp_path: Path) -> None:
    """Each part is named and dated by the clock as it was; they are one show none the less."""
    recorded(tmp_path, -3600.0, "--out", "r/{part}.mcap", "--set", "sinks.recorder.rotate_s=0.2")
    code, out, err = ran("export", "r", "--events", "a.jsonl", cwd=tmp_path)
    assert code == 0, err
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    accelerations = [line["sequence"] for line in lines if line["id"] == "accel-1"]
    assert accelerations == list(range(1, len(accelerations) + 1))
    code, out, err = ran("info", "r", "--json", cwd=tmp_path)
    assert code == 0, err
    document = json.loads(out)
    assert len(document["files"]) > 3
    assert document["total"]["duration_s"] <= SHOW_S + 1
    assert sum(len(file["clock_steps"]) for file in document["files"]) >= 1


def test_a_ring_keeps_what_was_recorded_after_the_clock_was_set_back(tmp_path: Path) -> None:
    """The newest parts are kept, whatever their times; what was made of a recording, always."""
    ring = ("--set", "sinks.recorder.rotate_s=0.3", "--set", "sinks.recorder.keep_parts=3")
    recorded(tmp_path, 0.0, "--out", "r/{start:%Y/%m/%d}/{part:03}.mcap", *ring)
    (day,) = (tmp_path / "r").glob("*/*/*")
    first = min(day.iterdir())
    code, _, err = ran("cut", str(first), str(day / "900.mcap"), cwd=tmp_path)
    assert code == 0, err
    code, _, err = ran("recover", str(first), str(day / "901.mcap"), cwd=tmp_path)
    assert code == 0, err
    recorded(tmp_path, -86_400.0 * 400, "--out", "r/{start:%Y/%m/%d}/{part:03}.mcap", *ring)
    left = sorted(
        path for path in (tmp_path / "r").rglob("*.mcap") if path.name not in ("900.mcap", "901.mcap")
    )
    code, out, err = ran("info", *map(str, left), "--json", cwd=tmp_path)
    assert code == 0, err
    said = [file["recording"] for file in json.loads(out)["files"]]
    assert len(said) == 3
    assert len({each["recording"] for each in said}) == 1
    parts = sorted(int(each["part"]) for each in said)
    assert parts == list(range(parts[0], parts[0] + 3))
    assert parts[-1] > 3
    assert sorted(path.name for path in day.iterdir() if path.name.startswith("9")) == [
        "900.mcap",
        "901.mcap",
    ]
