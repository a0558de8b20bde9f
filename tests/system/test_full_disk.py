"""Full disks and deleted folders: the recorder reports them, and viewers notice nothing."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import pytest

from tests.support import BEATS, Program, beats, clean_environment, ran, watching
from tests.system.tapes import places, strictly_read

PROFILE: Final = """
[kernel]
restart_initial_s = 0.1
restart_max_s = 0.2

[sources.demo]
enabled = false

[sinks.browser]
port = 0
queue = { size = 100000 }

[sinks.tape]
type = "recorder"
path = "to/{part}.mcap"
flush_interval_s = 0.05
"""
LINE_BYTES: Final = 20_000
DISK_BYTES: Final = 8_000_000
needs_mounts: Final = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a small disk"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a profile that streams and records."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "default.toml").write_text(PROFILE)
    return tmp_path


@pytest.fixture
def small_disk(folder: Path) -> Generator[Path]:
    """A disk of 8 MB where the recordings go."""
    disk = folder / "to"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def recording(folder: Path, min_free_bytes: int = 0) -> Program:
    """The command, which streams and records what it is fed; a context manager."""
    keep = f"sinks.tape.min_free_bytes={min_free_bytes}"
    return beats("run", "--stdin", "--set", keep, cwd=folder, stdin=subprocess.PIPE)


def line(number: int) -> str:
    return json.dumps({"id": "knob", "data": [number, "x" * LINE_BYTES]})


class Run:
    """`beats run --stdin` with a viewer that sees all that it is fed."""

    def __init__(self, program: Program, viewer_next: Callable[[], object]) -> None:
        self._program: Final = program
        self._next: Final = viewer_next
        self.fed = 0

    def feed(self, count: int) -> None:
        """Publish so many updates, and wait until the viewer has them."""
        for _ in range(count):
            self.fed += 1
            self._program.write(line(self.fed))
            self._next()

    def feed_until(self, pattern: str) -> None:
        """Publish until something was said on standard error."""
        while not _said(self._program, pattern):
            self.feed(10)
            assert self.fed < 5000, self._program.err.so_far()


def _said(program: Program, pattern: str) -> bool:
    return pattern in program.err.so_far()


def stream(program: Program, act: Callable[[Run], None]) -> tuple[int, int]:
    """Feed a program as a test wants; gives how much it was fed and its exit code.

    The viewer misses nothing, whatever happens to the recorder.
    """
    with watching(program.url) as viewer:
        run = Run(program, viewer.next)
        act(run)
    assert viewer.topics() == {"peripheral/knob": list(range(1, run.fed + 1))}
    program.close_input()
    return run.fed, program.end()


def knobs(*numbers: int) -> list[tuple[str, int]]:
    return [("peripheral/knob", number) for number in numbers]


@needs_mounts
def test_recording_stops_before_the_disk_is_full_and_goes_on_when_there_is_room(
    folder: Path, small_disk: Path
) -> None:
    """The file is whole, the error says what to do, and the next part continues it."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(3_000_000))

    def act(run: Run) -> None:
        run.feed_until("restart in 0.2 s")
        ballast.unlink()
        program.err.wait_for(r"recording to to/2\.mcap")
        run.feed(5)

    with recording(folder, 2_000_000) as program:
        fed, code = stream(program, act)
    assert code == 0, program.err.text()
    assert "min_free_bytes reserves 2.0 MB: free some space, or lower it" in program.err.text()
    files = [small_disk / "1.mcap", small_disk / "2.mcap"]
    assert places(files) == knobs(*range(1, fed + 1))
    for file in files:
        assert strictly_read(file) > 0
    assert sorted(small_disk.iterdir()) == files


@needs_mounts
def test_a_disk_that_is_full_leaves_a_readable_file_and_exit_code_1(folder: Path, small_disk: Path) -> None:
    """Without a reserve the last write fails: what is whole is kept."""

    def act(run: Run) -> None:
        run.feed_until("No space left on device")
        run.feed(20)

    with recording(folder) as program:
        fed, code = stream(program, act)
    assert code == 1
    held = places(sorted(small_disk.iterdir(), key=lambda path: int(path.name.split(".")[0])))
    assert held == knobs(*range(1, len(held) + 1))
    assert DISK_BYTES * 0.7 < len(held) * LINE_BYTES < DISK_BYTES
    assert f"{fed - len(held)} envelopes" in program.err.text()


@needs_mounts
def test_a_disk_that_becomes_read_only_fails_the_recorder_alone(folder: Path) -> None:
    """It continues by itself when the disk is writable again; nothing is missing."""
    disk = folder / "to"

    def act(run: Run) -> None:
        run.feed(5)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", disk], check=True)
        try:
            run.feed_until("Read-only file system")
            run.feed(5)
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)
        program.err.wait_for(r"recording to to/2\.mcap")
        run.feed(5)

    with recording(folder) as program:
        fed, code = stream(program, act)
    assert code == 0, program.err.text()
    assert places(sorted(disk.iterdir())) == knobs(*range(1, fed + 1))


def test_a_limit_on_the_size_of_files_begins_the_next(folder: Path) -> None:
    """With RLIMIT_FSIZE every file is cut at the limit; the parts together are complete."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))

    def act(run: Run) -> None:
        for part in (2, 3):
            run.feed_until(f"to/{part - 1}.mcap.part: File too large; restart in")
            program.err.wait_for(rf"recording to to/{part}\.mcap")
        run.feed(5)

    arguments = [*BEATS, "run", "--stdin", "--set", "sinks.tape.min_free_bytes=0"]
    with Program(arguments, folder, clean_environment(), subprocess.PIPE, before=limited) as program:
        fed, code = stream(program, act)
    assert code == 0, program.err.text()
    assert "File too large" in program.err.text()
    files = sorted((folder / "to").iterdir(), key=lambda path: int(path.name.split(".")[0]))
    assert len(files) == 3
    assert places(files) == knobs(*range(1, fed + 1))


def test_a_folder_that_is_deleted_is_made_again(folder: Path) -> None:
    """The loss of its files is reported; the recording continues in a new part."""

    def act(run: Run) -> None:
        run.feed(5)
        part = folder / "to" / "1.mcap.part"
        while not part.exists():
            run.feed(1)
        part.unlink()
        part.parent.rmdir()
        run.feed_until("recording to to/2.mcap")
        run.feed(5)

    with recording(folder) as program:
        fed, code = stream(program, act)
    assert code == 0, program.err.text()
    assert "to/1.mcap was removed or moved while it was being written" in program.err.text()
    held = places([folder / "to" / "2.mcap"])
    assert held == knobs(*range(fed - len(held) + 1, fed + 1))
    assert len(held) >= 5


@pytest.mark.parametrize(
    ("blocked", "said"), [("to/1.mcap", "never overwritten"), ("to", "to"), ("read-only", "1.mcap")]
)
def test_a_place_that_cannot_be_written_stops_the_start(folder: Path, blocked: str, said: str) -> None:
    """A folder with the name of the file, a file with that of the folder, a read-only folder: code 78."""
    path = "to/1.mcap"
    if blocked == "to/1.mcap":
        (folder / "to" / "1.mcap").mkdir(parents=True)
    elif blocked == "to":
        (folder / "to").write_text("")
    else:
        path = "/proc/1.mcap"  # not even root can make a file there
    code, out, err = ran("run", "--set", f"sinks.tape.path={path}", cwd=folder)
    assert code == 78
    assert "sink 'tape' could not start" in err
    assert said in err
    assert "On air" not in out
