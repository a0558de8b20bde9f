"""A recorder that gets commands at random moments: each recording is exact."""

import random
import threading
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from anyio import to_thread

from beats.recordings.info import Surveyor
from tests.adapters.sinks.recorder.support import (
    Place,
    Stage,
    Tape,
    failing_disk,
    files_in,
    on_stage,
    places,
    said,
    tapes,
    until,
)
from tests.adapters.sources.replay.recordings import played
from tests.kernel.support import threads

pytestmark = pytest.mark.anyio


def act(stage: Stage, seed: int, steps: int) -> None:
    """Publish and say things at random, in a thread, with rests; at the end it is idle, and knows it."""
    chance = random.Random(seed)
    for _ in range(steps):
        what = chance.random()
        if what < 0.04:
            stage.say(recording=chance.choice([None, None, True, False]))
        elif what < 0.05:
            threading.Event().wait(chance.choice([0.0, 0.001, 0.03]))
        else:
            stage.publish_one(chance.choice("ffabcde"))
    stage.say(recording=False)
    stage.publish(1)


async def check(path: Path, tape: Tape) -> None:
    """What `beats info` and a replay make of a recording that is one file."""
    found = Surveyor().survey(path)
    assert (found.error, found.state, sum(topic.missing for topic in found.counts.topics.values())) == (
        None,
        "whole",
        0,
    )
    if tape.state or tape.places:
        assert (await played(path, speed="max")).shown == [*tape.state, *tape.places]


@pytest.mark.parametrize("seed", range(4))
async def test_at_random_moments_under_load_each_recording_is_exact(tmp_path: Path, seed: int) -> None:
    """Every envelope between the two commands and no other, with the state first; it can be played."""
    chance = random.Random(seed)
    settings: dict[str, object] = {
        "flush_interval_s": chance.choice([0.01, 0.05, 1.0]),
        "fsync": chance.choice(["never", "interval", "always"]),
        "compression": chance.choice(["none", "lz4", "zstd"]),
    }
    async with on_stage(tmp_path / "{part:03}.mcap", idle=True, **settings) as stage:
        await to_thread.run_sync(act, stage, seed, 1200)
    assert len(stage.expected) > 10
    assert tapes(tmp_path) == stage.expected
    for path, tape in zip(files_in(tmp_path), stage.expected, strict=True):
        await check(path, tape)
    metrics = stage.sink.metrics()
    assert metrics["written_envelopes_total"] == sum(len(tape.places) for tape in stage.expected)
    assert metrics["files_total"] == len(stage.expected)
    assert metrics["written_bytes_total"] == sum(path.stat().st_size for path in files_in(tmp_path))


def is_recorded(folder: Path, place: Place) -> bool:
    """Whether a finished file ends with this."""
    files = sorted(folder.glob("*.mcap"))
    return bool(files) and place in places(files[-1])[-1:]


@pytest.mark.parametrize("seed", range(3))
async def test_on_a_disk_that_fails_now_and_then_recordings_are_exact_or_said_to_end_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    """Commands during a failure are exact, too; only a second failure ends a recording early."""
    writes = count(1)
    async with on_stage(tmp_path / "{part:04}.mcap", idle=True) as stage:
        with monkeypatch.context() as patch:
            failing_disk(patch, lambda data: next(writes) % (17 + seed) == 0)
            await to_thread.run_sync(act, stage, seed, 1200)
        stage.say(recording=True)
        (last,) = stage.publish(1)
        stage.say(recording=False)
        await until(lambda: is_recorded(tmp_path, last))
    found = tapes(tmp_path)
    unlike = [tape for tape in stage.expected if tape not in found]
    assert len(unlike) <= caplog.text.count(
        "the recording ends without the last envelopes before the command to stop"
    )
    begun = [Tape(tape.state, tape.places[: len(each.places)]) for each in found for tape in stage.expected]
    assert all(tape in begun for tape in found)
    assert stage.stats.restarts
    assert len(stage.expected) > 10


async def test_threads_that_publish_while_others_say_things_leave_no_gap(tmp_path: Path) -> None:
    """Each recording is a contiguous piece of the stream, and the pieces do not overlap."""
    async with on_stage(tmp_path / "{part:03}.mcap", idle=True) as stage:
        command = said(stage.sink, "record")

        def say() -> None:
            for _ in range(40):
                stage.kernel.bus.send_control(command)
                threading.Event().wait(0.002)

        def publish(kind: str) -> None:
            for _ in range(400):
                stage.publish_one(kind)

        def run() -> None:
            with threads(say, *(partial(publish, kind) for kind in "fab")):
                pass

        await to_thread.run_sync(run)
        stage.publish(1)
    found = tapes(tmp_path)
    assert len(found) == 20
    last: dict[str, int] = {}
    for tape in found:
        state = dict(tape.state)
        assert all(state[topic] >= number for topic, number in last.items())
        for topic, number in tape.places:
            assert number == state.get(topic, 0) + 1
            state[topic] = number
        last = state
