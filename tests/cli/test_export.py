"""`beats export`."""

import csv
import json
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from beats.kernel.envelope import Frame, Message, Peripheral
from tests.cli.terminal import on_a_terminal
from tests.recordings.export.material import (
    BLUE,
    GREEN,
    RED,
    film,
    pixels,
    plain,
    plain_png,
    png,
    record,
    shown,
    without_data,
)
from tests.recordings.foreign_files import without_pictures
from tests.support import BEATS, Program, beats, called, clean_environment

SHOW: list[tuple[float, Message]] = [*film(RED, GREEN, BLUE), (0.25, Peripheral("k", {"a": 1}))]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_call_writes_all_that_is_named(tmp_path: Path) -> None:
    """Exit code 0, a line for each output on standard output, and nothing on standard error."""
    record(tmp_path / "a.mcap", SHOW)
    pictures = (
        "--frames",
        "f",
        "--gif",
        "a.gif",
        "--apng",
        "a.png",
        "--mp4",
        "a.mp4",
        "--foxglove",
        "o.mcap",
    )
    tables = ("--events", "a.jsonl", "--events", "a.csv")
    code, out, err = called("export", "a.mcap", *pictures, *tables, cwd=tmp_path)
    assert (code, err) == (0, "")
    films = "a.gif: 3 frames; a.png: 3 frames; a.mp4: 3 frames; o.mcap: 3 frames"
    said = f"f: 3 frames; {films}; a.jsonl: 1 update; a.csv: 1 update"
    assert "; ".join(line.split(",")[0] for line in out.splitlines()) == said
    expected = [(pixels(plain(colour)), 100) for colour in (RED, GREEN, BLUE)]
    assert shown(tmp_path / "a.gif") == shown(tmp_path / "a.png") == expected
    assert json.loads((tmp_path / "a.jsonl").read_text())["id"] == "k"
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row["data"] for row in csv.DictReader(file)] == ['{"a":1}']
    frames = sorted((tmp_path / "f").iterdir())
    assert [path.read_bytes() for path in frames] == [plain_png(colour) for colour in (RED, GREEN, BLUE)]
    assert frames[1].name == "0000002_20231114T221320.100000Z.png"
    assert names(tmp_path) == ["a.csv", "a.gif", "a.jsonl", "a.mcap", "a.mp4", "a.png", "f", "o.mcap"]
    code, out, err = called("info", "o.mcap", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert re.search(r"\nhealth +whole", out.replace("\n  ", "\n"))
    assert re.search(r"frame +3 .*peripheral/k +1 ", out, re.DOTALL)


def test_a_part_of_a_folder_of_recordings(tmp_path: Path) -> None:
    """Start, end and topics select from the files of a folder."""
    (tmp_path / "r").mkdir()
    record(tmp_path / "r" / "a.mcap", film(RED, GREEN))
    record(tmp_path / "r" / "b.mcap", [(9 + at_s, frame) for at_s, frame in film(BLUE, RED)], identity="b")
    part = ("--start", "0.1", "--end", "1.15", "--topics", "x,fr*", "--topics", "y")
    code, _, err = called("export", "r", "--apng", "a.png", *part, cwd=tmp_path)
    assert (code, err) == (0, "")
    assert [each for each, _ in shown(tmp_path / "a.png")] == [pixels(plain(GREEN)), pixels(plain(BLUE))]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--gif", "a.gif"], "FILE"),
        (["a.mcap"], "at least one of --frames DIR, --gif FILE, --apng FILE, --mp4 FILE, --foxglove"),
        (["a.mcap", "--mp4", "a.avi"], "--mp4 a.avi: its name must end with .mp4"),
        (["a.mcap", "--gif", "a.mp4"], "--gif a.mp4: its name must end with .gif"),
        (["a.mcap", "--apng", "a.gif"], "--apng a.gif: its name must end with .png or .apng"),
        (["a.mcap", "--gif", "a", "--apng", "./a"], "two outputs have the same name"),
        (["a.mcap", "--events", "a.txt"], "--events a.txt: its name must end with .jsonl or .csv"),
        (["a.mcap", "--gif", "a", "--start", "noon"], "--start: 'noon' is not a moment: give seconds"),
        (["a.mcap", "--gif", "a", "--end", "25:00"], "--end: '25:00' is not a moment"),
        (["a.mcap", "--gif", "a.gif", "--start", "2", "--end", "1"], "end (1) is not after start (2)"),
        (["a.mcap", "--gifs", "a"], "--gifs"),
        (["a.mcap", "--gif", ""], "is a folder: name a file in it"),
        (["a.mcap", "--apng", "/"], "is a folder: name a file in it"),
        (["a.mcap", "--events", "a.csv.part"], "give a.csv"),
        (["a.mcap", "--foxglove", "a.gif"], "--foxglove a.gif: the name of a recording must end with .mcap"),
    ],
)
def test_wrong_usage_has_a_code_of_its_own(arguments: list[str], said: str, tmp_path: Path) -> None:
    """Exit code 2 with the right usage, and nothing is created."""
    record(tmp_path / "a.mcap", SHOW)
    code, out, err = called("export", *arguments, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert said in err
    assert names(tmp_path) == ["a.mcap"]


@pytest.mark.parametrize(
    ("file", "expected", "said"),
    [("gone.mcap", 2, "gone.mcap does not exist"), ("text.mcap", 1, "text.mcap is not a recording")],
)
def test_what_cannot_be_read_is_a_failure(file: str, expected: int, said: str, tmp_path: Path) -> None:
    """Exit code 1, or 2 if the file is not there; one line that names the file, and nothing is created."""
    (tmp_path / "text.mcap").write_text("no recording")
    code, out, err = called("export", file, "--gif", "a.gif", cwd=tmp_path)
    assert (code, out) == (expected, "")
    assert said in err
    assert len(err.partition("More: ")[0].splitlines()) == 1
    assert names(tmp_path) == ["text.mcap"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """The existing file stays, without another output of the call; so do the frames of another export."""
    record(tmp_path / "a.mcap", SHOW)
    (tmp_path / "a.csv").write_text("mine")
    code, out, err = called("export", "a.mcap", "--gif", "a.gif", "--events", "a.csv", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith("a.csv: exists and is not overwritten: give another name, or remove it first\n")
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert names(tmp_path) == ["a.csv", "a.mcap"]
    assert called("export", "a.mcap", "--frames", "f", cwd=tmp_path)[0] == 0
    before = names(tmp_path / "f")
    code, out, err = called("export", "a.mcap", "--frames", "f", "--start", "0.1", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith("f: already holds exported frames")
    assert names(tmp_path / "f") == before


def test_damage_is_told_and_passed_over(tmp_path: Path) -> None:
    """File, offset and reason go to standard error; exit code 0, since something was written."""
    recording = record(tmp_path / "a.mcap", SHOW, chunk_of=1)
    data = bytearray(recording.read_bytes())
    data[data.index(plain_png(GREEN)) + 40] ^= 1
    recording.write_bytes(data)
    code, _, err = called("export", "a.mcap", "--gif", "a.gif", cwd=tmp_path)
    assert code == 0
    assert re.fullmatch(r"warning: a\.mcap: at byte [\d,]+: a chunk: its content is damaged .*\n", err)
    assert [each for each, _ in shown(tmp_path / "a.gif")] == [pixels(plain(RED)), pixels(plain(BLUE))]


def test_what_is_not_shown_is_told(tmp_path: Path) -> None:
    """Of a recording of another program; also if that was all."""
    without_pictures(tmp_path / "a.mcap")
    code, out, err = called("export", "a.mcap", "--gif", "a.gif", cwd=tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith("warning: neither pictures nor updates: 3 messages of 2 channels")
    code, out, err = called("cut", "a.mcap", "b.mcap", cwd=tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith("warning: neither pictures nor updates: 3 messages of 2 channels")


@pytest.mark.parametrize("output", [("--mp4", "o.mp4"), ("--foxglove", "o.mcap")])
def test_a_full_disk_leaves_nothing(output: tuple[str, str], tmp_path: Path) -> None:
    """The error names the output, by the name that it was to have."""
    rng = random.Random(1)
    show: list[tuple[float, Message]] = [
        (at_s / 10, Frame(png(Image.frombytes("RGB", (99, 99), rng.randbytes(3 * 99 * 99)))))
        for at_s in range(40)
    ]
    record(tmp_path / "a.mcap", show)
    limited = "import resource as r, sys; r.setrlimit(r.RLIMIT_FSIZE, (99_000, 99_000)); "
    code = limited + "sys.argv[0] = 'beats'; from beats.__main__ import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", code, "export", "a.mcap", *output],
        cwd=tmp_path,
        env=clean_environment(PYTHONDONTWRITEBYTECODE="1"),  # it would be cut off at the limit, for all
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(f"{output[1]}: File too large\n")
    assert names(tmp_path) == ["a.mcap"]


def test_when_there_is_nothing_to_write_that_is_a_failure(tmp_path: Path) -> None:
    """Exit code 1 and the reason, and no empty file; 0 if another output has content."""
    record(tmp_path / "a.mcap", film(RED))
    code, out, err = called("export", "a.mcap", "--events", "a.csv", cwd=tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith("a.csv: not written: the selection has no readable updates")
    code, out, err = called("export", "a.mcap", "--events", "a.csv", "--gif", "a.gif", cwd=tmp_path)
    assert code == 0
    assert out.startswith("a.gif: 1 frame,")
    assert err.startswith("a.csv: not written")
    assert names(tmp_path) == ["a.gif", "a.mcap"]


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_export_leaves_no_half_file(
    number: signal.Signals, expected: int, tmp_path: Path
) -> None:
    """A signal ends it with the exit code of shells, without a traceback."""
    ramp = Image.linear_gradient("L").transform((1024, 1024), Image.Transform.EXTENT, (0, 0, 256, 256))
    slow = Frame(png(Image.merge("RGB", [ramp, ramp.rotate(90), ramp.rotate(180)])))
    broken = Frame(without_data(plain_png(RED)))
    record(tmp_path / "a.mcap", [(0, broken), *((at / 10, slow) for at in range(1, 600))])
    others = ("--mp4", "a.mp4", "--foxglove", "o.mcap", "--events", "a.csv")
    with beats("export", "a.mcap", "--gif", "a.gif", *others, cwd=tmp_path) as program:
        program.err.wait_for("is left out of a.gif")  # and then there is a minute's work to do
        assert {"a.gif.part", "a.mp4.part", "o.mcap.part"} <= set(names(tmp_path))
        program.signal(number)
        assert program.end() == expected
        assert "Traceback" not in program.err.text()
    assert names(tmp_path) == ["a.mcap"]


def test_a_terminal_shows_how_far_it_is(tmp_path: Path) -> None:
    """The bar goes to standard error; standard output has only the results."""
    record(tmp_path / "a.mcap", SHOW)
    arguments = ("export", "a.mcap", "--apng", "a.png")
    with on_a_terminal(*arguments, cwd=tmp_path, stdout=subprocess.PIPE) as terminal:
        assert terminal.end() == 0
        assert terminal.process.stdout is not None
        assert re.fullmatch("a.png: 3 frames.*\n", terminal.process.stdout.read())
    assert re.search(r"exporting .*100%", terminal.text)


def test_a_current_folder_that_was_removed_is_an_error_in_a_line(tmp_path: Path) -> None:
    """Without a traceback."""
    record(tmp_path / "a.mcap", SHOW)
    (tmp_path / "gone").mkdir()
    line = f"rmdir ../gone; {' '.join(BEATS)} export {tmp_path}/a.mcap --gif a.gif"
    with Program(["bash", "-c", line], tmp_path / "gone", clean_environment()) as program:
        assert program.end() == 1
        assert program.err.text().startswith("a.gif: cannot be created: No such file or directory\n")
