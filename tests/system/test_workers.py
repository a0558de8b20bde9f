"""`beats run --workers`: the real command, several processes, one port."""

import os
import re
import signal
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.exceptions import ConnectionClosed

from beats.workers.broker import find_program
from tests.recordings.support import lines, record
from tests.support import TIMEOUT_S, Program, Viewer, beats, called, ran, until, until_it_hears, watching

pytestmark = pytest.mark.skipif(find_program() is None, reason="nats-server is not installed")
VIEWERS: Final = 16
"""The operating system puts each to one of two workers: all to the same one once in 30,000 times."""


@contextmanager
def running(folder: Path, *arguments: str) -> Generator[Program]:
    every = ("run", "--workers", "2", "--set", "sinks.browser.port=0", *arguments)
    with beats(*every, cwd=folder, XDG_RUNTIME_DIR=str(folder / "run")) as program:
        assert program.url
        yield program


@pytest.fixture(scope="class")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Program]:
    """A run for tests that may kill its parts, which come back, but not itself; it ends well."""
    with running(tmp_path_factory.mktemp("shared")) as program:
        yield program
        assert program.interrupt() == 0, program.err.text()


def browser(program: Program) -> Any:
    sinks = program.fetch("/api/stats").json["stats"]["sinks"]
    return next(each for each in sinks if each["name"] == "browser")


def children(pid: int, word: str) -> list[int]:
    """The processes that a process started whose command line holds a word."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and word.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return sorted(found)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_viewers_of_all_workers_see_one_stream(tmp_path: Path) -> None:
    """Byte for byte, in order, without a gap; who comes late has the state at once; one address knows all."""
    with running(tmp_path, "--set", "kernel.event_loop=asyncio") as program, ExitStack() as stack:
        assert set(re.findall(r"event loop: (\w+)", program.err.so_far())) == {"asyncio"}, "of all processes"
        viewers = [stack.enter_context(watching(program.url)) for _ in range(VIEWERS)]
        for viewer in viewers:
            viewer.take(60)
            assert viewer.is_gap_free
        first, *others = (viewer.by_place() for viewer in viewers)
        for other in others:
            both = first.keys() & other.keys()
            assert "frame" in {topic for topic, _ in both}
            assert all(first[place] == other[place] for place in both)
        late = stack.enter_context(watching(program.url))
        assert {envelope.topic for envelope in late.take(4)} >= {"frame", "peripheral/accel-1"}
        sink = browser(program)
        assert sink["client_totals"]["connected"] == VIEWERS + 1
        assert len({client["id"] // 1_000_000_000 for client in sink["clients"]}) == 2
        assert program.fetch("/healthz").json == {"status": "ok"}
        metrics = program.fetch("/metrics").text
        connected = re.findall(r'^beats_connected_clients\{.*sink="browser".*\} (\S+)', metrics, re.MULTILINE)
        assert sum(map(float, connected)) == VIEWERS + 1, metrics
        assert re.search(r'^process_cpu_seconds_total\{process="worker \d"\}', metrics, re.MULTILINE)
        stack.close()
        assert program.interrupt() == 0, program.err.text()
        assert re.search(rf"{VIEWERS + 1} viewers", program.out.text())
        assert program.leaves_nothing()


class TestKilled:
    """Of one run: its parts come back."""

    def test_every_worker_answers_for_the_whole_run(self, shared: Program) -> None:
        """Its counters can be compared with those that another worker told before: both began together."""
        answers = [shared.fetch("/api/stats").json for _ in range(VIEWERS)]
        assert len({each["process"]["pid"] for each in answers}) == 2
        assert len({each["stats"]["started_unix_ns"] for each in answers} - {0}) == 1
        published = [each["stats"]["published"] for each in answers]
        assert published == sorted(published)

    def test_a_worker_that_is_killed_comes_back(self, shared: Program) -> None:
        """Its viewers reconnect and get the state; the others notice nothing; health says so meanwhile."""
        program = shared
        with ExitStack() as stack:
            viewers = [stack.enter_context(watching(program.url)) for _ in range(VIEWERS)]
            for viewer in viewers:
                viewer.take(5)
            victim, _ = children(program.process.pid, "cli.worker")
            os.kill(victim, signal.SIGKILL)
            lost = [viewer for viewer in viewers if not _goes_on(viewer)]
            assert 0 < len(lost) < VIEWERS
            program.err.wait_for(r"worker \d was killed \(signal 9\)")
            until(lambda: len(children(program.process.pid, "cli.worker")) == 2)
            until(
                lambda: (
                    program.fetch("/healthz").status == 200
                    and browser(program)["figures"]["workers_running"] == 2
                )
            )
            for _ in lost:
                again = stack.enter_context(watching(program.url))
                assert {envelope.topic for envelope in again.take(4)} >= {"frame", "peripheral/accel-1"}
            for viewer in viewers:
                if viewer not in lost:
                    viewer.take(60)
                    assert viewer.is_gap_free
            assert browser(program)["restarts"] == 1

    def test_a_broker_that_is_killed_comes_back(self, shared: Program) -> None:
        """Viewers stay connected, see a gap and no more, and the stream goes on."""
        with watching(shared.url) as viewer:
            viewer.take(10)
            (broker,) = children(shared.process.pid, "nats-server")
            os.kill(broker, signal.SIGKILL)
            shared.err.wait_for("nats-server ended")
            last = viewer.until(lambda envelope: envelope.topic == "frame").sequence
            viewer.until(lambda envelope: envelope.topic == "frame" and envelope.sequence > last + 30)
            assert viewer.is_rising


def _goes_on(viewer: Viewer) -> bool:
    try:
        viewer.take(40)  # more than a second: what was on its way has come
    except ConnectionClosed:
        return False
    return True


def test_viewers_of_workers_steer_what_the_parent_runs(tmp_path: Path) -> None:
    """A replay in the parent is paused by a viewer of a worker, and its place is known to all."""
    record(tmp_path / "show.mcap", lines(600))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "again.toml").write_text(
        '[sources.demo]\nenabled = false\n[sources.again]\ntype = "replay"\npath = "show.mcap"\nloop = true\n'
    )
    with running(tmp_path, "--profile", "again") as program, watching(program.url) as viewer:
        viewer.take(1)
        until(lambda: "replay_pause" in program.fetch("/api/session").json["commands"])
        viewer.connection.send('{"kind": "control", "command": "replay_pause", "paused": true}')
        until(lambda: program.fetch("/api/session").json["playback"].get("again", {}).get("paused"))
        assert program.interrupt() == 0


def test_a_reload_reaches_the_workers(tmp_path: Path) -> None:
    """A token that is set while it runs is asked for at the next connection."""
    (tmp_path / "config").mkdir()
    file = tmp_path / "config" / "wall.toml"
    file.write_text("[kernel]\nmax_topics = 100\n")
    with running(tmp_path, "--profile", "wall") as program:
        assert program.fetch("/livez").status == 200
        file.write_text('[sinks.browser]\ntoken = "secret"\n')
        until_it_hears(tmp_path / "run")
        code, out, err = called("reload", cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path / "run"))
        assert code == 0, err
        assert "workers" in out
        until(lambda: {program.fetch("/livez").status for _ in range(8)} == {401})
        assert program.interrupt() == 0


def test_nothing_is_left_of_a_run_that_is_killed(tmp_path: Path) -> None:
    """Workers and broker end by themselves when their parent is gone."""
    with running(tmp_path) as program:
        parent = program.process.pid
        everyone = [*children(parent, "cli.worker"), *children(parent, "nats-server")]
        assert len(everyone) == 3
        program.signal(signal.SIGKILL)
        program.process.wait(TIMEOUT_S)
        until(lambda: all(map(gone, everyone)))


def test_a_broker_of_the_operators_is_used(tmp_path: Path) -> None:
    """None is started beside it; one that does not exist is waited for, and said."""
    with running(tmp_path, "--broker", "nats://127.0.0.1:9") as program:
        assert children(program.process.pid, "nats-server") == []
        program.err.wait_for(r"nats://127\.0\.0\.1:9")
        program.interrupt()


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--broker", "nats://127.0.0.1:9"), 2, "--workers"),
        (("--workers", "0"), 2, "--workers"),
        (("--workers", "2", "--profile", "headless"), 78, "no websocket sink"),
        (("--workers", "2", "--set", "sinks.browser.host=203.0.113.1"), 1, "'browser' could not start"),
    ],
)
def test_what_cannot_work_is_said(tmp_path: Path, arguments: tuple[str, ...], code: int, why: str) -> None:
    """Before anything is started; nothing is left."""
    ended, _, err = ran("run", *arguments, cwd=tmp_path)
    assert ended == code
    assert why in err
