"""The format of a recording: its messages, names, metadata records and schema."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple, cast

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from beats.kernel.stats import Loss
from beats.proto import streaming_pb2

LIBRARY: Final = "beats"
"""The name of the writer in the file's header."""
SCHEMA_NAME: Final = streaming_pb2.StreamEnvelope.DESCRIPTOR.full_name
ENCODING: Final = "protobuf"
RECORDING: Final = "beats.recording"
"""Metadata at the beginning: who recorded, when, with which settings, and which part it is."""
LOSS: Final = "beats.loss"
"""Metadata wherever the recorder's queue dropped something."""
TOTALS: Final = "beats.totals"
"""Metadata at the end of a part: what the recording contains and lacks up to there."""
CLOCK: Final = "beats.clock"
"""Metadata wherever the wall clock was set: see `walltime`."""
LOG_OFFSET: Final = "log_offset_ns"
"""Key of `beats.recording`: how far the log times of this part are ahead of a clock that never steps, which
all parts of a recording share. Log times start at the wall clock's time in each part, so that other programs
show the time of day; subtract this number to put all parts on one timeline."""
DERIVED: Final = "derived"
"""Key of `beats.recording`: the command that made the file from recordings; recorders never write it."""
FILE: Final = "file"
"""Key of `beats.recording`: the path that the recorder gave the file, from the first folder on that comes
from a placeholder of the template."""
CARRIED: Final[Mapping[str, str]] = {"beats": "carried"}
"""Metadata of the channels with which a part repeats the state at its beginning: the latest frame and the
latest value of each peripheral. These messages are also in an earlier part, or before the range of a cut."""
UINT32: Final = 2**32
MAX_UINT64: Final = 2**64 - 1
MAX_CHANNELS: Final = 2**16 - 1
"""A channel's id is 16 bits wide, and the library counts them from 1."""
CHUNK_BYTES: Final = 1024 * 1024
"""A chunk is closed when it is larger than this, or when the flush interval has passed."""


class RecordedMessage(NamedTuple):
    """One message of a recording."""

    topic: str
    sequence: int
    """The number that the envelope itself states; 0 when it states none."""
    log_unix_ns: int
    """When it came onto the bus."""
    captured_unix_ns: int
    encoded: bytes
    carried: bool = False
    """Whether it repeats the state at the beginning of the file."""


class LossRecord(NamedTuple):
    """What the recorder's queue dropped for one reason between two checks."""

    reason: str
    first_unix_ns: int
    last_unix_ns: int
    topics: Mapping[str, Loss]


def loss_records(losses: Iterable[Loss], ahead_ns: int = 0) -> Iterator[dict[str, str]]:
    """The metadata for losses, one record for each reason.

    Args:
        losses: what was lost.
        ahead_ns: how far the log times of the file are ahead of the times in the losses.
    """
    by_reason: dict[str, dict[str, Loss]] = {}
    for loss in losses:
        first_ns, last_ns = loss.first_unix_ns + ahead_ns, loss.last_unix_ns + ahead_ns
        moved = loss._replace(first_unix_ns=first_ns, last_unix_ns=last_ns)
        by_topic = by_reason.setdefault(loss.reason, {})
        earlier = by_topic.get(loss.topic)
        by_topic[loss.topic] = moved if earlier is None else _together(earlier, moved)
    for reason, by_topic in by_reason.items():
        of_reason = by_topic.values()
        topics = {topic: loss._asdict() for topic, loss in by_topic.items()}
        first_ns = min(loss.first_unix_ns for loss in of_reason)
        last_ns = max(loss.last_unix_ns for loss in of_reason)
        yield {
            "reason": reason,
            "from": iso(first_ns),
            "to": iso(last_ns),
            "envelopes": str(sum(loss.items for loss in of_reason)),
            "topics": json.dumps(topics, ensure_ascii=False),
        }


def _together(a: Loss, b: Loss) -> Loss:
    """Two losses of one topic for one reason as one. A loss without numbers has 0 in their place."""
    first = min(a.first_sequence, b.first_sequence) or max(a.first_sequence, b.first_sequence)
    return a._replace(
        items=a.items + b.items,
        bytes=a.bytes + b.bytes,
        first_sequence=first,
        last_sequence=max(a.last_sequence, b.last_sequence),
        first_unix_ns=min(a.first_unix_ns, b.first_unix_ns),
        last_unix_ns=max(a.last_unix_ns, b.last_unix_ns),
    )


def read_loss(metadata: Mapping[str, str]) -> LossRecord | None:
    """A loss from its metadata; None when it cannot be read."""
    try:
        topics = cast("dict[str, dict[str, object]]", json.loads(metadata["topics"]))
        losses = {topic: _loss(fields) for topic, fields in topics.items()}
        first_ns = min(loss.first_unix_ns for loss in losses.values())
        last_ns = max(loss.last_unix_ns for loss in losses.values())
        return LossRecord(str(metadata["reason"]), first_ns, last_ns, losses)
    except (LookupError, ValueError, TypeError, AttributeError):
        return None


def _loss(fields: Mapping[str, object]) -> Loss:
    reason, topic, *numbers = (fields[name] for name in Loss._fields)
    if not (isinstance(reason, str) and isinstance(topic, str)):
        raise TypeError("a reason and a topic are text")
    items, size_bytes, first, last, first_ns, last_ns = (int(str(number)) for number in numbers)
    return Loss(reason, topic, items, size_bytes, first, last, first_ns, last_ns)


def iso(unix_ns: int) -> str:
    """A time in ISO 8601, UTC, to the microsecond; the plain number when it is outside of the calendar."""
    try:
        return datetime.fromtimestamp(unix_ns / 1e9, UTC).isoformat(timespec="microseconds")
    except (OverflowError, ValueError, OSError):
        return str(unix_ns)


def clamped(unix_ns: int) -> int:
    """A time within the range of MCAP, whose times are unsigned; the envelope keeps the true time."""
    return min(max(unix_ns, 0), MAX_UINT64)


def descriptor_set(file: FileDescriptor) -> bytes:
    """A serialized `FileDescriptorSet` of a schema file and all its imports, imports first."""
    found = FileDescriptorSet()
    for each in dict.fromkeys(_with_imports(file)):
        each.CopyToProto(found.file.add())
    return found.SerializeToString()


def _with_imports(file: FileDescriptor) -> Iterator[FileDescriptor]:
    for each in file.dependencies:
        yield from _with_imports(each)
    yield file
