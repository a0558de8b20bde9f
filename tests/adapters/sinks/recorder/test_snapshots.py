"""Snapshots: the last seconds are held, and written on command."""

import errno
import logging
import threading
from functools import partial
from pathlib import Path

import anyio
import pytest

from beats.kernel.envelope import Envelope
from beats.kernel.testing import FixedClock, envelope
from beats.recordings.reading import Recording
from beats.recordings.unfinished import UnfinishedRecording
from tests.adapters.sinks.batches import FakeBatches
from tests.adapters.sinks.recorder.support import (
    NOW_NS,
    Room,
    failing_disk,
    files_in,
    places,
    running,
    said,
    show,
    sink_of,
    until,
)
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio


async def test_a_snapshot_holds_the_last_seconds_and_what_they_begin_with(tmp_path: Path) -> None:
    """Nothing is written before the command; then the held time, with the marked state before it."""
    sink = sink_of(tmp_path / "{part}.mcap", snapshot_s=2.0)
    assert sink.holds_snapshot
    every = [envelope(number, unix_ns=NOW_NS + number * 10**9) for number in range(1, 6)]
    earlier = [envelope(1, topic="peripheral/a", unix_ns=NOW_NS), *every[:2]]
    await sink.run(FakeBatches(earlier, every[2:]))
    assert files_in(tmp_path) == []
    path = await sink.snapshot()
    assert path == tmp_path / "1.mcap" == sink.path
    assert places(path) == [("frame", 3), ("frame", 4), ("frame", 5)]
    assert places(path, carried=True) == [("frame", 2), ("peripheral/a", 1)]
    assert await sink.snapshot() == tmp_path / "2.mcap"


async def test_a_snapshot_holds_as_much_whatever_the_wall_clock_does(tmp_path: Path) -> None:
    """Setting the clock does not change the held time; the file records it."""
    clock = FixedClock(NOW_NS)
    sink = sink_of(tmp_path / "{part}.mcap", clock=clock, snapshot_s=2.0)
    every: list[Envelope] = []
    for number, ahead_s in enumerate((0, 0, 0, -3600, 86_400), 1):
        clock.now_ns += 10**9 // 2
        clock.set_ahead(ahead_s * 10**9)
        clock.now_ns += 10**9 // 2
        every.append(envelope(number, unix_ns=clock.steady_unix_ns()))
    await sink.run(FakeBatches(every))
    path = await sink.snapshot()
    assert places(path) == [("frame", 3), ("frame", 4), ("frame", 5)]
    with Recording(path) as recording:
        wall, times = recording.wall_time(), recording.times()
    assert times is not None
    assert times.last_ns - times.first_ns == 2 * 10**9
    assert [jump.by_ns for jump in wall.within(times)] == [-3600 * 10**9, 90_000 * 10**9]


async def test_a_snapshot_of_nothing_says_so(tmp_path: Path) -> None:
    """Before anything came, and from a recorder that records continuously."""
    for sink in (sink_of(tmp_path / "a.mcap", snapshot_s=2.0), sink_of(tmp_path / "a.mcap")):
        with pytest.raises(LookupError, match="'archive' has no envelopes in memory yet"):
            await sink.snapshot()
    assert not sink.holds_snapshot


async def test_a_name_without_time_or_number_does_for_any_number_of_snapshots(tmp_path: Path) -> None:
    """None is overwritten, and none is refused."""
    sink = sink_of(tmp_path / "a.mcap", snapshot_s=2.0)
    await sink.run(FakeBatches(show()))
    assert [(await sink.snapshot()).name for _ in range(3)] == ["a.mcap", "a-2.mcap", "a-3.mcap"]


def in_log(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    return text in caplog.text


async def test_the_command_writes_what_is_held(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Any number of times; holding continues meanwhile."""
    caplog.set_level(logging.INFO)
    sink = sink_of(tmp_path / "{part}.mcap", snapshot_s=2.0)
    async with running(sink, show()):
        for number in (1, 2):
            sink.command(said(sink, "snapshot"))
            path = tmp_path / f"{number}.mcap"
            await until(partial(in_log, caplog, f"snapshot of sink 'archive': {path}"))
            assert len(places(path)) == 6
    assert len(files_in(tmp_path)) == 2


async def test_nothing_is_written_by_a_sink_that_does_not_run(tmp_path: Path) -> None:
    """It has no envelopes in memory yet."""
    sink = sink_of(tmp_path / "a.mcap", snapshot_s=2.0)
    sink.command(said(sink, "snapshot"))
    await sink.run(FakeBatches(show()))
    assert files_in(tmp_path) == []


class Slow:
    """A disk that takes its time for a chunk of messages."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self._answer = threading.Event(), threading.Event()
        original = UnfinishedRecording.flush

        def flush(output: UnfinishedRecording) -> None:
            self.asked.set()
            assert self._answer.wait(TIMEOUT_S)
            original(output)

        monkeypatch.setattr(UnfinishedRecording, "flush", flush)

    def answer(self) -> None:
        self._answer.set()


@pytest.mark.parametrize("first", ["command", "request"])
async def test_a_command_during_a_snapshot_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, first: str
) -> None:
    """The command is logged at DEBUG. Another request, such as `beats snapshot`, gets its own file."""
    caplog.set_level(logging.DEBUG)
    disk = Slow(monkeypatch)
    sink = sink_of(tmp_path / "{part}.mcap", snapshot_s=2.0)
    async with running(sink, show()), anyio.create_task_group() as group:
        if first == "command":
            sink.command(said(sink, "snapshot"))
        else:
            group.start_soon(sink.snapshot)
        await until(disk.asked.is_set)
        assert sink.metrics()["recording"] == 1
        sink.command(said(sink, "snapshot"))
        group.start_soon(sink.snapshot)
        disk.answer()
    assert "told to write a snapshot while one is being written" in caplog.text
    assert [len(places(path)) for path in files_in(tmp_path)] == [6, 6]
    assert sink.metrics()["recording"] == 0


async def test_a_snapshot_is_finished_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is whole."""
    disk = Slow(monkeypatch)
    sink = sink_of(tmp_path / "a.mcap", snapshot_s=2.0)
    async with running(sink, show()):
        sink.command(said(sink, "snapshot"))
        await until(disk.asked.is_set)
        threading.Timer(0.05, disk.answer).start()
    assert len(places(tmp_path / "a.mcap")) == 6


async def test_what_goes_wrong_is_said_and_the_next_one_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing held, no space, a bug: holding continues, and the log says what to do."""
    sink = sink_of(tmp_path / "a.mcap", snapshot_s=2.0, min_free_bytes=10**9)
    little = "no snapshot: [Errno 28] only 5.0 MB are free and min_free_bytes reserves 1.0 GB: free some"
    room, fault = Room(monkeypatch), RuntimeError("a fault of ours")
    async with running(sink):
        sink.command(said(sink, "snapshot"))
        await until(lambda: "no snapshot: sink 'archive' has no envelopes in memory yet" in caplog.text)
    async with running(sink, show()):
        ways = ((5 * 10**6, None, little), (10**12, fault, "RuntimeError: a fault of ours"))
        for room.free_bytes, room.fault, told in ways:
            sink.command(said(sink, "snapshot"))
            await until(partial(in_log, caplog, told))
        assert {record.levelname for record in caplog.records} == {"ERROR"}
        room.fault = None
        sink.command(said(sink, "snapshot"))
        await until(lambda: sink.metrics()["files_total"] == 1)
    assert len(places(tmp_path / "a.mcap")) == 6


async def test_a_failed_write_leaves_what_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file ends early; the next one is complete."""
    failures = iter([True])
    sink = sink_of(tmp_path / "a.mcap", snapshot_s=2.0)
    await sink.run(FakeBatches(show()))
    failing_disk(monkeypatch, lambda data: len(data) > 1000 and next(failures, False), errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        await sink.snapshot()
    assert len(places(await sink.snapshot())) == 6
