"""A replay in a real kernel, with worker threads, in real time."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from beats.adapters.sources.replay.source import ReplaySource
from beats.kernel.envelope import Envelope, Frame
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.kernel import Kernel
from beats.kernel.stats import SourceStats
from beats.kernel.testing import open_files
from beats.proto.codec import StreamCodec
from beats.recordings.format import RecordedMessage
from tests.adapters.sources.replay.recordings import control, recorded, settings
from tests.adapters.sources.support import context
from tests.kernel.support import CollectingSink, by_topic
from tests.recordings.foreign_files import BEGIN_NS as FOREIGN_NS
from tests.recordings.foreign_files import STEP_NS, by_foxglove_in_json, without_pictures
from tests.recordings.support import lines, record
from tests.support import TIMEOUT_S, picture

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """In real time: threads take some."""
    name: str = request.param
    return name


def kernel_of(path: Path, *bounds: QueueBounds, **changes: object) -> tuple[Kernel, list[CollectingSink]]:
    kernel = Kernel(StreamCodec())
    sinks = [CollectingSink() for _ in bounds]
    for number, (sink, bound) in enumerate(zip(sinks, bounds, strict=True)):
        kernel.add_sink(f"sink{number}", sink, bound)
    source = ReplaySource(settings(path, **{"speed": "max"} | changes), context("replay"))
    kernel.add_source("replay", source)
    return kernel, sinks


async def run(kernel: Kernel) -> SourceStats:
    with anyio.fail_after(TIMEOUT_S):
        await kernel.run()
    return kernel.stats().sources[0]


BLOCK = QueueBounds(2, 1 << 20, "block", 10.0)


def as_recorded(received: Sequence[Envelope]) -> list[RecordedMessage]:
    return [
        RecordedMessage(each.topic, each.sequence, 0, each.captured_unix_ns, each.encoded)
        for each in received
    ]


async def test_all_of_it_passes_through_small_block_queues(tmp_path: Path) -> None:
    """Two sinks get every envelope bit for bit, published now, and the source ends."""
    written = lines(300)
    kernel, sinks = kernel_of(record(tmp_path / "a.mcap", written), BLOCK, BLOCK)
    stats = await run(kernel)
    assert (stats.state, stats.last_error, stats.published) == ("ended", "", 300)
    for sink in sinks:
        assert as_recorded(sink.received) == [each._replace(log_unix_ns=0) for each in written]
        assert all(each.published_unix_ns > each.captured_unix_ns + 10**15 for each in sink.received)


async def test_pictures_of_other_programs_are_played(tmp_path: Path) -> None:
    """With the capture time that they state; if the file does not number them, they are numbered from 1."""
    pictures = [picture("jpeg", 5, 4), picture("png", 2, 2)]
    path = by_foxglove_in_json(tmp_path / "a.mcap", "/camera/front/compressed", pictures)
    kernel, (sink,) = kernel_of(path, BLOCK)
    stats = await run(kernel)
    assert (stats.state, stats.last_error, stats.published) == ("ended", "", 2)
    sealed = [StreamCodec().decode(each.encoded) for each in sink.received]
    assert [each.message for each in sealed] == [
        Frame(pictures[0], "camera/front", "image/jpeg", 5, 4),
        Frame(pictures[1], "camera/front", "image/png", 2, 2),
    ]
    assert [each.captured_unix_ns for each in sealed] == [FOREIGN_NS, FOREIGN_NS + STEP_NS]
    assert [each.sequence for each in sealed] == [1, 2]


async def test_a_recording_without_pictures_says_what_it_holds(tmp_path: Path) -> None:
    """The error counts what another program wrote."""
    kernel, _ = kernel_of(without_pictures(tmp_path / "a.mcap"))
    stats = await run(kernel)
    assert stats.state == "failed"
    assert "neither pictures nor updates: 3 messages of 2 channels" in stats.last_error


async def test_loops_and_seeks_are_numbered_on_without_a_gap(tmp_path: Path) -> None:
    """Viewers see no loss and no restart; capture times stay as recorded."""
    kernel, (sink,) = kernel_of(recorded(tmp_path, 4), BLOCK, loop=True)

    def look(envelope: Envelope) -> None:
        if envelope.sequence == 6:
            kernel.bus.send_control(control("replay_seek", position_s=0.22))
        if envelope.sequence == 12:
            kernel.stop()

    kernel.bus.connect("frame", look)
    stats = await run(kernel)
    numbers = by_topic(sink.received)
    assert numbers["frame"][:12] == list(range(1, 13))
    assert numbers["peripheral/knob"] == list(range(1, len(numbers["peripheral/knob"]) + 1))
    codec = StreamCodec()
    for each in sink.received:
        decoded = codec.decode(each.encoded)
        assert (decoded.sequence, decoded.captured_unix_ns) == (each.sequence, each.captured_unix_ns)
    assert stats.playback is not None
    assert stats.playback.loops >= 2


async def test_gaps_are_still_there_for_viewers(tmp_path: Path) -> None:
    """What the recording lacks, the replay lacks."""
    written = [each for each in lines(30) if each.sequence not in (4, 5)]
    kernel, (sink,) = kernel_of(record(tmp_path / "a.mcap", written), BLOCK)
    await run(kernel)
    assert by_topic(sink.received)["frame"] == [1, 2, 3, 6, 7, 8, 9, 10]


async def test_a_queue_that_refuses_does_not_starve(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the strategy `error` at full speed, refusals are reported, and the sink continues."""
    strict = QueueBounds(1, 1 << 20, "error", 1.0)
    kernel, (sink,) = kernel_of(record(tmp_path / "a.mcap", lines(300), per_chunk=300), strict)
    stats = await run(kernel)
    queue = kernel.stats().sinks[0].queue
    assert (stats.state, stats.published) == ("ended", 300)
    assert queue.offered.items == 300 == queue.taken.items + queue.dropped.items
    assert len(sink.received) == queue.taken.items >= 100
    refused = "source 'replay': sink 'sink0'"
    assert (queue.dropped.items > 0) == (refused in caplog.text)


async def test_a_removed_file_ends_it_for_good(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A loop that cannot start again logs one line."""
    path = recorded(tmp_path, 2)
    kernel, _ = kernel_of(path, loop=True)
    kernel.bus.connect("frame", lambda envelope: path.unlink(missing_ok=True))
    stats = await run(kernel)
    assert stats.state == "failed"
    assert stats.restarts == 0
    assert "show.mcap does not exist" in stats.last_error
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.7])
async def test_a_cut_recording_is_played(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cut: float
) -> None:
    """Up to the last whole chunk, with a warning about the rest, and ends normally."""
    written, path = lines(60), tmp_path / "a.mcap"
    data = record(path, written).read_bytes()
    path.write_bytes(data[: round(len(data) * cut)])
    kernel, (sink,) = kernel_of(path, BLOCK)
    stats = await run(kernel)
    received = as_recorded(sink.received)
    assert received == [each._replace(log_unix_ns=0) for each in written][: len(received)]
    assert 0 < len(received) < 60
    assert len(received) % 5 == 0
    assert stats.state == "ended"
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert warning.getMessage().startswith(f"source 'replay': {path}: at byte ")


def settled_threads() -> set[threading.Thread]:
    """Those that live once the loop's workers, which were told to end, have ended."""
    for thread in threading.enumerate():
        if thread.name == "AnyIO worker thread":
            thread.join(TIMEOUT_S)
    return {thread for thread in threading.enumerate() if not thread.name.startswith("Trio thread")}


@pytest.mark.parametrize("after", [0, 1, 2, 7, 40, 150, 300])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancellation_at_any_time_leaves_nothing(tmp_path: Path, after: int, backend: str) -> None:
    """No thread and no open file, whether it reads, waits, handles a command, or has ended."""
    path = record(tmp_path / "a.mcap", lines(300))
    files, before = open_files(), settled_threads()

    async def main() -> None:
        kernel, _ = kernel_of(path, BLOCK, loop=True)
        seen = 0

        def look(envelope: Envelope) -> None:
            nonlocal seen
            seen += 1
            if seen == after:
                kernel.bus.send_control(control("replay_seek", frames=-1))
                group.cancel_scope.cancel()

        kernel.bus.connect("frame", look)
        kernel.bus.connect("peripheral", look)
        with anyio.fail_after(TIMEOUT_S):
            async with anyio.create_task_group() as group:
                await group.start(kernel.run)
                if after == 0:
                    group.cancel_scope.cancel()
        assert kernel.stats().sources[0].last_error == ""

    anyio.run(main, backend=backend)
    assert open_files() <= files
    assert settled_threads() <= before


async def test_commands_reach_it_through_the_kernel_from_any_thread(tmp_path: Path) -> None:
    """The kernel accepts the commands while a replay exists."""
    kernel, _ = kernel_of(recorded(tmp_path, 100), speed=1.0)
    assert set(kernel.commands) == {"replay_pause", "replay_speed", "replay_seek"}
    threads: list[threading.Thread] = []

    def say(envelope: Envelope) -> None:
        if not threads:
            speed = control("replay_speed", speed="max")
            threads.append(threading.Thread(target=kernel.bus.send_control, args=(speed,)))
            threads[0].start()

    kernel.bus.connect("frame", say)
    stats = await run(kernel)  # ten seconds of recording
    threads[0].join(TIMEOUT_S)
    assert stats.state == "ended"
    assert stats.published == 200


async def test_what_repeats_is_logged_a_few_times(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Damage that each loop meets again does not flood the log."""
    path = record(tmp_path / "a.mcap", lines(9), close=False)
    kernel, _ = kernel_of(path, BLOCK, loop=True)
    kernel.bus.connect("frame", lambda envelope: kernel.stop() if envelope.sequence > 300 else None)
    with caplog.at_level(logging.WARNING):
        await run(kernel)
    assert len(caplog.records) <= 15
