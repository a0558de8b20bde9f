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

COUNT = 128
LARGE = 2**20
MOST_BYTES = 64 * 2**20

MEASURED = """
import re, sys
from pathlib import Path
from beats.cli import report, recordings
from beats.recordings import copying, files, info, selection

def peak_bytes():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

def read(path):
    chosen = selection.Selection([path])
    return sum(len(batch) for batch in chosen.batches(0.0, print))

def survey(path):
    sys.stdout, out = open("/dev/null", "w"), sys.stdout
    recordings.info([path], as_json=True)
    sys.stdout = out
    return 128

def recover(path):
    return copying.recover(path, path.with_name("copy.mcap"), lambda position: None).messages

before = peak_bytes()
count = globals()[sys.argv[2]](Path(sys.argv[1]))
print(count, peak_bytes() - before)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """A recording of 128 MiB without an end; deleted afterwards."""
    folder = tmp_path_factory.mktemp("large")
    png = tiny_png() + bytes(LARGE)
    file = RecordingFile(folder / "large.mcap", ABOUT, "none")
    for index in range(COUNT):
        file.append(line(Frame(png), index + 1, BEGIN_NS + index * 10**7))
    file.flush()
    yield folder / "large.mcap.part"
    for each in folder.iterdir():
        each.unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("what", ["read", "survey", "recover"])
def test_memory_does_not_grow_with_the_file(large: Path, what: str) -> None:
    """Replay, `beats info` and recovery need far less memory than the size of the file."""
    assert large.stat().st_size > COUNT * LARGE
    command = [sys.executable, "-c", MEASURED, str(large), what]
    run = subprocess.run(command, capture_output=True, text=True, timeout=150, check=True)
    count, rise_bytes = map(int, run.stdout.splitlines()[-1].split())
    assert count == COUNT
    assert rise_bytes < MOST_BYTES
