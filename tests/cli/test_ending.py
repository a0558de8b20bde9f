"""Commands that are ended while they make a file."""

import signal
from pathlib import Path

import pytest

from tests.recordings.support import lines, record
from tests.support import PORT_0, beats

MANY = 100_000
"""Messages that take seconds to copy."""


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A long recording."""
    return record(tmp_path_factory.mktemp("long") / "long.mcap", lines(MANY), per_chunk=500)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["cut", "recover"])
def test_a_signal_leaves_no_half_file(
    tmp_path: Path, long: Path, command: str, number: signal.Signals
) -> None:
    """The next attempt finds nothing in its way; the exit code is that of shells."""
    with beats(command, str(long), "new.mcap", cwd=tmp_path) as program:
        while not list(tmp_path.iterdir()):
            assert program.process.poll() is None
        program.signal(number)
        assert program.end() == 128 + number
        assert "Traceback" not in program.err.text()
    assert list(tmp_path.iterdir()) == []


def test_a_tap_that_is_ended_leaves_whole_frames_only(tmp_path: Path) -> None:
    """However many it was about to save."""
    with (
        beats("run", *PORT_0, "--set", "sources.demo.fps=200", cwd=tmp_path) as server,
        beats("tap", server.url, "--frames", "frames", "--no-pictures", cwd=tmp_path) as program,
    ):
        while len(list(tmp_path.glob("frames/*.png"))) < 20:
            assert program.process.poll() is None
        program.signal(signal.SIGTERM)
        assert program.end() == 128 + signal.SIGTERM
        assert "Traceback" not in program.err.text()
    assert not list(tmp_path.glob("frames/*.part"))
