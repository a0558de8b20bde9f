import errno
import logging
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from mcap.reader import make_reader
from mcap.writer import CompressionType
from pydantic import ValidationError

from beats.adapters.sinks import recorder
from beats.adapters.sinks.recorder import SINK, RecorderSettings, RecorderSink, Recording, descriptor_set
from beats.kernel.envelope import Envelope, Frame, Kind, Location, Message, Peripheral, Tag
from beats.kernel.ports import Context
from beats.kernel.testing import FixedClock, envelope
from beats.proto import streaming_pb2
from beats.proto.codec import StreamCodec
from tests.adapters.sinks.batches import FakeBatches

pytestmark = pytest.mark.anyio

NOW_NS = 1_700_000_000_123_456_789


class Recorded(NamedTuple):
    """One message as another program reads it."""

    topic: str
    sequence: int
    log_time: int
    publish_time: int
    data: bytes
    encoding: str
    schema: str


def read(path: Path) -> list[Recorded]:
    """All messages of a recording, every checksum checked."""
    with path.open("rb") as file:
        return [
            Recorded(
                channel.topic,
                message.sequence,
                message.log_time,
                message.publish_time,
                message.data,
                channel.message_encoding,
                schema.name if schema else "",
            )
            for schema, channel, message in make_reader(file, validate_crcs=True).iter_messages(
                log_time_order=False
            )
        ]


def sink_of(path: Path | str, *, profile: str = "studio", **settings: object) -> RecorderSink:
    checked = RecorderSettings.model_validate({"type": "recorder", "path": str(path), **settings})
    sink = SINK.build(checked, Context("archive", profile, FixedClock(NOW_NS), lambda control: None))
    assert isinstance(sink, RecorderSink)
    return sink


def show() -> list[Envelope]:
    """Real envelopes of two topics."""
    codec = StreamCodec()
    knob = Peripheral("knob-1", {"rotation": 3}, (Tag("input", "rotary"),), Location(1.0))
    envelopes: list[Envelope] = []
    messages: Sequence[tuple[str, Message]] = [
        ("frame", Frame(b"\x89PNG\r\n\x1a\n" * 50)),
        ("peripheral/knob-1", knob),
    ]
    for sequence in range(1, 4):
        for topic, message in messages:
            captured = NOW_NS + 1000 * sequence
            encoded = codec.seal(codec.prepare(message), sequence, captured)
            kind: Kind = "frame" if topic == "frame" else "peripheral"
            envelopes.append(Envelope(kind, topic, sequence, captured, captured + 7, message, encoded))
    return envelopes


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
async def test_what_was_recorded_reads_back_byte_for_byte(tmp_path: Path, compression: str) -> None:
    """Topic, sequence, both times and the bytes themselves, with any compression, every checksum checked."""
    envelopes = show()
    await sink_of(tmp_path / "a.mcap", compression=compression).run(FakeBatches(envelopes[:3], envelopes[3:]))
    assert read(tmp_path / "a.mcap") == [
        Recorded(
            item.topic,
            item.sequence,
            item.published_unix_ns,
            item.captured_unix_ns,
            item.encoded,
            "protobuf",
            "heart.beats.streaming.StreamEnvelope",
        )
        for item in envelopes
    ]


async def test_a_recording_explains_itself(tmp_path: Path) -> None:
    """The embedded descriptor set alone is enough to decode the messages; there is a channel a topic."""
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


def test_a_descriptor_set_holds_every_import_once_and_first() -> None:
    """A reader can add the files in order."""
    found = FileDescriptorSet.FromString(descriptor_set(streaming_pb2.DESCRIPTOR))
    names = [each.name for each in found.file]
    assert len(names) == len(set(names))
    assert names[-1] == streaming_pb2.DESCRIPTOR.name
    for index, each in enumerate(found.file):
        assert set(each.dependency) <= set(names[:index])


@pytest.mark.parametrize(("given", "expected"), [(-5, 0), (2**64, 2**64 - 1), (0, 0), (NOW_NS, NOW_NS)])
async def test_times_that_the_format_cannot_hold_become_the_nearest(
    tmp_path: Path, given: int, expected: int
) -> None:
    """MCAP's times are unsigned; the message's own bytes keep the true one."""
    await sink_of(tmp_path / "a.mcap").run(FakeBatches([envelope(unix_ns=given)]))
    (message,) = read(tmp_path / "a.mcap")
    assert (message.log_time, message.publish_time) == (expected, expected)


async def test_sequence_numbers_wrap_at_32_bits(tmp_path: Path) -> None:
    """The format has no more; the message's own bytes keep the whole number."""
    await sink_of(tmp_path / "a.mcap").run(
        FakeBatches([envelope(2**32 - 1), envelope(2**32), envelope(2**32 + 1)])
    )
    assert [message.sequence for message in read(tmp_path / "a.mcap")] == [2**32 - 1, 0, 1]


async def test_the_first_batch_is_asked_for_when_the_file_is_open(tmp_path: Path) -> None:
    """Asking is what tells the kernel that the sink is ready."""
    queue = FakeBatches()
    seen: list[bool] = []
    queue.before_first = lambda: seen.append((tmp_path / "a.mcap").exists())
    await sink_of(tmp_path / "a.mcap").run(queue)
    assert seen == [True]


async def test_a_cancelled_recording_is_finished_and_closed(tmp_path: Path) -> None:
    """Everything that was taken is in it, and it reads like any other."""
    envelopes = show()
    queue = FakeBatches(envelopes, ends=False)
    sink = sink_of(tmp_path / "a.mcap")
    async with anyio.create_task_group() as group:
        group.start_soon(sink.run, queue)
        await queue.all_taken.wait()
        group.cancel_scope.cancel()
    assert [message.data for message in read(tmp_path / "a.mcap")] == [item.encoded for item in envelopes]


async def test_a_recording_is_finished_when_its_queue_fails(tmp_path: Path) -> None:
    """Whatever ends the sink, the file is whole; an empty one, too."""

    class Failing(FakeBatches):
        async def take(self, max_items: int | None = None) -> list[Envelope]:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        await sink_of(tmp_path / "a.mcap").run(Failing())
    assert read(tmp_path / "a.mcap") == []


async def test_the_path_is_filled_in_and_folders_are_made(tmp_path: Path) -> None:
    """The profile's name and the local time; a profile's name cannot lead elsewhere."""
    sink = sink_of(tmp_path / "new" / "{profile}-{start:%Y%m%d-%H%M%S}.mcap", profile="../studio a")
    await sink.run(FakeBatches())
    stamp = datetime.fromtimestamp(NOW_NS / 1e9).astimezone().strftime("%Y%m%d-%H%M%S")
    expected = tmp_path / "new" / f".._studio_a-{stamp}.mcap"
    assert sink.path == expected
    assert read(expected) == []


async def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    """The error is an OSError that names the file and what to do."""
    path = tmp_path / "a.mcap"
    path.write_bytes(b"precious")
    for _ in range(2):
        with pytest.raises(
            FileExistsError, match=r"never overwritten: move this one away, or put \{start:"
        ) as caught:
            await sink_of(path).run(FakeBatches())
        assert caught.value.filename == str(path)
        assert caught.value.errno == errno.EEXIST
    assert path.read_bytes() == b"precious"


async def test_a_restart_opens_a_new_file_beside_the_first(tmp_path: Path) -> None:
    """What the first run recorded stays as it is."""
    sink = sink_of(tmp_path / "a.mcap")
    for number in range(1, 4):
        await sink.run(FakeBatches([envelope(number)]))
    names = ["a.mcap", "a-2.mcap", "a-3.mcap"]
    assert [[message.sequence for message in read(tmp_path / name)] for name in names] == [[1], [2], [3]]
    assert sink.path == tmp_path / "a-3.mcap"


async def test_two_runs_in_one_second_make_two_files(tmp_path: Path) -> None:
    """A name with a time in it is meant to be new for each run, so a number is added."""
    for number in range(1, 4):
        await sink_of(tmp_path / "{start:%S}.mcap").run(FakeBatches([envelope(number)]))
    assert [read(tmp_path / name)[0].sequence for name in ("20.mcap", "20-2.mcap", "20-3.mcap")] == [1, 2, 3]


async def test_when_all_numbers_are_taken_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search for a free name has an end."""
    monkeypatch.setattr(recorder, "MAX_BESIDE", 2)
    for _ in range(2):
        await sink_of(tmp_path / "{start:%S}.mcap").run(FakeBatches())
    with pytest.raises(FileExistsError):
        await sink_of(tmp_path / "{start:%S}.mcap").run(FakeBatches())


async def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    """The error names the path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        await sink_of(tmp_path / "file" / "a.mcap").run(FakeBatches())


def _fail(file: object) -> bytes:
    raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_file_that_cannot_be_begun_is_taken_away_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that was full does not leave an empty file that keeps the next attempt from its name."""
    sink = sink_of(tmp_path / "a.mcap")
    with monkeypatch.context() as patch:
        patch.setattr(recorder, "descriptor_set", _fail)
        with pytest.raises(OSError, match="No space left"):
            await sink.run(FakeBatches())
    await sink.run(FakeBatches([envelope()]))
    assert len(read(tmp_path / "a.mcap")) == 1


async def test_a_failed_write_is_raised_and_the_file_is_closed_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk: the kernel hears of it, and no index is written after a hole."""
    recordings: list[Recording] = []

    class FullDisk(Recording):
        def __init__(self, path: Path, compression: CompressionType) -> None:
            super().__init__(path, compression)
            recordings.append(self)

            def refuse(*args: object, **kwargs: object) -> None:
                raise OSError(errno.ENOSPC, "No space left on device")

            monkeypatch.setattr(self._writer, "add_message", refuse)

    monkeypatch.setattr(recorder, "Recording", FullDisk)
    with pytest.raises(OSError, match="No space left"):
        await sink_of(tmp_path / "a.mcap").run(FakeBatches([envelope()]))
    assert recordings[0]._file.closed  # pyright: ignore[reportPrivateUsage]
    assert "a.mcap is cut" in caplog.text


async def test_the_event_loop_never_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening, writing and closing happen in worker threads."""
    threads: dict[str, int] = {}

    class Watched(Recording):
        def __init__(self, path: Path, compression: CompressionType) -> None:
            threads["open"] = threading.get_ident()
            super().__init__(path, compression)

        def write(self, batch: Iterable[Envelope]) -> None:
            threads["write"] = threading.get_ident()
            super().write(batch)

        def close(self) -> None:
            threads["close"] = threading.get_ident()
            super().close()

    monkeypatch.setattr(recorder, "Recording", Watched)
    await sink_of(tmp_path / "a.mcap").run(FakeBatches([envelope()]))
    assert threads.keys() == {"open", "write", "close"}
    assert threading.get_ident() not in threads.values()


async def test_a_recording_says_where_it_is_and_how_much_it_holds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line at its beginning, one at its end."""
    with caplog.at_level(logging.INFO):
        await sink_of(tmp_path / "a.mcap").run(FakeBatches([envelope(1), envelope(2)]))
    first, last = (record.getMessage() for record in caplog.records)
    assert first == f"sink 'archive': recording to {tmp_path / 'a.mcap'}"
    assert last == f"{tmp_path / 'a.mcap'} is finished: 2 messages"


async def test_more_topics_than_the_format_allows_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fits is recorded whole; the kernel's restart opens a new file for the rest."""
    monkeypatch.setattr(recorder, "MAX_CHANNELS", 2)
    topics = [envelope(topic=f"peripheral/{number}") for number in range(3)]
    with pytest.raises(ValueError, match="MCAP allows no more"):
        await sink_of(tmp_path / "a.mcap").run(FakeBatches(topics))
    assert len(read(tmp_path / "a.mcap")) == 2


def test_part_of_a_queue_table_keeps_the_recorders_other_defaults() -> None:
    """A recorder's queue is deep and keeps what is in it, whichever single key an operator sets."""
    settings = RecorderSettings.model_validate({"type": "recorder", "queue": {"size": 10}})
    assert (settings.queue.size, settings.queue.max_bytes, settings.queue.overflow) == (
        10,
        2**28,
        "drop_newest",
    )
    assert RecorderSettings(type="recorder").queue.size == 4096


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": ""}, "path"),
        ({"path": "{name}.mcap"}, r"unknown placeholder \{name\}: known are \{profile\} and \{start"),
        ({"path": "{start.__class__}.mcap"}, "unknown placeholder"),
        ({"path": "{.mcap"}, "path"),
        ({"path": "{profile:d}.mcap"}, "path"),
        ({"compression": "gzip"}, "compression"),
        ({"queue": {"length": 4}}, "length"),
        ({"file": "a"}, "file"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    """Each with the key that is wrong, before anything opens."""
    with pytest.raises(ValidationError, match=message):
        RecorderSettings.model_validate({"type": "recorder", **wrong})
