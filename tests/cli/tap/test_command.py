"""`beats tap`, as a process."""

import resource
import signal
from pathlib import Path
from typing import Any

import pytest
import typer
from websockets.sync.server import ServerConnection

from beats.cli.tap.command import tap
from tests.cli.tap.envelopes import frame, holding, sending, serving, update
from tests.support import BEATS, Program, beats, called, clean_environment, tiny_png


def test_lines_are_printed_as_they_come(tmp_path: Path) -> None:
    """Each at once, also into a pipe; Ctrl-C ends it without an error."""
    with (
        serving(holding(frame(1), update(4, {"a": 1}))) as server,
        beats("tap", server.place, cwd=tmp_path) as program,
    ):
        program.out.wait_for(r"^\d\d:\d\d:\d\d\.\d{3} frame +1 .* 1 x 1$")
        program.out.wait_for(r' peripheral/knob-1 +4 .* \{"a":1\}  #input:rotary #demo  @1,-2\.5,0 ')
        assert program.interrupt() == 0
        assert program.err.text() == ""


def shell(line: str, folder: Path) -> tuple[int, str, str]:
    with Program(["bash", "-c", f"set -o pipefail; {line}"], folder, clean_environment()) as program:
        return program.end(), program.out.text(), program.err.text()


def test_a_reader_that_has_enough_ends_it_in_silence(tmp_path: Path) -> None:
    """As in `beats tap | head -1`."""

    def flood(connection: ServerConnection) -> None:
        for sequence in range(1, 1_000_000):
            connection.send(frame(sequence))

    with serving(flood) as server:
        code, out, err = shell(f"{' '.join(BEATS)} tap {server.place} | head -1", tmp_path)
    assert (code, err, len(out.splitlines())) == (0, "", 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_an_output_that_takes_nothing_is_said(tmp_path: Path) -> None:
    """Such as a file on a full disk."""
    with serving(holding(frame(1))) as server:
        code, _, err = shell(f"{' '.join(BEATS)} tap {server.place} > /dev/full", tmp_path)
    assert (code, err) == (1, "standard output cannot be written: No space left on device\n")


def test_the_servers_end_is_the_end(tmp_path: Path) -> None:
    """With its code and reason, and exit code 1."""
    with serving(sending(frame(1), code=1013, why="too slow")) as server:
        code, out, err = called("tap", server.place, cwd=tmp_path)
    assert (code, len(out.splitlines())) == (1, 1)
    said = f"{server.place}: the server closed the stream: 1013 (try again later) too slow"
    assert err.splitlines() == [said, "More: beats docs protocol#close-codes"]


def test_it_goes_on_when_the_server_is_there_again(tmp_path: Path) -> None:
    """With `--reconnect`; missed envelopes are reported as a gap."""
    with (
        serving(sending(frame(1))) as server,
        beats("tap", server.place, "--reconnect", "--count", "2", cwd=tmp_path) as program,
    ):
        program.out.wait_for("the server closed the stream: 1000 .*; reconnecting in 0.5 s")
        server.stop()
        program.out.wait_for("Connection refused; reconnecting in")
        with serving(holding(frame(5)), port=server.port):
            program.out.wait_for(r"frame 3 missing \(2 to 4\)")
            assert program.end() == 0


def test_frames_are_saved_and_nothing_is_overwritten(tmp_path: Path) -> None:
    """Existing files stay; frames not saved are counted, with exit code 1."""
    (tmp_path / "shots").mkdir()
    (tmp_path / "shots" / "2.png").write_bytes(b"mine")
    with serving(holding(frame(1), frame(2), frame(3))) as server:
        code, out, err = called("tap", server.place, "--frames", "shots", "--count", "3", cwd=tmp_path)
    files = {path.name: path.read_bytes() for path in (tmp_path / "shots").iterdir()}
    assert files == {"1.png": tiny_png(1), "2.png": b"mine", "3.png": tiny_png(3)}
    assert "shots/2.png exists and is not overwritten" in out
    said = "1 frames were not saved: shots has other pictures with their names; give another folder\n"
    assert (code, err) == (1, said)


def test_a_disk_that_takes_no_more_is_said(tmp_path: Path) -> None:
    """With the file and what to do; no incomplete file is left."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    large = tiny_png() + bytes(5000)
    with serving(holding(frame(1), frame(2, large))) as server:
        command = [*BEATS, "tap", server.place, "--frames", "shots"]
        # No bytecode: Python would leave it cut off at the limit, for all who import it after that.
        environment = clean_environment(PYTHONDONTWRITEBYTECODE="1")
        with Program(command, tmp_path, environment, before=limit) as program:
            assert program.end() == 1
            said = "shots/2.png: File too large: free some space, or give another folder"
            assert program.err.text() == f"{server.place}: {said}\n"
    assert [path.name for path in (tmp_path / "shots").iterdir()] == ["1.png"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"url": "ftp://wall"}, 2, "'ftp://wall' is not an address of a Beats server"),
        ({"kinds": "sound"}, 2, "kinds is 'sound'; it takes frame, peripheral, or both with a comma"),
        ({"topics": ""}, 2, "topics is ''; it takes 1 to 32 patterns"),
        ({"quality": "101"}, 2, "quality is '101'; it takes a whole number from 1 to 100"),
        ({"max_fps": "0"}, 2, "max_fps is '0'; it takes a number above 0"),
        ({"pictures": True}, 2, "--pictures needs a terminal with at least 256 colours"),
        ({"pictures": True, "as_json": True}, 2, "--pictures and --json cannot be combined"),
        ({"ca": Path("ca.pem")}, 2, "--ca is for wss:// and https://"),
        ({"frames": Path("file")}, 1, "file: is not a folder: give one, or a new name"),
        ({"frames": Path("file/folder")}, 1, "Not a directory"),
    ],
)
def test_wrong_usage_says_what_would_be_right(
    tmp_path: Path,
    options: dict[str, Any],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """2 for usage, 1 for files; no traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(typer.Exit) as caught:
        tap(**options)
    out, err = capsys.readouterr()
    assert (caught.value.exit_code, out, said in err) == (code, "", True), err
