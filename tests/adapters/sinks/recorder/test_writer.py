"""When the writer writes; files are tested with the parts."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from beats.adapters.sinks.recorder.parts import Parts
from beats.adapters.sinks.recorder.writer import rest_s
from beats.kernel.envelope import Envelope
from beats.kernel.stats import Loss
from beats.kernel.testing import FixedClock, envelope
from beats.recordings.unfinished import UnfinishedRecording
from tests.adapters.sinks.batches import FakeBatches
from tests.adapters.sinks.recorder.support import (
    NOW_NS,
    Place,
    files_in,
    metadata,
    places,
    running,
    said,
    settings_of,
    sink_of,
    until,
)
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio
SECOND_NS = 1_000_000_000


def numbered(first: int, last: int) -> list[Envelope]:
    """Frames that came onto the bus at the time that is their number."""
    return [envelope(number, unix_ns=number) for number in range(first, last + 1)]


def frames(first: int, last: int) -> list[Place]:
    return [("frame", number) for number in range(first, last + 1)]


@pytest.mark.parametrize(
    ("batch", "settings", "rests"),
    [
        (1, {}, True),
        (500, {}, True),
        (600, {}, False),
        (1, {"queue": {"size": 4}}, False),
        (1, {"queue": {"frame": {"size": 2}}}, False),
        (1, {"queue": {"max_bytes": 500}}, False),
        (1, {"queue": {"frame": {"max_bytes": 500}}}, False),
    ],
)
def test_envelopes_gather_while_the_queue_has_room(
    batch: int, settings: dict[str, object], rests: bool
) -> None:
    """The pause must not cause drops."""
    taken = [envelope(encoded=b"x" * 100)] * batch
    assert (rest_s(taken, settings_of("a.mcap", **settings)) > 0) == rests
    assert rest_s(taken, settings_of("a.mcap", flush_interval_s=0.01, **settings)) <= 0.01


async def test_losses_are_told_of_the_recording_that_lacks_them(tmp_path: Path) -> None:
    """Losses before the command to record, and after the one to stop, are not in it."""
    clock = FixedClock(10)
    sink = sink_of(tmp_path / "{part}.mcap", idle=True, clock=clock)
    for clock.now_ns in (10, 20, 30, 40):
        sink.command(said(sink, "record"))
    queue = FakeBatches(numbered(1, 25), numbered(26, 50))
    queue.lost = [Loss("drop_newest", "frame", at, 1, at, at, at, at) for at in (5, 15, 25, 35, 45)]
    await sink.run(queue)
    lost = [metadata(tmp_path / f"{number}.mcap", "beats.loss") for number in (1, 2)]
    assert [[each["envelopes"] for each in records] for records in lost] == [["15"], []]
    assert [places(tmp_path / f"{number}.mcap") for number in (1, 2)] == [frames(11, 20), frames(31, 40)]


async def test_losses_are_told_though_the_clock_was_set_back_since_the_command(tmp_path: Path) -> None:
    """Any loss after the first batch of a recording belongs to it."""

    class Losing(FakeBatches):
        async def take(self, max_items: int | None = None) -> list[Envelope]:
            self.lost = [Loss("drop_newest", "frame", 1, 1, 1, 1, 5, 5)] if self.taken else []
            return await super().take(max_items)

    sink = sink_of(tmp_path / "a.mcap", idle=True, clock=FixedClock(1000))
    sink.command(said(sink, "record"))
    await sink.run(Losing(numbered(1001, 1002), numbered(5, 6)))
    assert [each["envelopes"] for each in metadata(tmp_path / "a.mcap", "beats.loss")] == ["2"]


async def test_a_loss_since_the_command_is_told_though_nothing_follows(tmp_path: Path) -> None:
    """An envelope may be larger than the queue."""
    sink = sink_of(tmp_path / "a.mcap", idle=True, clock=FixedClock(10))
    sink.command(said(sink, "record"))

    class Quiet(FakeBatches):
        async def take(self, max_items: int | None = None) -> list[Envelope]:
            await until(lambda: not self.lost)
            return []

    queue = Quiet()
    queue.lost = [Loss("too_large", "frame", at, 1, at, at, at, at) for at in (5, 15)]
    await sink.run(queue)
    assert [each["envelopes"] for each in metadata(tmp_path / "a.mcap", "beats.loss")] == ["15"]


async def test_only_what_was_written_is_told_as_written(tmp_path: Path) -> None:
    """Skipped envelopes have no latency."""
    clock = FixedClock()
    sink = sink_of(tmp_path / "a.mcap", idle=True, clock=clock)
    for clock.now_ns in (10, 20):
        sink.command(said(sink, "record"))
    queue = FakeBatches(numbered(1, 15), numbered(16, 30))
    await sink.run(queue)
    assert [each.sequence for each in queue.wrote] == [*range(11, 21)]
    assert queue.given_back == []


async def test_a_recorder_that_is_run_again_goes_on_with_its_recording(tmp_path: Path) -> None:
    """Its successor may have failed to start."""
    sink = sink_of(tmp_path / "{part}.mcap", idle=True, clock=FixedClock(0))
    sink.command(said(sink, "record", recording=True))
    await sink.run(FakeBatches(numbered(1, 4)))
    await sink.run(FakeBatches(numbered(5, 9)))
    assert [places(path) for path in files_in(tmp_path)] == [frames(1, 4), frames(5, 9)]
    first, second = (metadata(path, "beats.recording")[0] for path in files_in(tmp_path))
    assert (second["recording"], second["part"]) == (first["recording"], "2")


async def test_a_recording_is_not_begun_when_nothing_can_follow(tmp_path: Path) -> None:
    """A command at the end leaves no empty file."""
    sink = sink_of(tmp_path / "{part}.mcap", idle=True, clock=FixedClock(9))
    sink.command(said(sink, "record", recording=True))
    await sink.run(FakeBatches(numbered(1, 9)))
    assert files_in(tmp_path) == []


async def test_a_failed_sync_gives_back_what_was_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not written yet."""
    asked = anyio.Event()
    original = to_thread.run_sync

    async def spied(function: Callable[..., object], *args: object, **options: Any) -> object:
        try:
            return await original(function, *args, **options)
        finally:
            if getattr(function, "__name__", "") == "sync":
                asked.set()

    class Waiting(FakeBatches):
        async def take(self, max_items: int | None = None) -> list[Envelope]:
            await asked.wait()
            return await super().take(max_items)

    def broken(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    queue, sink = Waiting(numbered(1, 3)), sink_of(tmp_path / "a.mcap", flush_interval_s=0.01)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        patch.setattr(to_thread, "run_sync", spied)
        with pytest.raises(OSError, match="Input/output error"):
            await sink.run(queue)
    assert queue.given_back == numbered(1, 3)
    await sink.run(FakeBatches(queue.given_back))
    assert places(tmp_path / "a-2.mcap") == frames(1, 3)


async def test_an_idle_recorder_syncs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to sync."""
    synced = threading.Event()
    original = Parts.sync

    def sync(parts: Parts) -> None:
        synced.set()
        original(parts)

    monkeypatch.setattr(Parts, "sync", sync)
    sink = sink_of(tmp_path / "a.mcap", idle=True, flush_interval_s=0.01)
    async with running(sink):
        await anyio.sleep(0.1)
        assert not synced.is_set()
        sink.command(said(sink, "record"))
        await until(synced.is_set)


async def test_a_cancelled_recorder_gives_back_what_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as lost, not as delivered."""
    queue = FakeBatches(numbered(1, 3), ends=False)
    original = to_thread.run_sync
    async with anyio.create_task_group() as group:

        async def cut(function: Callable[..., object], *args: object, **options: Any) -> object:
            if getattr(function, "__name__", "") == "_write":
                group.cancel_scope.cancel()
            return await original(function, *args, **options)

        monkeypatch.setattr(to_thread, "run_sync", cut)
        group.start_soon(sink_of(tmp_path / "a.mcap").run, queue)
    assert queue.given_back == numbered(1, 3)
    assert places(tmp_path / "a.mcap") == []


async def test_commands_and_metrics_do_not_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The age of unflushed envelopes shows it; commands are carried out later."""
    hangs, answer = threading.Event(), threading.Event()
    original = UnfinishedRecording.write

    def hanging(output: UnfinishedRecording, data: bytes) -> int:
        if len(data) > 2_000_000:
            hangs.set()
            assert answer.wait(TIMEOUT_S)
        return original(output, data)

    monkeypatch.setattr(UnfinishedRecording, "write", hanging)
    clock = FixedClock(NOW_NS)
    sink = sink_of(tmp_path / "{part}.mcap", idle=True, clock=clock)
    sink.command(said(sink, "record"))
    large = [
        envelope(number, encoded=b"x" * 1_000_000, unix_ns=NOW_NS + number * SECOND_NS)
        for number in range(1, 5)
    ]
    later = envelope(5, unix_ns=NOW_NS + 3601 * SECOND_NS)
    with anyio.fail_after(TIMEOUT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(sink.run, FakeBatches(large, [later]))
            await until(hangs.is_set)
            clock.now_ns = NOW_NS + 3600 * SECOND_NS
            assert sink.metrics()["unflushed_age_s"] == 3599.0
            sink.command(said(sink, "record"))
            assert {"recording": 1, "idle": 1, "written_envelopes_total": 0}.items() <= sink.metrics().items()
            answer.set()
    assert sink.metrics()["unflushed_age_s"] == 0.0
    assert places(tmp_path / "1.mcap") == frames(1, 4)
    assert len(files_in(tmp_path)) == 1
