"""`beats record` and `beats snapshot`."""

import re
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from beats.recordings.format import RecordedMessage
from tests.recordings.support import messages
from tests.support import PORT_0, Program, beats, called, watching

NO_BROWSER = ("--set", "sinks.browser.enabled=false")


def published(text: str) -> int:
    found = re.search(r"published (\d+), of them", text)
    assert found, text
    return int(found[1])


def only(folder: Path) -> list[RecordedMessage]:
    """What the only recording in a folder holds."""
    (path,) = folder.glob("*.mcap")
    assert not list(folder.glob("*.part"))
    return messages(path)


def test_all_that_is_streamed_is_recorded(tmp_path: Path) -> None:
    """The named file has all that viewers saw, and is whole when an interrupt has ended the run."""
    with beats("record", "--out", "show.mcap", *PORT_0, cwd=tmp_path) as program:
        with watching(program.url) as viewer:
            seen = viewer.take(10)
        assert program.interrupt() == 0, program.err.text()
        out = program.out.text()
    assert "On air: http://localhost" in out
    found = only(tmp_path)
    assert len(found) == published(out) > 0
    assert {(each.topic, each.sequence) for each in seen} <= {(each.topic, each.sequence) for each in found}
    for topic in {message.topic for message in found}:
        numbers = [message.sequence for message in found if message.topic == topic]
        assert numbers == list(range(1, len(numbers) + 1))


def test_without_a_name_it_goes_to_the_folder_recordings(tmp_path: Path) -> None:
    """With the profile and the time in its name."""
    code, _, err = called("record", *NO_BROWSER, "--duration", "0.1", cwd=tmp_path)
    assert code == 0, err
    (path,) = (tmp_path / "recordings").iterdir()
    assert re.fullmatch(r"default-\d{8}-\d{6}-001\.mcap", path.name)


def test_standard_input_is_recorded(tmp_path: Path) -> None:
    """The end of the input ends the recording."""
    arguments = ("record", "--stdin", *NO_BROWSER, "-o", "sensor.mcap")
    with beats(*arguments, cwd=tmp_path, stdin=subprocess.PIPE) as program:
        program.write('{"id": "knob", "data": 1}', '{"id": "knob", "data": 2}')
        program.close_input()
        assert program.end() == 0, program.err.text()
    found = [(each.topic, each.sequence) for each in only(tmp_path)]
    assert found == [("peripheral/knob", 1), ("peripheral/knob", 2)]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("show.mcap", "show.mcap"),
        ("show.mcap.part", "this one is unfinished (`beats recover show.mcap.part` makes it whole)"),
    ],
)
def test_nothing_is_overwritten(tmp_path: Path, name: str, said: str) -> None:
    """An existing file stays, the error says how to recover an unfinished one, and nothing is opened."""
    (tmp_path / name).write_text("precious")
    code, _, err = called("record", *NO_BROWSER, "--out", "show.mcap", "--duration", "0.1", cwd=tmp_path)
    assert (code, said in err, "Traceback" in err, "INFO" in err) == (2, True, False, False), err
    assert (tmp_path / name).read_text() == "precious"


def test_the_profiles_own_recorder_is_used(tmp_path: Path) -> None:
    """No second one is added; `--out` sets its path."""
    (tmp_path / "config").mkdir()
    own = '[sinks.browser]\nenabled = false\n[sinks.tape]\ntype = "recorder"\npath = "elsewhere.mcap"\n'
    (tmp_path / "config" / "mine.toml").write_text(own)
    code, out, err = called("record", "-p", "mine", "--out", "mine.mcap", "--duration", "0.1", cwd=tmp_path)
    assert code == 0, err
    assert [path.name for path in tmp_path.glob("*.mcap")] == ["mine.mcap"]
    assert len(re.findall(r"^tape ", out, re.MULTILINE)) == 1
    assert "recorder" not in out


def test_a_recorder_that_waits_to_be_told_does_not_wait(tmp_path: Path) -> None:
    """The command itself starts the recording."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "default.toml").write_text('[sinks.tape]\ntype = "recorder"\nidle = true\n')
    code, out, err = called("record", *NO_BROWSER, "-o", "a.mcap", "--duration", "0.2", cwd=tmp_path)
    assert code == 0, err
    assert len(only(tmp_path)) == published(out)


def test_a_sink_that_is_called_recorder_is_left_alone(tmp_path: Path) -> None:
    """If it is of another type, the recorder gets another name."""
    other = ("--set", "sinks.recorder.type=null")
    code, out, err = called("record", *NO_BROWSER, *other, "-o", "a.mcap", "--duration", "0.1", cwd=tmp_path)
    assert code == 0, err
    assert set(re.findall(r"^recorder\S*", out, re.MULTILINE)) == {"recorder", "recorder-1"}
    assert len(only(tmp_path)) == published(out)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--out", "{what}.mcap"), 2, "{what}"),
        (("--out", "/"), 2, "is a folder: name a file in it"),
        (("--out", "show"), 2, "give show.mcap"),
        (("--out", "show.mcap.part"), 2, "give show.mcap"),
        (("--out", "show.mcap/"), 2, "names a folder"),
        (("--out", "~no-such-user/show.mcap"), 2, "'~no-such-user' does not exist"),
        (("--set", "sinks.recorder.path=show"), 78, "must end with .mcap"),
        (("gone.gif",), 2, "gone.gif does not exist"),
        (("--duration", "-1"), 2, "--duration"),
    ],
)
def test_wrong_usage_opens_nothing(tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    """The error says what `--out` may be, before anything is created."""
    found, out, err = called("record", *NO_BROWSER, *arguments, cwd=tmp_path)
    assert (found, out) == (code, "")
    assert said in err
    assert list(tmp_path.iterdir()) == []


HELD = (
    "--set", "sinks.tape.type=recorder", "--set", "sinks.tape.snapshot_s=60",
    "--set", "sinks.tape.path=held/{part}.mcap", "--set", "sinks.tape.min_free_bytes=0",
)  # fmt: skip


@contextmanager
def holding(tmp_path: Path, *arguments: str) -> Generator[Program]:
    """A run that can be found by its user's other commands, and holds something."""
    with beats("run", *PORT_0, *arguments, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as program:
        with watching(program.url) as viewer:
            viewer.take(20)
        folder = tmp_path / "beats"
        while not (folder / f"{program.process.pid}.sock").exists():
            assert program.process.poll() is None
        yield program


def snapshot(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    return called("snapshot", *arguments, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path))


def test_a_snapshot_is_written_while_the_stream_goes_on(tmp_path: Path) -> None:
    """The command prints the whole file; a signal makes another one; no socket is left."""
    with holding(tmp_path, *HELD) as program:
        code, out, err = snapshot(tmp_path)
        assert (code, err) == (0, "")
        first = tmp_path / out.strip()
        assert len(messages(first)) >= 10
        code, out, _ = snapshot(tmp_path, "--pid", str(program.process.pid))
        assert code == 0
        assert len(messages(tmp_path / out.strip())) >= len(messages(first))
        program.signal(signal.SIGUSR1)
        third = tmp_path / program.err.wait_for(r"snapshot of sink 'tape': (\S+)")[1]
        assert messages(third)
        assert len({first, third}) == 2
        assert program.interrupt() == 0, program.err.text()
    assert list((tmp_path / "beats").iterdir()) == []


def test_a_run_that_holds_nothing_says_what_to_set(tmp_path: Path) -> None:
    """To the command, and in the log after a signal; the stream continues."""
    with holding(tmp_path) as program:
        code, out, err = snapshot(tmp_path)
        assert (code, out) == (1, "")
        said = "no sink holds a snapshot: set snapshot_s, in seconds, on a sink of type recorder"
        assert err.splitlines() == [said, "More: beats docs recording#save-what-has-just-happened"]
        program.signal(signal.SIGUSR1)
        program.err.wait_for(r"ERROR .*no snapshot: no sink holds a snapshot")
        with watching(program.url) as viewer:
            viewer.take(3)
        assert program.interrupt() == 0


MORE = "More: beats docs operation#signals\n"


def test_when_none_or_several_run_it_says_so(tmp_path: Path) -> None:
    """With the choices, and how to name one."""
    code, out, err = snapshot(tmp_path)
    said = f"no beats of this user runs on this machine\n{MORE}"
    assert (code, out, err) == (1, "", said)
    with holding(tmp_path, *HELD) as one, holding(tmp_path, *HELD) as two:
        pids = ", ".join(map(str, sorted((one.process.pid, two.process.pid), key=str)))
        code, out, err = snapshot(tmp_path)
        assert (code, out, err) == (1, "", f"several run ({pids}): say which with --pid\n{MORE}")
        code, out, _ = snapshot(tmp_path, "--pid", str(two.process.pid))
        assert code == 0
        assert messages(tmp_path / out.strip())
        code, _, err = snapshot(tmp_path, "--pid", "1")
        assert (code, err) == (1, f"no beats has pid 1; these run: {pids}\n{MORE}")
