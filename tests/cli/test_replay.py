"""`beats replay`, and what its keys mean."""

import json
import re
from math import inf
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from beats.cli.commands.replay import command_of, next_speed
from beats.kernel.stats import Playback
from tests.adapters.sources.replay.recordings import frame, recorded, show
from tests.recordings.support import lines, messages, record
from tests.support import PORT_0, Viewer, beats, called, watching

NO_BROWSER = ("--set", "sinks.browser.enabled=false", "--set", "sinks.void.type=null")


def say(viewer: Viewer, command: str, **fields: object) -> None:
    viewer.connection.send(json.dumps({"kind": "control", "command": command, **fields}))


def published(text: str) -> tuple[int, int]:
    found = re.search(r"published (\d+), of them (\d+) frames", text)
    assert found, text
    return int(found[1]), int(found[2])


def test_a_viewer_gets_the_recording_byte_for_byte(tmp_path: Path) -> None:
    """All of it in order, instead of the profile's sources; the run ends with the recording."""
    # A minute passes after the first frame, unless the viewer, who is there by then, shortens it.
    late = (each._replace(log_unix_ns=each.log_unix_ns + 60 * 10**9) for each in show()[1:])
    written = [frame(1, 0), *late]
    path = record(tmp_path / "a.mcap", written)
    with beats("replay", str(path), *PORT_0, cwd=tmp_path) as program:
        with watching(program.url) as viewer:
            viewer.next()
            say(viewer, "replay_speed", speed=100)
            viewer.take(19)
            assert viewer.raw == [each.encoded for each in written]
            with pytest.raises(ConnectionClosed):
                viewer.next()
        assert program.end() == 0, program.err.text()
        assert published(program.out.text()) == (20, 10)


def test_max_into_the_recorder_makes_the_same_recording(tmp_path: Path) -> None:
    """With a `block` queue, bytes, topics, numbers and capture times are the same."""
    written = lines(300)
    path = record(tmp_path / "a.mcap", written)
    code, out, err = called(
        "replay", str(path), "--speed", "max", "--profile", "record",
        "--set", "sinks.recorder.path=again.mcap", cwd=tmp_path,
    )  # fmt: skip
    assert code == 0, err
    again = messages(tmp_path / "again.mcap")
    for one, other in zip(again, written, strict=True):
        assert (one.topic, one.sequence) == (other.topic, other.sequence)
        assert (one.captured_unix_ns, one.encoded) == (other.captured_unix_ns, other.encoded)
    assert published(out) == (300, 100)


def test_a_loop_goes_on_until_its_time_is_over(tmp_path: Path) -> None:
    """`--duration` ends it."""
    path = recorded(tmp_path, 2)
    code, out, err = called(
        "replay", str(path), "--loop", "--speed", "5", *NO_BROWSER, "--duration", "3", cwd=tmp_path
    )
    assert code == 0, err
    assert published(out)[0] > 8


def test_a_choice_is_played(tmp_path: Path) -> None:
    """Kinds, topics, start and end, with blanks; of several files and folders, in the order of time."""
    path = recorded(tmp_path, 10)
    choice = ("--kinds=peripheral, frame", "--topics=frame, peripheral/no", "--start=0.15", "--end=0.65")
    code, out, err = called("replay", str(path), *choice, "--speed", "100", *NO_BROWSER, cwd=tmp_path)
    assert code == 0, err
    assert published(out) == (5, 5)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        recorded(tmp_path / name, 3)
    arguments = ("one", "two/show.mcap", "--speed", "max")
    code, out, err = called("replay", *arguments, *NO_BROWSER, cwd=tmp_path)
    assert code == 0, err
    assert published(out) == (12, 6)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "FILE"),
        (("[red].mcap",), 2, "[red].mcap does not exist: give a recording, or a folder of recordings"),
        (("show.mcap", "--speed", "fast"), 2, "--speed is 'fast': give a number from 0.1 to 100, or \"max\""),
        (("show.mcap", "--speed", "0"), 2, "--speed is '0': give a number from 0.1 to 100"),
        (("show.mcap", "--speed", "nan"), 2, "--speed is 'nan'"),
        (("show.mcap", "--speed", "1_0"), 2, "--speed is '1_0'"),
        (("show.mcap", "--start", "noon"), 78, "give seconds from the beginning (90, 1.5), a time of day ("),
        (("show.mcap", "--end", "25:00"), 78, "give seconds from the beginning"),
        (("show.mcap", "--kinds", "sound"), 78, "frame"),
        (("show.mcap", "--topics", ""), 78, "topics"),
        (("show.mcap", "--start", "99"), 1, "start (99) is too late: the recordings end 0.950 s from"),
        (("show.mcap", "--start", "0.5", "--end", "0.1"), 1, "end (0.1) is not after start (0.5)"),
        (("show.mcap", "--topics", "frmae"), 1, "nothing to play: no message is of these kinds, topics"),
        (("empty",), 1, "empty holds no recordings"),
        (("text.mcap",), 1, "text.mcap is not a recording"),
        (("void.mcap",), 1, "void.mcap is empty: name a recording"),
    ],
)
def test_wrong_usage_says_what_would_be_right(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """2 for usage, 78 for settings, 1 for errors of the recording itself; no traceback."""
    recorded(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.mcap").write_text("Dear diary")
    (tmp_path / "void.mcap").touch()
    found, _, err = called("replay", *arguments, *NO_BROWSER, cwd=tmp_path)
    assert (found, said in err) == (code, True), err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", ["text.mcap", "void.mcap"])
def test_what_is_no_recording_is_refused_before_anything_opens(name: str, tmp_path: Path) -> None:
    """Nobody is told an address at which nothing will be."""
    (tmp_path / "text.mcap").write_text("Dear diary")
    (tmp_path / "void.mcap").touch()
    assert called("replay", name, *NO_BROWSER, cwd=tmp_path)[:2] == (1, "")


PLAYBACK = Playback(10.0, 60.0, 1.0, paused=False, loops=0)


@pytest.mark.parametrize(
    ("key", "command", "fields"),
    [
        (" ", "replay_pause", {"paused": None}),
        ("left", "replay_seek", {"offset_s": -5.0}),
        ("right", "replay_seek", {"offset_s": 5.0}),
        (",", "replay_seek", {"frames": -1}),
        (".", "replay_seek", {"frames": 1}),
        ("up", "replay_speed", {"speed": 2.0}),
        ("down", "replay_speed", {"speed": 0.5}),
    ],
)
def test_a_key_says_what_a_client_could(key: str, command: str, fields: dict[str, object]) -> None:
    """Each becomes one command, from a client called terminal."""
    control = command_of(key, PLAYBACK)
    assert control is not None
    assert (control.command, control.fields, control.client.sink) == (command, fields, "terminal")


def test_other_keys_say_nothing() -> None:
    """Nor do the keys for the speed before it is known."""
    assert command_of("x", PLAYBACK) is None
    assert command_of("\x1b", PLAYBACK) is None
    assert command_of("up", None) is None


@pytest.mark.parametrize(
    ("speed", "faster", "slower"),
    [(1.0, 2.0, 0.5), (0.1, 0.25, 0.1), (100.0, 100.0, 50.0), (3.0, 5.0, 2.0), (inf, inf, 100.0)],
)
def test_speeds_go_by_usual_steps(speed: float, faster: float, slower: float) -> None:
    """Any speed goes to the next step; at the ends it stays."""
    assert next_speed(speed, up=True) == faster
    assert next_speed(speed, up=False) == slower
