"""What commands that write files share."""

import signal
from pathlib import Path

import pytest

from beats.cli.files import why_no_file, why_no_recording
from tests.recordings.support import lines, record
from tests.support import PORT_0, beats, called

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
    """No file blocks the next attempt; the exit code is that of shells."""
    with beats(command, str(long), "new.mcap", cwd=tmp_path) as program:
        while not list(tmp_path.iterdir()):
            assert program.process.poll() is None
        program.signal(number)
        assert program.end() == 128 + number
        assert "Traceback" not in program.err.text()
    assert list(tmp_path.iterdir()) == []


def test_a_tap_that_is_ended_leaves_whole_frames_only(tmp_path: Path) -> None:
    """However many are being saved."""
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


def test_a_name_that_can_be_a_file_is_not_refused(tmp_path: Path) -> None:
    """Whether a file exists is checked when it is created; a path without a name is no file."""
    for name in ("a.gif", "a" * 300, "{start}/{part}/a.mcap"):
        assert why_no_file(tmp_path / name) is None
    assert why_no_recording(tmp_path / "a.mcap") is None
    for path in (tmp_path, Path(), Path("/")):
        assert why_no_file(path) == why_no_recording(path) == "is a folder: name a file in it"


@pytest.mark.parametrize(
    "arguments",
    [
        ("record", "--out", "gone/b.mcap"),
        ("record", "--out", "gone/{start:%d}/b.mcap"),
        ("cut", "a.mcap", "gone/b.mcap"),
        ("recover", "a.mcap", "gone/b.mcap"),
        ("export", "a.mcap", "--foxglove", "gone/b.mcap"),
        ("export", "a.mcap", "--frames", "gone/b"),
        ("export", "a.mcap", "--gif", "gone/b.gif"),
    ],
    ids=" ".join,
)
def test_a_name_that_is_typed_makes_no_folder(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """It may be a typing error; only a recorder makes folders, which its settings name."""
    record(tmp_path / "a.mcap", lines(1))
    code, _, err = called(*arguments, cwd=tmp_path)
    assert (code, "folder 'gone' does not exist: make it first" in err) == (2, True)
    assert [each.name for each in tmp_path.iterdir()] == ["a.mcap"]


@pytest.mark.parametrize("name", ["show.mcap.part", "show", "show.MCAP", "show.bag", ".mcap"])
def test_a_recording_is_found_by_its_name(name: str) -> None:
    """`.part`, and what `beats replay FOLDER` would pass over, are refused; the right name is offered."""
    why = why_no_recording(Path(name))
    assert why is not None
    assert why.endswith(f": give {name.removesuffix('.mcap.part')}.mcap")
