"""The sink as the kernel runs it; the files that it writes are tested with its parts."""

import errno
import logging
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from mcap.reader import make_reader

from beats.adapters.sinks.recorder.parts import Parts
from beats.adapters.sinks.recorder.sink import RecorderSink
from beats.kernel.envelope import Envelope
from beats.kernel.errors import StartError
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import Loss
from beats.kernel.testing import FixedClock, PlainCodec, envelope
from beats.proto import streaming_pb2
from tests.adapters.sinks.batches import FakeBatches
from tests.adapters.sinks.recorder.support import (
    NOW_NS,
    Recorded,
    failing_disk,
    files_in,
    metadata,
    places,
    read,
    running,
    said,
    show,
    sink_of,
    tapes,
    until,
)
from tests.kernel.support import knob

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
async def test_what_was_recorded_reads_back_byte_for_byte(tmp_path: Path, compression: str) -> None:
    """Topic, sequence, both times and the bytes themselves, with any compression, every checksum checked."""
    envelopes = show()
    await sink_of(tmp_path / "a.mcap", compression=compression).run(FakeBatches(envelopes[:3], envelopes[3:]))
    rest = ("protobuf", "heart.beats.streaming.StreamEnvelope", False)
    assert read(tmp_path / "a.mcap") == [
        Recorded(e.topic, e.sequence, e.published_unix_ns, e.captured_unix_ns, e.encoded, *rest)
        for e in envelopes
    ]


async def test_a_recording_explains_itself(tmp_path: Path) -> None:
    """The embedded descriptor set is enough to decode the messages; each topic has a channel."""
    envelopes = show()
    await sink_of(tmp_path / "a.mcap").run(FakeBatches(envelopes))
    with (tmp_path / "a.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        assert reader.get_header().library == "beats"
    assert summary is not None
    assert sorted(channel.topic for channel in summary.channels.values()) == ["frame", "peripheral/knob-1"]
    (schema,) = summary.schemas.values()
    assert schema.encoding == "protobuf"
    pool = DescriptorPool()
    for each in FileDescriptorSet.FromString(schema.data).file:
        pool.Add(each)
    decoded = GetMessageClass(pool.FindMessageTypeByName(schema.name)).FromString(
        read(tmp_path / "a.mcap")[1].data
    )
    assert "knob-1" in str(decoded)
    assert decoded.SerializeToString(deterministic=True) == streaming_pb2.StreamEnvelope.FromString(
        envelopes[1].encoded
    ).SerializeToString(deterministic=True)


@pytest.mark.parametrize(("given", "expected"), [(-5, 0), (2**64, 2**64 - 1), (0, 0), (NOW_NS, NOW_NS)])
async def test_numbers_that_mcap_cannot_hold_are_adapted(tmp_path: Path, given: int, expected: int) -> None:
    """MCAP's times are unsigned, its sequence numbers have 32 bits; the envelope keeps the true values."""
    await sink_of(tmp_path / "a.mcap").run(FakeBatches([envelope(2**32 + 1, unix_ns=given)]))
    (message,) = read(tmp_path / "a.mcap")
    assert (message.log_time, message.publish_time, message.sequence) == (expected, expected, 1)


async def test_the_first_batch_is_asked_for_when_the_file_is_open(tmp_path: Path) -> None:
    """Asking for it tells the kernel that the sink is ready."""
    queue = FakeBatches()
    seen: list[bool] = []
    queue.before_first = lambda: seen.append((tmp_path / "a.mcap.part").exists())
    await sink_of(tmp_path / "a.mcap").run(queue)
    assert seen == [True]


async def test_a_cancelled_recording_is_finished_and_closed(tmp_path: Path) -> None:
    """It contains everything taken, and nothing is given back."""
    envelopes = show()
    async with running(sink_of(tmp_path / "a.mcap"), envelopes) as queue:
        pass
    assert [message.data for message in read(tmp_path / "a.mcap")] == [item.encoded for item in envelopes]
    assert len(metadata(tmp_path / "a.mcap", "beats.totals")) == 1
    assert queue.given_back == []


async def test_a_recording_is_finished_when_its_queue_fails(tmp_path: Path) -> None:
    """The file is whole, even an empty one."""

    class Failing(FakeBatches):
        async def take(self, max_items: int | None = None) -> list[Envelope]:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        await sink_of(tmp_path / "a.mcap").run(Failing())
    assert read(tmp_path / "a.mcap") == []


async def test_a_recorder_that_fails_of_its_own_fault_leaves_the_batch_to_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given back, the batch would make every further attempt fail."""

    def refuse(parts: Parts, batch: Sequence[Envelope], losses: Iterable[Loss] = ()) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(Parts, "write", refuse)
    queue = FakeBatches([envelope()])
    with pytest.raises(ValueError, match="a fault"):
        await sink_of(tmp_path / "a.mcap").run(queue)
    assert queue.given_back == []


async def test_the_event_loop_does_not_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening, writing, flushing, syncing and closing happen in worker threads."""
    threads: dict[str, int] = {}

    def watch(name: str) -> None:
        original = getattr(Parts, name)

        def watched(parts: Parts, *args: object) -> object:
            threads[name] = threading.get_ident()
            return original(parts, *args)

        monkeypatch.setattr(Parts, name, watched)

    for name in ("open", "write", "flush", "sync", "close"):
        watch(name)
    async with running(sink_of(tmp_path / "a.mcap", flush_interval_s=0.01), [envelope()]):
        await until(lambda: threads.keys() >= {"open", "write", "flush", "sync"})
    await sink_of(tmp_path / "b.mcap").run(FakeBatches())
    assert threads.keys() == {"open", "write", "flush", "sync", "close"}
    assert threading.get_ident() not in threads.values()


async def test_an_envelope_alone_reaches_the_file_when_its_time_has_come(tmp_path: Path) -> None:
    """It is flushed also if nothing follows it."""
    async with running(sink_of(tmp_path / "a.mcap", flush_interval_s=0.02), show()[:1]):
        await until(lambda: tapes(tmp_path)[0].places == [("frame", 1)])


async def test_a_disk_that_comes_back_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After restarts the parts together contain everything once, and it is counted."""
    failures = iter([True, True])
    failing_disk(monkeypatch, lambda data: len(data) > 1_000_000 and next(failures, False))
    kernel = Kernel(PlainCodec(), options=KernelOptions(backoff=Backoff(0.01, 0.01)))
    kernel.add_sink("archive", sink_of(tmp_path / "{part}.mcap"), QueueBounds(4096, 2**28, "block", 20.0))
    async with anyio.create_task_group() as group:
        await group.start(kernel.run)
        for number in range(30):
            await kernel.publisher.publish_async(knob(data="x" * 100_000 + str(number)))
        await until(lambda: kernel.stats().sinks[0].restarts >= 2)
        kernel.stop()
    (sink,) = kernel.stats().sinks
    assert (sink.state, sink.restarts) == ("ended", 2)
    assert (sink.queue.taken.items, sink.queue.dropped.items) == (30, 0)
    files = files_in(tmp_path)
    assert [place for path in files for place in places(path)] == [
        ("peripheral/knob", number) for number in range(1, 31)
    ]


async def test_a_recorder_that_cannot_start_stops_the_start(tmp_path: Path) -> None:
    """The error names the file and the reason."""
    (tmp_path / "a.mcap").mkdir()
    kernel = Kernel(PlainCodec())
    kernel.add_sink("archive", sink_of(tmp_path / "a.mcap"))
    with pytest.raises(StartError, match=r"'archive' could not start.*a\.mcap.*never overwritten"):
        await kernel.run()


async def settled(sink: RecorderSink, *batches: Sequence[Envelope]) -> dict[str, float]:
    """The metrics of a sink that has taken batches, and ended; without those of this machine."""
    await sink.run(FakeBatches(*batches))
    return {name: value for name, value in sink.metrics().items() if name != "free_bytes"}


async def test_its_metrics_are_those_of_its_files(tmp_path: Path) -> None:
    """Bytes, envelopes and files on disk, over all attempts and parts."""
    sink = sink_of(tmp_path / "{part}.mcap", rotate_bytes=1)
    assert sink.metrics() == {
        "recording": 0,
        "written_bytes_total": 0,
        "written_envelopes_total": 0,
        "files_total": 0,
        "unflushed_age_s": 0.0,
    }
    every = show()
    for first, files in ((0, 3), (3, 6)):
        assert await settled(sink, every[first : first + 3]) == {
            "recording": 0,
            "written_bytes_total": sum(path.stat().st_size for path in files_in(tmp_path)),
            "written_envelopes_total": files,
            "files_total": files,
            "unflushed_age_s": 0.0,
        }


async def test_it_tells_what_the_disk_has_left_when_that_is_too_little(tmp_path: Path) -> None:
    """The metric is there when it matters most."""
    sink = sink_of(tmp_path / "a.mcap", min_free_bytes=10**18)
    with pytest.raises(OSError, match="are free and min_free_bytes reserves"):
        await sink.run(FakeBatches())
    assert 0 < sink.metrics()["free_bytes"] < 10**18


@pytest.mark.parametrize("settings", [{}, {"idle": True}, {"snapshot_s": 1.0}])
async def test_it_tells_what_the_disk_has_left(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Also while it waits for a command."""
    sink = sink_of(tmp_path / "a.mcap", **settings)
    assert "free_bytes" not in sink.metrics()
    async with running(sink):
        await until(lambda: sink.metrics().get("free_bytes", 0) > 0)


async def test_a_sink_that_can_be_idle_says_whether_it_is(tmp_path: Path) -> None:
    """It is not idle after the command to record, whether it can record or not."""
    sink = sink_of(tmp_path / "a.mcap", idle=True)
    assert sink.metrics()["idle"] == 1
    sink.command(said(sink, "record"))
    assert {"idle": 0, "recording": 0}.items() <= sink.metrics().items()
    assert "idle" not in sink_of(tmp_path / "b.mcap").metrics()


async def test_a_sink_that_holds_a_snapshot_says_how_much(tmp_path: Path) -> None:
    """The held time and bytes, and the files written on command."""
    sink = sink_of(tmp_path / "a.mcap", snapshot_s=2.0)
    every = [envelope(number, encoded=b"x" * 10, unix_ns=NOW_NS + number * 10**9) for number in range(6)]
    expected = {
        "recording": 0,
        "written_envelopes_total": 0,
        "files_total": 0,
        "held_s": 2.0,
        "held_bytes": 30,
    }
    metrics = await settled(sink, every)
    assert expected.items() <= metrics.items()
    assert metrics["unflushed_age_s"] == metrics["written_bytes_total"] == 0
    path = await sink.snapshot()
    written = {"written_envelopes_total": 3, "files_total": 1, "written_bytes_total": path.stat().st_size}
    assert written.items() <= sink.metrics().items()


async def test_the_age_of_what_is_in_memory_only_is_counted_from_the_bus(tmp_path: Path) -> None:
    """A killed process loses so much; a clock that was set back gives no negative age."""
    clock = FixedClock(NOW_NS)
    sink = sink_of(tmp_path / "a.mcap", clock=clock, flush_interval_s=3600.0)
    async with running(sink, [envelope(1, unix_ns=NOW_NS - 10**9), envelope(2, unix_ns=NOW_NS)]):
        clock.now_ns = NOW_NS + 10**9
        assert {"unflushed_age_s": 2.0, "recording": 1}.items() <= sink.metrics().items()
        clock.now_ns = 0
        assert sink.metrics()["unflushed_age_s"] == 0.0
    clock.now_ns = NOW_NS + 10**9
    assert sink.metrics()["unflushed_age_s"] == 0.0


async def test_a_file_that_ends_early_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Envelopes in no file do not count; bytes that were removed again were written."""
    failing_disk(monkeypatch, lambda data: len(data) > 2000, errno.EIO)
    sink = sink_of(tmp_path / "a.mcap", fsync="always")
    queue = FakeBatches([envelope(1)], [envelope(2, encoded=b"x" * 3000)])
    with pytest.raises(OSError, match="Input/output error"):
        await sink.run(queue)
    assert places(tmp_path / "a.mcap") == [("frame", 1)]
    metrics = sink.metrics()
    assert {"written_envelopes_total": 1, "files_total": 1}.items() <= metrics.items()
    assert metrics["written_bytes_total"] == (tmp_path / "a.mcap").stat().st_size + 1000


async def test_commands_are_logged_with_the_client(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A command that changes nothing is logged at DEBUG."""
    sink = sink_of(tmp_path / "a.mcap", idle=True)
    with caplog.at_level(logging.DEBUG):
        for recording in (True, True, False):
            sink.command(said(sink, "record", recording=recording))
    assert [record.levelname for record in caplog.records] == ["INFO", "DEBUG", "INFO"]
    told = [f"sink 'archive': told to {what} by wall:1" for what in ("record", "record", "stop")]
    assert caplog.messages == told
