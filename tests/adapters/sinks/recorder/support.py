"""Recorders to test, and what they have written as another program reads it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from mcap.reader import make_reader

from beats.adapters.sinks.recorder import SINK, RecorderSettings
from beats.adapters.sinks.recorder.parts import Parts
from beats.adapters.sinks.recorder.sink import RecorderSink
from beats.kernel.envelope import Envelope, Frame, Kind, Location, Message, Peripheral, Tag
from beats.kernel.ports import Context
from beats.kernel.testing import FixedClock
from beats.proto.codec import StreamCodec

NOW_NS: Final = 1_700_000_000_123_456_789
CARRIED: Final = {"beats": "carried"}


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
        return [
            Recorded(
                channel.topic,
                message.sequence,
                message.log_time,
                message.publish_time,
                message.data,
                channel.message_encoding,
                schema.name if schema else "",
                channel.metadata == CARRIED,
            )
            for schema, channel, message in make_reader(file, validate_crcs=True).iter_messages(
                log_time_order=False
            )
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


def context_of(profile: str = "studio", clock: FixedClock | None = None) -> Context:
    settings = {"sinks": {"archive": {"type": "recorder"}}}
    return Context("archive", profile, clock or FixedClock(NOW_NS), lambda control: None, settings=settings)


def sink_of(path: Path | str, *, profile: str = "studio", **settings: object) -> RecorderSink:
    sink = SINK.build(settings_of(path, **settings), context_of(profile))
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
