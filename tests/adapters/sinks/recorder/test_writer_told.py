"""A recorder on command in a whole kernel, with commands on the bus."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from beats.kernel.errors import StartError
from beats.kernel.ports import Batches
from tests.adapters.sinks.recorder.support import Room, Stage, files_in, on_stage, tapes, until

pytestmark = pytest.mark.anyio


async def test_an_idle_recorder_lets_everything_go_and_makes_no_file(tmp_path: Path) -> None:
    """What it takes counts as delivered, but not as written."""
    async with on_stage(tmp_path / "{part}.mcap", idle=True) as stage:
        stage.publish(30)
        await stage.until_delivered()
    assert files_in(tmp_path) == []
    queue = stage.stats.queue
    assert (queue.taken.items, queue.dropped.items, stage.stats.latency) == (30, 0, None)


async def test_a_command_is_obeyed_though_nothing_comes_after_it(tmp_path: Path) -> None:
    """It takes effect also while nothing is published."""
    async with on_stage(tmp_path / "{part}.mcap", idle=True, flush_interval_s=3600.0) as stage:
        stage.publish(4)
        stage.say(recording=True)
        await stage.until_metrics(recording=1, idle=0)
        stage.publish(2)
        stage.say(recording=False)
        await stage.until_metrics(recording=0, idle=1, written_envelopes_total=2, files_total=1)
        assert tapes(tmp_path) == stage.expected


class Gate:
    """Holds a sink's next attempt up until it is opened."""

    def __init__(self, run: Callable[[Batches], Awaitable[None]]) -> None:
        self._run = run
        self._opened = anyio.Event()

    def open(self) -> None:
        self._opened.set()

    async def __call__(self, queue: Batches) -> None:
        await self._opened.wait()
        await self._run(queue)


async def test_a_recorder_without_room_begins_as_soon_as_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With everything published since the command, and the state at that time; meanwhile it is failed."""
    room = Room(monkeypatch)
    async with on_stage(tmp_path / "a.mcap", idle=True, min_free_bytes=1000) as stage:
        stage.publish(4)
        room.free_bytes = 0
        stage.say()
        stage.publish(5)
        await until(lambda: stage.stats.restarts >= 2)
        assert stage.stats.state == "failed"
        assert {"recording": 0, "idle": 0}.items() <= stage.sink.metrics().items()
        stage.publish(6)
        room.free_bytes = 10**12
        await stage.until_metrics(recording=1)
        stage.publish(7)
    assert "only 0 B are free and min_free_bytes reserves 1.0 kB: free some space, or lower it" in caplog.text
    assert tapes(tmp_path) == stage.expected
    assert len(stage.expected[0].places) == 18


async def test_a_recorder_without_room_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It tries once more, reports the loss, and becomes idle; the next recording works."""
    room = Room(monkeypatch)
    async with on_stage(tmp_path / "a.mcap", idle=True, min_free_bytes=1000) as stage:
        room.free_bytes = 0
        stage.say()
        stage.publish(5)
        await until(lambda: stage.stats.restarts >= 1)
        stage.say()
        stage.publish(2)
        await stage.until_delivered()
        await stage.until_metrics(recording=0, idle=1)
        assert "the recording ends without the last envelopes before the command to stop" in caplog.text
        assert files_in(tmp_path) == []
        room.free_bytes = 10**12
        stage.say()
        stage.publish(3)
    assert tapes(tmp_path) == stage.expected[1:]


async def test_a_recording_that_was_stopped_while_it_failed_holds_what_came_until_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the next attempt succeeds, nothing is missing, and nothing follows."""
    room = Room(monkeypatch)
    bounds = {"min_free_bytes": 1000, "flush_interval_s": 0.01}
    async with on_stage(tmp_path / "{part}.mcap", idle=True, **bounds) as stage:
        stage.say()
        stage.publish(5)
        await stage.until_metrics(recording=1)
        room.free_bytes = 0
        monkeypatch.setattr(stage.sink, "run", holding := Gate(stage.sink.run))
        stage.publish(5)
        await until(lambda: stage.stats.state == "failed")
        stage.publish(5)
        stage.say()
        stage.publish(5)
        room.free_bytes = 10**12
        holding.open()
        await stage.until_delivered()
        await stage.until_metrics(recording=0, idle=1)
    assert tapes(tmp_path) == stage.expected
    assert len(stage.expected[0].places) == 15


async def test_each_recording_has_its_own_last_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new recording after a failed one starts as soon as there is space."""
    room = Room(monkeypatch)
    async with on_stage(tmp_path / "{part}.mcap", idle=True, min_free_bytes=1000) as stage:
        room.free_bytes = 0
        stage.say()
        stage.publish(5)
        await until(lambda: stage.stats.state == "failed")
        stage.say()
        stage.publish(3)
        stage.say()
        restarts = stage.stats.restarts
        stage.publish(7)
        await until(lambda: stage.stats.restarts >= restarts + 3)
        room.free_bytes = 10**12
        await stage.until_metrics(recording=1)
    assert tapes(tmp_path) == stage.expected[1:]


async def test_an_idle_recorder_that_could_not_record_stops_the_start(tmp_path: Path) -> None:
    """The operator learns of it at the start, not at the first command."""
    (tmp_path / "file").touch()
    stage = Stage(tmp_path / "file" / "a.mcap", idle=True)
    with pytest.raises(StartError, match=r"'archive' could not start.*cannot be created.*is not a folder"):
        await stage.kernel.run()
