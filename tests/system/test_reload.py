"""Settings change while the show runs: viewers notice nothing, and every recording is exact."""

import itertools
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.adapters.sinks.recorder.support import metadata
from tests.support import TIMEOUT_S, Program, Viewer, beats, called, until_it_hears, watching
from tests.system.tapes import places, recorded

RATE_HZ: Final = 100
WATCH: Final = "[kernel]\nwatch = true\n"
BASE: Final = "[sinks.browser]\nport = 0\n"
TAPE: Final = '[sinks.tape]\ntype = "recorder"\nmin_free_bytes = 0\n'


class Show:
    """A running command that is fed 100 updates a second, and a viewer that sees all of them."""

    def __init__(self, program: Program, viewer: Viewer, folder: Path) -> None:
        self.program: Final = program
        self.viewer: Final = viewer
        self.fed = 0
        """Updates that were given to the program so far."""
        self._folder: Final = folder
        self._end: Final = threading.Event()
        self._feeder: Final = threading.Thread(target=self._feed)
        self._feeder.start()

    @property
    def seen(self) -> int:
        """The number of the last update that the viewer was sent."""
        return self.viewer.seen[-1].sequence if self.viewer.seen else 0

    def see(self, count: int) -> None:
        """Wait for so many updates more."""
        self.viewer.take(count)

    def configure(self, text: str) -> None:
        """Write the profile's file."""
        (self._folder / "config" / "default.toml").write_text(text)

    def reload(self) -> tuple[int, str, str]:
        """Run `beats reload`, while the viewer goes on reading."""
        done = called("reload", cwd=self._folder, XDG_RUNTIME_DIR=str(self._folder / "run"))
        self.see(10)
        return done

    def change(self, text: str) -> str:
        """Change the file and have it read; gives what was done."""
        self.configure(text)
        code, out, err = self.reload()
        assert (code, err) == (0, "")
        return out

    def stop(self) -> None:
        """Feed nothing more, and wait until the viewer has seen all."""
        self._end.set()
        self._feeder.join(TIMEOUT_S)
        while self.seen < self.fed:
            self.see(1)

    def _feed(self) -> None:
        begin_s = time.monotonic()
        for number in itertools.count(1):
            if self._end.wait(max(0.0, begin_s + number / RATE_HZ - time.monotonic())):
                return
            self.program.write(json.dumps({"id": "knob", "data": number}))
            self.fed = number


@contextmanager
def show(folder: Path) -> Generator[Show]:
    """A show on air; at the end its viewer has seen every number exactly once."""
    (folder / "config").mkdir()
    (folder / "config" / "default.toml").write_text(BASE)
    run = {"XDG_RUNTIME_DIR": str(folder / "run")}
    with beats("run", "--stdin", cwd=folder, stdin=subprocess.PIPE, **run) as program:
        with watching(program.url) as viewer:
            until_it_hears(folder / "run")
            running = Show(program, viewer, folder)
            try:
                running.see(20)
                yield running
            finally:
                running.stop()
        program.close_input()
        assert program.end() == 0, program.err.text()
    assert viewer.topics() == {"peripheral/knob": list(range(1, running.fed + 1))}


def test_sinks_come_change_and_go_and_the_viewer_sees_every_number_once(tmp_path: Path) -> None:
    """A recorder is added, moved, swapped for null and removed, a queue shrunk, a broken file refused."""
    with show(tmp_path) as running:
        assert "sink 'tape' added" in running.change(BASE + TAPE + 'path = "a-{part}.mcap"\n')
        added = running.fed
        assert "sink 'tape' replaced (path)" in running.change(BASE + TAPE + 'path = "b-{part}.mcap"\n')
        small = BASE + "queue = { size = 128 }\n"  # 1.28 s, which a busy machine does not stall for
        shrunk = running.change(small + TAPE + 'path = "b-{part}.mcap"\n')
        assert shrunk == "sink 'browser' changed in place (queue)\n"
        swapping = running.seen
        swapped = running.change(small + '[sinks.tape]\ntype = "null"\n')
        assert swapped == "sink 'tape' replaced by another type (type)\n"
        gone = running.fed
        assert running.change(small) == "sink 'tape' removed\n"

        running.configure(small.replace("port = 0", 'port = "none"'))
        code, out, err = running.reload()
        assert (code, out) == (78, "")
        file = tmp_path / "config" / "default.toml"
        assert f"{file.relative_to(tmp_path)}:2: sinks.browser.port" in err
        running.program.err.wait_for("keeping the current ones")
        assert running.change(small) == "nothing changed\n"
    numbers = [number for _, number in places([tmp_path / "a-1.mcap", tmp_path / "b-1.mcap"])]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert numbers[0] <= added + 1
    assert swapping <= numbers[-1] <= gone
    assert recorded(tmp_path / "b-1.mcap")


def test_sighup_reloads_the_settings(tmp_path: Path) -> None:
    """As daemons do; what was done is in the log, one line for each change."""
    with show(tmp_path) as running:
        running.configure(BASE + TAPE + 'path = "a.mcap"\n')
        running.program.signal(signal.SIGHUP)
        running.program.err.wait_for("sink 'tape' added")
        running.see(20)
        running.configure(BASE + "max_clients = 7\n" + TAPE + 'path = "a.mcap"\n')
        running.program.signal(signal.SIGHUP)
        running.program.err.wait_for(r"sink 'browser' changed in place \(max_clients\)")
        running.see(20)
    assert places([tmp_path / "a.mcap"])


def test_files_that_are_watched_are_read_when_they_change(tmp_path: Path) -> None:
    """With `watch = true` no command is needed; a file that is broken changes nothing."""
    with show(tmp_path) as running:
        assert running.change(WATCH + BASE) == "kernel changed in place (watch)\n"
        running.configure(WATCH + BASE + TAPE + 'path = "a.mcap"\n')
        running.program.err.wait_for("sink 'tape' added")
        running.configure(WATCH + BASE + TAPE + "path = 7\n")
        running.program.err.wait_for("keeping the current ones")
        running.see(10)
        running.configure(WATCH + BASE)
        running.program.err.wait_for("sink 'tape' removed")


def test_a_reload_brings_back_what_was_missing_at_the_start(tmp_path: Path) -> None:
    """A source whose file comes later is started again; viewers of the others notice nothing."""
    source = '[sources.late]\ntype = "jsonl"\npath = "late.jsonl"\n'
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "default.toml").write_text(BASE + source)
    run = str(tmp_path / "run")
    with beats("run", cwd=tmp_path, XDG_RUNTIME_DIR=run) as program:
        program.err.wait_for("source 'late' failed: late.jsonl cannot be read .*; not restarted")
        until_it_hears(tmp_path / "run")
        (tmp_path / "late.jsonl").write_text('{"id": "late", "data": 1}\n')
        assert called("reload", cwd=tmp_path, XDG_RUNTIME_DIR=run) == (0, "source 'late' started again\n", "")
        with watching(program.url) as viewer:
            viewer.until(lambda envelope: envelope.topic == "peripheral/late")
        assert program.interrupt() == 0


def test_a_change_is_written_into_a_recording_in_progress(tmp_path: Path) -> None:
    """Who looks at it later sees what was changed meanwhile, and when."""
    tape = TAPE + 'path = "a.mcap"\n'
    with show(tmp_path) as running:
        running.change(BASE + tape)
        running.change(BASE + "max_clients = 7\n" + tape)
    changes = [json.loads(note["changes"]) for note in metadata(tmp_path / "a.mcap", "beats.change")]
    assert changes == [
        [{"what": "sink 'tape' added", "error": ""}],
        [{"what": "sink 'browser' changed in place (max_clients)", "error": ""}],
    ]


def test_a_successor_that_cannot_start_leaves_what_was_there(tmp_path: Path) -> None:
    """Exit code 1 with the reasons; what could not be changed runs on as before, and lost nothing."""
    tape = TAPE + 'path = "a-{part}.mcap"\n'
    second = '[sinks.second]\ntype = "websocket"\nport = %d\n'
    with socket.create_server(("127.0.0.1", 0)) as taken, show(tmp_path) as running:
        running.change(BASE + tape + second % 0)
        first = running.fed
        wrong = BASE + TAPE + 'path = "/proc/none/a.mcap"\n' + second % taken.getsockname()[1]
        running.configure(wrong.replace("port = 0", "port = 0\nmax_clients = 7"))
        code, out, err = running.reload()
        assert (code, out) == (1, "sink 'browser' changed in place (max_clients)\n")
        *lines, more = err.splitlines()
        assert more.startswith("More: ")
        tape_line, second_line = sorted(lines, key=lambda line: "second" in line)
        assert "sink 'tape' replaced (path): failed, and the previous settings stay" in tape_line
        assert "/proc/none" in tape_line
        assert "sink 'second' replaced (port): failed, and the previous settings stay" in second_line
        assert "in use" in second_line
        running.see(20)
        last = running.seen
        running.change(BASE)
    numbers = [number for _, number in places(sorted(tmp_path.glob("a-*.mcap")))]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert numbers[0] <= first + 1
    assert numbers[-1] >= last
