"""What a recording begins with: the last values that were published, whatever the queue gave up."""

from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from beats.kernel.queue.bounds import QueueBounds
from tests.adapters.sinks.recorder.support import Stage, files_in, on_stage, places, sink_of, tapes, until

pytestmark = pytest.mark.anyio

SMALL = QueueBounds(10)
SENSORS = [f"s{number}" for number in range(300)]


def burst(stage: Stage) -> None:
    """Have each of many sensors speak once, without a pause for the recorder."""
    for name in SENSORS:
        stage.publish_one(name)


async def test_a_recording_that_is_told_to_begin_has_the_state_that_the_queue_gave_up(tmp_path: Path) -> None:
    """A burst that overflowed the queue may hold the only values of some sensors for an hour."""
    async with on_stage(tmp_path / "{part}.mcap", bounds=SMALL, idle=True) as stage:
        burst(stage)
        stage.publish_one("f")
        stage.say(recording=True)
        stage.publish_one("s0")
        await stage.until_delivered()
        stage.say(recording=False)
        await stage.until_metrics(idle=1, files_total=1)
        assert stage.stats.queue.dropped.items > 0
    (tape,) = tapes(tmp_path)
    assert tape == stage.expected[0]
    assert len(tape.state) == 301


async def test_a_further_part_begins_with_the_last_values_that_the_queue_gave_up(tmp_path: Path) -> None:
    """The part before it lacks them and records the loss, but they were published."""
    async with on_stage(tmp_path / "{part}.mcap", bounds=SMALL, rotate_bytes=2000) as stage:
        stage.publish_one("s0")
        await stage.until_delivered()
        burst(stage)
        await stage.until_delivered()
        while len(files_in(tmp_path)) < 2:
            stage.publish_one("f")
            await anyio.lowlevel.checkpoint()
        stage.publish_one("f")
        await stage.until_delivered()
        assert stage.stats.queue.dropped.items > 0
    *_, last = sorted(files_in(tmp_path), key=lambda path: int(path.stem))
    values = dict(places(last, carried=True))
    assert {name: values.get(f"peripheral/{name}") for name in SENSORS} == {
        name: 2 if name == "s0" else 1 for name in SENSORS
    }


async def test_a_recorder_that_comes_later_begins_with_what_was_published_before_it(tmp_path: Path) -> None:
    """A recorder that a reload added never had it in its queue."""
    stage = Stage(tmp_path / "first.mcap")
    late = sink_of(tmp_path / "late.mcap", clock=stage.kernel.publisher.clock)
    async with anyio.create_task_group() as group:
        await group.start(stage.kernel.run)
        stage.publish(6)
        await stage.kernel.add_sink_now("late", late, QueueBounds())
        stage.publish(3)
        stage.kernel.stop()
    assert places(tmp_path / "late.mcap", carried=True) == [
        ("frame", 2),
        ("peripheral/a", 2),
        ("peripheral/b", 2),
    ]
    assert places(tmp_path / "late.mcap") == [("frame", 3), ("peripheral/a", 3), ("peripheral/b", 3)]


async def test_a_snapshot_begins_with_the_last_values_that_the_queue_gave_up(tmp_path: Path) -> None:
    """Those before the held time; for the held time itself, the file records the loss."""
    async with on_stage(tmp_path / "{part}.mcap", bounds=SMALL, snapshot_s=0.05) as stage:
        burst(stage)
        await stage.until_delivered()
        lost = stage.stats.queue.dropped.items
        assert lost > 0

        def is_past() -> bool:
            stage.publish_one("f")
            return stage.sink.metrics()["held_s"] > 0.04

        await until(is_past)
        await anyio.sleep(0.06)  # until all sensors spoke before the time that is held
        stage.publish_one("f")
        await stage.until_delivered()
        path = await stage.sink.snapshot()
    assert {f"peripheral/{name}" for name in SENSORS} <= {topic for topic, _ in places(path, carried=True)}
