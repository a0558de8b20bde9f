"""Standard output and standard error with failing and blocked targets."""

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.every import EACH_WAY, READING, STREAMING, WRITING, Kind, Result, run_all
from tests.cli.screen import Screen, on_a_screen
from tests.recordings.support import lines, read, record
from tests.support import BEATS, PORT_0, TIMEOUT_S, clean_environment

needs_full = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="only Linux has a device that is always full"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a recording."""
    record(tmp_path / "show.mcap", lines(20))
    return tmp_path


def shell(line: str, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the real command in a shell, as `$BEATS`."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=cwd,
        env=clean_environment(BEATS=" ".join(BEATS), XDG_RUNTIME_DIR=str(cwd), **variables),
        capture_output=True,
        text=True,
        check=False,
    )


class Ended(NamedTuple):
    """Commands that have run, by the kind of their standard output."""

    folder: Path
    """Each kind ran in a folder of its own there."""
    results: Mapping[Kind, list[Result]]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """All of them, in one process: loading what they need takes longer than most of them."""
    folder = tmp_path_factory.mktemp("ended")
    for kind in ("full", "closed", "gone"):
        (folder / kind).mkdir()
    full = (*READING, *WRITING, *STREAMING) if Path("/dev/full").exists() else ()
    others = (*EACH_WAY, *STREAMING)
    return Ended(folder, run_all({"full": full, "closed": others, "gone": others}, folder))


@needs_full
def test_every_command_says_in_a_line_that_the_disk_below_its_output_is_full(ended: Ended) -> None:
    """One line on standard error instead of a traceback, and exit code 1; its files are written."""
    said = "standard output cannot be written: No space left on device\n"
    for each in ended.results["full"][: -len(STREAMING)]:
        assert (each.code, each.err) == (1, said), each
    written = "schema.json config/mine.toml config/beats.schema.json cut.mcap whole.mcap events.csv"
    assert all((ended.folder / "full" / name).exists() for name in written.split())


def test_a_command_says_that_its_output_is_closed(ended: Ended) -> None:
    """A script that closes the standard output of a printing command gets an error."""
    for each in ended.results["closed"][: -len(STREAMING)]:
        assert (each.code, each.err) == (1, "standard output cannot be written: Bad file descriptor\n"), each


def test_a_command_ends_in_silence_when_its_reader_has_left(ended: Ended) -> None:
    """`| head` is no error: no message, exit code 0."""
    for each in ended.results["gone"][: -len(STREAMING)]:
        assert (each.code, each.err) == (0, ""), each


@needs_full
@pytest.mark.parametrize(("kind", "code"), [("full", 1), ("closed", 0), ("gone", 0)])
def test_a_stream_outlives_its_output(ended: Ended, kind: Kind, code: int) -> None:
    """It runs to its end and finishes its recording; only a full disk is a failure, and is logged once."""
    run, recording, replay = ended.results[kind][-len(STREAMING) :]
    for each in (run, recording, replay):
        assert each.code == code, each
        assert "Traceback" not in each.err
        said = "ERROR beats.cli.streams: standard output cannot be written: No space left"
        assert each.err.count(said) == (kind == "full"), each
    assert "new.mcap is finished" in recording.err
    assert read(ended.folder / kind / "new.mcap")[1] == [], "it is whole"


def test_a_reader_that_has_enough_leaves_the_exit_code_of_a_pipeline_as_it_is(folder: Path) -> None:
    """With the real shell."""
    done = shell("$BEATS config schema | head -c 1", folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")


@needs_full
def test_a_full_disk_below_the_log_ends_nothing(folder: Path) -> None:
    """It cannot be reported; exit codes do not change."""
    for command, code in ((("config", "check"), 0), (("info", "gone"), 2), (("run", "-p", "nope"), 78)):
        done = shell(f"$BEATS {' '.join(command)} 2>/dev/full", folder)
        assert (done.returncode, done.stderr) == (code, ""), command
    done = shell("$BEATS replay show.mcap --set sinks.browser.port=0 --speed max 2>/dev/full", folder)
    assert done.returncode == 0
    assert "published 20, of them" in done.stdout


def test_closed_streams_are_taken_so_that_no_file_gets_their_numbers(folder: Path) -> None:
    """Otherwise a recording could get descriptor 1, and library messages would be written into it."""
    code = (
        "import os, sys\n"
        "from beats.cli.streams import standard_streams\n"
        "with standard_streams():\n"
        "    number = os.open('file', os.O_RDWR | os.O_CREAT)\n"
        "    os.write(number, str(number).encode())\n"
        "    for read, fd in ((True, 0), (False, 1), (False, 2)):\n"
        "        try:\n"
        "            os.read(fd, 1) if read else os.write(fd, b'stray')\n"
        "        except OSError:\n"
        "            os.write(number, b' closed')\n"
    )
    command = ["bash", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, code]
    subprocess.run(command, cwd=folder, env=clean_environment(), check=True)
    number, *rest = (folder / "file").read_text().split()
    assert int(number) > 2
    assert rest == ["closed"] * 3


@pytest.mark.parametrize(("encoding", "others"), [("ascii", (*READING, *STREAMING)), ("utf-16", EACH_WAY)])
def test_every_command_prints_in_every_encoding(
    tmp_path: Path, encoding: str, others: Sequence[tuple[str, ...]]
) -> None:
    """Characters that the encoding lacks are escaped; documents for programs stay complete.

    Every command in the poorest encoding; in one that has all characters, each way of printing.
    """
    (tmp_path / "file" / "config").mkdir(parents=True)
    own = '# Für die Wand: ▼ 壁\n[sinks.browser]\npublic_host = "größe-壁"\n'
    (tmp_path / "file" / "config" / "mine.toml").write_text(own, encoding="utf-8")
    mine = ("-p", "mine")
    commands = [
        *others,
        ("config", "show", *mine),
        ("config", "show", *mine, "--json"),
        ("config", "get", "sinks.browser.public_host", *mine),
        ("config", "check", "-p", "größe"),
    ]
    variables = {"PYTHONIOENCODING": encoding, "BEATS_CONFIG_DIR": "config"}
    results = run_all({"file": commands}, tmp_path, **variables)["file"]
    for each in results:
        assert each.code == (1 if "diff" in each.command else 78 if "größe" in each.command else 0), each
        assert "Traceback" not in each.err
        assert "UnicodeEncodeError" not in each.err
    shown, as_json, got, refused = results[-4:]
    assert tomllib.loads(shown.out)["sinks"]["browser"]["public_host"] == "größe-壁"
    assert '"gr\\u00f6\\u00dfe-\\u58c1"' in as_json.out
    assert got.out.endswith("-壁\n" if encoding == "utf-16" else "-\\u58c1\n")
    assert "no such profile" in refused.err


def test_a_file_whose_name_is_no_text_is_named_by_its_bytes() -> None:
    """For scripts that read the names: no encoding has the surrogates that Python makes of such bytes."""
    code = (
        "import sys\n"
        "from beats.cli.output import say, say_value\n"
        "from beats.cli.streams import standard_streams\n"
        "with standard_streams():\n"
        "    say_value(sys.argv[1])\n"
        "    say(sys.argv[1])\n"
    )
    command: list[str | bytes] = [sys.executable, "-c", code, b"sh\xffow.mcap"]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, check=True)
    assert done.stdout == b"sh\xffow.mcap\nsh\\udcffow.mcap\n"


def test_a_pipe_that_another_program_made_non_blocking_loses_nothing(folder: Path) -> None:
    """All processes that share a pipe or terminal share its mode."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with subprocess.Popen(
        [*BEATS, "config", "schema"],
        cwd=folder,
        env=clean_environment(PYTHONIOENCODING="utf-16"),
        stdout=writer,
    ) as process:
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            first = file.read(1)  # more than a pipe holds is still to come
            text = (first + file.read()).decode("utf-16")
        assert process.wait() == 0
    assert json.loads(text)["$schema"]


def published(url: str) -> int:
    place = url.replace("ws://", "http://")
    with urllib.request.urlopen(f"{place}/api/stats", timeout=5) as answer:
        return int(json.load(answer)["stats"]["published"])


def suspend(screen: Screen) -> None:
    """Press Ctrl-S, have something logged, and see that the stream goes on."""
    url = screen.wait_for(r"On air: .* stream (ws://[^)\s]+)")[1]
    screen.suspend_output()
    screen.process.send_signal(signal.SIGUSR1)  # logs that there is no snapshot
    before = published(url)
    while published(url) < before + 20:
        pass


@pytest.mark.parametrize("options", [(), ("--log-format", "json")])
def test_a_terminal_that_takes_nothing_stops_no_stream(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Ctrl-S, then a log line in either format: the stream goes on, and ends soon after it is told to."""
    with on_a_screen("run", *PORT_0, *options, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as screen:
        suspend(screen)
        screen.process.send_signal(signal.SIGTERM)
        assert screen.process.wait(20) == 1  # its last lines were never taken


def test_a_terminal_that_takes_on_again_hears_what_it_missed(tmp_path: Path) -> None:
    """After Ctrl-Q the waiting log lines are written, and the stream ends normally."""
    with on_a_screen("run", *PORT_0, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as screen:
        suspend(screen)
        screen.resume_output()
        screen.wait_for("no snapshot: no sink holds")
        screen.press("\x03")
        assert screen.end() == 0
        assert "published" in screen.text()


def test_what_a_blocked_pipe_does_not_take_is_dropped_and_counted(tmp_path: Path) -> None:
    """Nothing waits for it; the log says how many writes are missing once it takes on again."""
    code = (
        "import logging, os, sys\n"
        "from beats.cli import streams\n"
        "logging.basicConfig(filename='log')\n"
        "with streams.standard_streams():\n"
        "    streams.detach()\n"
        "    for number in range(5000): print('x' * 99, flush=True)\n"
        "    os.write(2, b'done')\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.read(4) == b"done"
        out, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    [(name, dropped)] = re.findall(
        r"(standard \w+) was blocked for a while: (\d+) writes", (tmp_path / "log").read_text()
    )
    assert (name, out.count(b"\n") + int(dropped)) == ("standard output", 5000)
