"""How much memory a long recording needs: no more than a short one."""

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from beats.kernel.envelope import Frame
from beats.recordings.writing import RecordingFile
from tests.recordings.support import ABOUT, BEGIN_NS, line
from tests.support import tiny_png

COUNT = 1024
LARGE = 2**20
MOST_BYTES = 64 * 2**20

MEASURED = """
import re, sys
from pathlib import Path
from beats.cli import report, recordings
from beats.recordings import copying, document, files, info, selection

def peak_bytes():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

before = peak_bytes()
count = run(Path(sys.argv[1]))
print(count, peak_bytes() - before)
"""
SELECTION = """
def run(path):
    choice = selection.Selection([path])
    return sum(len(batch) for batch in choice.batches(0.0, print))
"""
INFO = """
def run(path):
    sys.stdout, out = open("/dev/null", "w"), sys.stdout
    recordings.info([path], as_json=True)
    sys.stdout = out
    return 1024
"""
COPY = """
def run(path):
    found = copying.recover(path, path.with_name("copy.mcap"), lambda position: None)
    return found.messages
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """A recording of more than 1 GB that lacks its end; deleted afterwards."""
    folder = tmp_path_factory.mktemp("large")
    path = folder / "large.mcap"
    png = tiny_png() + bytes(LARGE)
    file = RecordingFile(path, ABOUT, "none")
    for index in range(COUNT):
        file.append(line(Frame(png), index + 1, BEGIN_NS + index * 10**7))
    part = path.with_name("large.mcap.part")
    file.flush()
    part.rename(path)
    yield path
    for each in folder.iterdir():
        each.unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("what", [SELECTION, INFO], ids=["selection", "info"])
def test_memory_does_not_grow_with_the_file(large: Path, what: str) -> None:
    """A gigabyte is read within 64 MiB, by a replay as by `beats info`."""
    assert large.stat().st_size > 2**30
    run = subprocess.run(
        [sys.executable, "-c", what + MEASURED, str(large)],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    count, rise_bytes = map(int, run.stdout.splitlines()[-1].split())
    assert count == COUNT
    assert rise_bytes < MOST_BYTES


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_memory_does_not_grow_with_what_is_copied(large: Path) -> None:
    """Recovering a gigabyte takes no more than reading it."""
    run = subprocess.run(
        [sys.executable, "-c", COPY + MEASURED, str(large)],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    count, rise_bytes = map(int, run.stdout.split())
    assert count == COUNT
    assert rise_bytes < MOST_BYTES
