"""Recorders to test, and what they have written as another program reads it."""

import errno
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import anyio
import pytest
from mcap.reader import make_reader

from beats.adapters.sinks.recorder import SINK, RecorderSettings
from beats.adapters.sinks.recorder.parts import Parts
from beats.adapters.sinks.recorder.sink import RecorderSink
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import (
    ClientIdentity,
    Control,
    Envelope,
    Frame,
    Kind,
    Location,
    Message,
    Peripheral,
    Tag,
)
from beats.kernel.ports import Clock, Context
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import SinkStats
from beats.kernel.testing import FixedClock
from beats.proto.codec import StreamCodec
from beats.recordings.reading import Recording
from beats.recordings.unfinished import UnfinishedRecording
from tests.adapters.sinks.batches import FakeBatches
from tests.support import TIMEOUT_S, tiny_png

NOW_NS: Final = 1_700_000_000_123_456_789
CARRIED: Final = {"beats": "carried"}
CLIENT: Final = ClientIdentity("browser", 1, "wall:1")
ROOMY: Final = QueueBounds(100_000, 2**28, "block", TIMEOUT_S)
Place = tuple[str, int]


class Recorded(NamedTuple):
    """One message as another program reads it."""

    topic: str
    sequence: int
    log_time: int
    publish_time: int
    data: bytes
    encoding: str
    schema: str
    carried: bool


def read(path: Path) -> list[Recorded]:
    """All messages of a recording, every checksum checked."""
    with path.open("rb") as file:
        found = list(make_reader(file, validate_crcs=True).iter_messages(log_time_order=False))
    return [
        Recorded(
            *(channel.topic, message.sequence, message.log_time, message.publish_time, message.data),
            *(channel.message_encoding, schema.name if schema else "", channel.metadata == CARRIED),
        )
        for schema, channel, message in found
    ]


def places(path: Path, *, carried: bool = False) -> list[tuple[str, int]]:
    """Topic and sequence of each message, or of each that repeats the state."""
    return [(message.topic, message.sequence) for message in read(path) if message.carried == carried]


def metadata(path: Path, name: str) -> list[dict[str, str]]:
    """The metadata records of a name."""
    with path.open("rb") as file:
        return [record.metadata for record in make_reader(file).iter_metadata() if record.name == name]


def settings_of(path: Path | str, **settings: object) -> RecorderSettings:
    given = {"type": "recorder", "path": str(path), "min_free_bytes": 0, **settings}
    return RecorderSettings.model_validate(given)


def context_of(profile: str = "studio", clock: Clock | None = None, **told: Any) -> Context:
    settings = {"sinks": {"archive": {"type": "recorder"}}}
    clock = clock or FixedClock(NOW_NS)
    return Context("archive", profile, clock, lambda control: None, settings=settings, **told)


def sink_of(
    path: Path | str, *, profile: str = "studio", clock: Clock | None = None, **settings: object
) -> RecorderSink:
    sink = SINK.build(settings_of(path, **settings), context_of(profile, clock))
    assert isinstance(sink, RecorderSink)
    return sink


class Watch:
    """A stopwatch that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def parts_of(path: Path | str, watch: Watch | None = None, **settings: object) -> Parts:
    return Parts(settings_of(path, **settings), context_of(), monotonic=watch or Watch())


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


def said(sink: RecorderSink, command: str, **fields: object) -> Control:
    """A command as it is on the bus once a client's message has passed the check."""
    return Control(command, sink.commands[command](fields), CLIENT)


async def until(holds: Callable[[], bool]) -> None:
    """Until something holds that is done in another thread, or in another task's time."""
    with anyio.fail_after(TIMEOUT_S):
        while not holds():  # noqa: ASYNC110 - there is no event for it
            await anyio.sleep(0.002)


@asynccontextmanager
async def running(sink: RecorderSink, *batches: Sequence[Envelope]) -> AsyncGenerator[FakeBatches]:
    """The sink has taken batches, and runs until the end of the block."""
    queue = FakeBatches(*batches, ends=False)
    with anyio.fail_after(TIMEOUT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(sink.run, queue)
            await queue.all_taken.wait()
            yield queue
            group.cancel_scope.cancel()


class Room:
    """A disk that has room, or not; or asking for it raises a fault."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free_bytes = 10**12
        self.fault: Exception | None = None

        def free_bytes(output: UnfinishedRecording) -> int:
            if self.fault is not None:
                raise self.fault
            return self.free_bytes

        monkeypatch.setattr(UnfinishedRecording, "free_bytes", free_bytes)


def failing_disk(
    monkeypatch: pytest.MonkeyPatch, fails: Callable[[bytes], bool], error: int = errno.ENOSPC
) -> None:
    """Let the disk take up to half of a write that fails, and at most 1000 bytes of it."""
    original = UnfinishedRecording.write

    def write(output: UnfinishedRecording, data: bytes) -> int:
        if fails(data):
            original(output, data[: min(1000, len(data) // 2)])
            raise OSError(error, os.strerror(error))
        return original(output, data)

    monkeypatch.setattr(UnfinishedRecording, "write", write)


class Tape(NamedTuple):
    """One recording, whatever number of files it has."""

    state: list[Place]
    """What its first file begins with."""
    places: list[Place]


def files_in(folder: Path) -> list[Path]:
    """All that is in a folder, by name."""
    return sorted(folder.iterdir())


def tapes(folder: Path) -> list[Tape]:
    """The recordings whose files, by name, are one after the other in a folder; some may have no end."""
    runs: dict[str, Tape] = {}
    for path in files_in(folder):
        with Recording(path) as recording:
            messages = [each for item in recording.items() if isinstance(item, list) for each in item]
            carried = [(each.topic, each.sequence) for each in messages if each.carried]
            tape = runs.setdefault(recording.about()["recording"], Tape(carried, []))
        tape.places.extend((each.topic, each.sequence) for each in messages if not each.carried)
    return list(runs.values())


class Stage:
    """A whole kernel with one recorder, and what was published and said."""

    def __init__(self, path: Path | str, bounds: QueueBounds = ROOMY, **settings: Any) -> None:
        clock = SystemClock()
        options = KernelOptions(shutdown_timeout_s=TIMEOUT_S, backoff=Backoff(0.005, 0.02))
        self.kernel: Final = Kernel(StreamCodec(), clock=clock, options=options)
        context = context_of(clock=clock, last_values=self.kernel.publisher.last_values)
        self.sink: Final = RecorderSink(settings_of(path, **settings), context)
        self.kernel.add_sink("archive", self.sink, bounds)
        self.expected: Final[list[Tape]] = []
        """The recordings that it was told to make."""
        self._state: Final[dict[str, int]] = {}
        self._is_on = False

    @property
    def stats(self) -> SinkStats:
        return self.kernel.stats().sinks[0]

    def publish(self, count: int = 1, kinds: str = "fab") -> list[Place]:
        """Publish a frame and an update of each peripheral in turn; from any thread but the loop's own."""
        return [self.publish_one(kinds[number % len(kinds)]) for number in range(count)]

    def publish_one(self, kind: str) -> Place:
        topic = "frame" if kind == "f" else f"peripheral/{kind}"
        number = self._state.get(topic, 0) + 1
        message = Frame(tiny_png(number)) if kind == "f" else Peripheral(kind, {"number": number})
        assert self.kernel.publisher.publish(message) == number
        self._state[topic] = number
        if self._is_on:
            self.expected[-1].places.append((topic, number))
        return topic, number

    def say(self, recording: bool | None = None) -> None:
        """Tell it to record, to stop, or the other, by way of the bus."""
        wanted = not self._is_on if recording is None else recording
        if wanted and not self._is_on:
            frame = [("frame", self._state["frame"])] if "frame" in self._state else []
            others = [place for place in self._state.items() if place[0] != "frame"]
            self.expected.append(Tape([*frame, *others], []))
        self._is_on = wanted
        self.kernel.bus.send_control(said(self.sink, "record", recording=recording))

    async def until_metrics(self, **metrics: float) -> None:
        """Wait until some of its metrics are these."""
        await until(lambda: metrics.items() <= self.sink.metrics().items())

    async def until_delivered(self) -> None:
        """Until it has taken all that was published, and runs."""
        await until(lambda: not self.stats.queue.waiting.items and self.stats.state == "running")


@asynccontextmanager
async def on_stage(path: Path | str, **settings: Any) -> AsyncGenerator[Stage]:
    """A kernel that runs, and is stopped in order at the end of the block."""
    stage = Stage(path, **settings)
    async with anyio.create_task_group() as group:
        await group.start(stage.kernel.run)
        yield stage
        stage.kernel.stop()
