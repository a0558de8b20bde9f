"""What recordings contain and lack, counted in one pass, and as JSON. Memory grows with the topics alone."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from pathlib import Path
from typing import Final, Literal, NamedTuple

from beats.kernel.envelope import Frame, kind_of_topic
from beats.kernel.errors import InputError
from beats.kit.gaps import Gap, GapCounter
from beats.pictures.errors import PictureError
from beats.pictures.formats import PictureInfo, identify
from beats.proto.codec import OPEN_CODEC
from beats.proto.wire import DecodeError
from beats.recordings.content import Note
from beats.recordings.foreign import NotShown
from beats.recordings.format import (
    CLOCK,
    LOSS,
    MAX_UINT64,
    RECORDING,
    TOTALS,
    LossRecord,
    RecordedMessage,
    read_loss,
)
from beats.recordings.reading import Recording
from beats.recordings.scan import Damage, Times
from beats.recordings.walltime import ClockJump, WallTime

State = Literal["whole", "no_index", "cut", "damaged"]
MOST_DAMAGES: Final = 1000
"""How many damaged stretches are listed."""


@dataclass
class TopicInfo:
    """The recorded messages of one topic."""

    messages: int = 0
    """Without repeated state."""
    size_bytes: int = 0
    repeated: int = 0
    """Messages that repeat the state at the beginning of a part."""
    first_sequence: int = 0
    last_sequence: int = 0
    missing: int = 0
    """Sequence numbers missing between recorded ones."""
    pictures: Counter[PictureInfo] = field(default_factory=Counter[PictureInfo])
    """Of a topic of frames, how many there are of each format and size, without repeated state."""

    def add(self, other: "TopicInfo") -> None:
        """Add the counts of the next file."""
        self.first_sequence = self.first_sequence or other.first_sequence
        self.last_sequence = other.last_sequence or self.last_sequence
        self.messages += other.messages
        self.size_bytes += other.size_bytes
        self.repeated += other.repeated
        self.missing += other.missing
        self.pictures.update(other.pictures)


@dataclass
class LossInfo:
    """What the recorder's queue dropped for one reason."""

    first_unix_ns: int
    last_unix_ns: int
    topics: Counter[str] = field(default_factory=Counter[str])
    """How many envelopes, by topic."""

    def add(self, first_unix_ns: int, last_unix_ns: int, topics: Mapping[str, int]) -> None:
        """Add further losses."""
        self.first_unix_ns = min(self.first_unix_ns, first_unix_ns)
        self.last_unix_ns = max(self.last_unix_ns, last_unix_ns)
        self.topics.update(topics)


@dataclass
class ContentCounts:
    """What one file, or several, contain and lack."""

    size_bytes: int = 0
    first_unix_ns: int | None = None
    """When the first message came onto the bus by the wall clock, without repeated state."""
    last_unix_ns: int | None = None
    duration_s: float = 0.0
    """The time from the first to the last message, whatever the wall clock showed; the sum for several
    files."""
    foreign: int = 0
    """Messages that are neither envelopes nor pictures or updates of other programs."""
    not_shown: Counter[NotShown] = field(default_factory=Counter[NotShown])
    """These messages, as far as their channels are known, and why they are not shown."""
    topics: dict[str, TopicInfo] = field(default_factory=dict[str, TopicInfo])
    losses: dict[str, LossInfo] = field(default_factory=dict[str, LossInfo])
    """By reason."""
    unreadable_bytes: int = 0
    """Unreadable bytes, without those that only belong to the index."""

    def see(self, message: RecordedMessage, missing: int) -> None:
        """Count a message, before which so many numbers are missing."""
        topic = self.topics.get(message.topic)
        if topic is None:
            topic = self.topics[message.topic] = TopicInfo()
        topic.missing += missing
        if message.carried:
            topic.repeated += 1
            return
        topic.messages += 1
        topic.size_bytes += len(message.encoded)
        topic.first_sequence = topic.first_sequence or message.sequence
        topic.last_sequence = message.sequence or topic.last_sequence
        if kind_of_topic(message.topic) == "frame" and (form := _form(message.encoded)) is not None:
            topic.pictures[form] += 1
        self._span(message.log_unix_ns, message.log_unix_ns)

    def lose(self, record: LossRecord, wall: WallTime) -> None:
        """Count a loss that the recorder noted."""
        topics = {topic: loss.items for topic, loss in record.topics.items()}
        first_ns, last_ns = wall.unix_ns(record.first_unix_ns), wall.unix_ns(record.last_unix_ns)
        self._lose(record.reason, first_ns, last_ns, topics)

    def date(self, wall: WallTime) -> Times | None:
        """Replace log times by those of the wall clock, once all is counted; returns the log times."""
        if self.first_unix_ns is None or self.last_unix_ns is None:
            return None
        logged = Times(self.first_unix_ns, self.last_unix_ns)
        self.duration_s = (logged.last_ns - logged.first_ns) / 1e9
        self.first_unix_ns, self.last_unix_ns = wall.unix_ns(logged.first_ns), wall.unix_ns(logged.last_ns)
        return logged

    def add(self, other: "ContentCounts") -> None:
        """Add the counts of another file."""
        self.size_bytes += other.size_bytes
        self.duration_s += other.duration_s
        self.foreign += other.foreign
        self.not_shown.update(other.not_shown)
        self.unreadable_bytes += other.unreadable_bytes
        for name, topic in other.topics.items():
            self.topics.setdefault(name, TopicInfo()).add(topic)
        for reason, loss in other.losses.items():
            self._lose(reason, loss.first_unix_ns, loss.last_unix_ns, loss.topics)
        if other.first_unix_ns is not None and other.last_unix_ns is not None:
            self._span(other.first_unix_ns, other.last_unix_ns)

    def most_frequent(self, most: int) -> list[tuple[str, TopicInfo]]:
        """The topics with the most messages, in that order."""
        return nsmallest(most, self.topics.items(), lambda item: (-item[1].messages, item[0]))

    def document(self) -> dict[str, object]:
        """The counts as JSON."""
        topics = self.topics.values()
        return {
            "size_bytes": self.size_bytes,
            "first_unix_ns": self.first_unix_ns,
            "last_unix_ns": self.last_unix_ns,
            "duration_s": self.duration_s,
            "messages": sum(topic.messages for topic in topics),
            "message_bytes": sum(topic.size_bytes for topic in topics),
            "repeated_messages": sum(topic.repeated for topic in topics),
            "missing_sequences": sum(topic.missing for topic in topics),
            "foreign_messages": self.foreign,
            "not_shown": [
                {**what.channel._asdict(), "messages": count, "why": what.why or None}
                for what, count in self.not_shown.items()
            ],
            "unreadable_bytes": self.unreadable_bytes,
            "topics": [
                {
                    "topic": name,
                    "messages": topic.messages,
                    "message_bytes": topic.size_bytes,
                    "mean_rate_hz": topic.messages / self.duration_s if self.duration_s else None,
                    "first_sequence": topic.first_sequence,
                    "last_sequence": topic.last_sequence,
                    "repeated_messages": topic.repeated,
                    "missing_sequences": topic.missing,
                    "pictures": [
                        {**form._asdict(), "messages": count} for form, count in topic.pictures.most_common()
                    ],
                }
                for name, topic in sorted(self.topics.items())
            ],
            "losses": [
                {
                    "reason": reason,
                    "envelopes": loss.topics.total(),
                    "first_unix_ns": loss.first_unix_ns,
                    "last_unix_ns": loss.last_unix_ns,
                    "topics": dict(loss.topics),
                }
                for reason, loss in self.losses.items()
            ],
        }

    def _lose(self, reason: str, first_ns: int, last_ns: int, topics: Mapping[str, int]) -> None:
        self.losses.setdefault(reason, LossInfo(first_ns, last_ns)).add(first_ns, last_ns, topics)

    def _span(self, first_ns: int, last_ns: int) -> None:
        self.first_unix_ns = first_ns if self.first_unix_ns is None else min(self.first_unix_ns, first_ns)
        self.last_unix_ns = last_ns if self.last_unix_ns is None else max(self.last_unix_ns, last_ns)


class PlacedJump(NamedTuple):
    """A jump of wall time, and its place in seconds from the first message."""

    position_s: float
    jump: ClockJump

    def document(self) -> dict[str, object]:
        """The jump as JSON."""
        return {
            "position_s": self.position_s,
            "before_unix_ns": self.jump.before_unix_ns,
            "after_unix_ns": self.jump.after_unix_ns,
            "by_s": self.jump.by_ns / 1e9,
        }


@dataclass
class FileInfo:
    """Everything known about one file."""

    path: Path
    counts: ContentCounts = field(default_factory=ContentCounts)
    error: str | None = None
    """Why the file could not be read at all."""
    about: Mapping[str, str] = field(default_factory=dict[str, str])
    """The recorder's metadata about the recording."""
    totals: Mapping[str, str] | None = None
    """What the recorder counted up to the end of the file."""
    notes: Counter[str] = field(default_factory=Counter[str])
    """Other metadata records, by name."""
    jumps: list[PlacedJump] = field(default_factory=list[PlacedJump])
    """Where the wall clock was set, from the state at the beginning to the last message; and where another
    recording begins."""
    damages: list[Damage] = field(default_factory=list[Damage])
    """The first damaged stretches."""
    damage_count: int = 0
    has_index: bool = False

    @property
    def state(self) -> State:
        """Whether the file is whole, and if not, what is wrong."""
        if self.damage_count == 0:
            return "whole" if self.has_index else "no_index"
        return "cut" if all(damage.cut for damage in self.damages) else "damaged"

    def document(self) -> dict[str, object]:
        """The file as JSON."""
        return {
            "path": str(self.path),
            "error": self.error,
            "recording": dict(self.about),
            **self.counts.document(),
            "clock_steps": [each.document() for each in self.jumps if not each.jump.is_joint],
            "joints": [each.document() for each in self.jumps if each.jump.is_joint],
            "totals": None if self.totals is None else dict(self.totals),
            "notes": dict(self.notes),
            "health": {
                "state": "unreadable" if self.error is not None else self.state,
                "has_index": self.has_index,
                "damage_count": self.damage_count,
                "damages": [
                    {
                        "offset_bytes": damage.offset,
                        "size_bytes": damage.size_bytes,
                        "why": damage.why,
                        "at_end": damage.cut,
                        "index_only": damage.is_index,
                    }
                    for damage in self.damages
                ],
            },
        }


class Surveyor:
    """Examines files one after the other; parts of one recording in their order."""

    def __init__(self) -> None:
        self.total: Final = ContentCounts()
        self._gaps: Final[dict[str, GapCounter]] = {}

    def survey(self, path: Path) -> FileInfo:
        """Read a file from its beginning to its end; if that fails, the result has the error."""
        info = FileInfo(path)
        try:
            with Recording(path) as recording:
                self._read(recording, info)
        except InputError as error:
            info.error = str(error)
        except OSError as error:
            info.error = f"{path} cannot be read: {error.strerror or error}"
        self.total.add(info.counts)
        return info

    def _read(self, recording: Recording, info: FileInfo) -> None:
        counts = info.counts
        counts.size_bytes = recording.size
        info.about, info.has_index = recording.about(), recording.is_whole
        identity = info.about.get("recording", "") or str(info.path)
        gaps = self._gaps.setdefault(identity, GapCounter())
        wall = recording.wall_time()
        begin_ns = MAX_UINT64  # of the state at the beginning, if there is one
        joints = deque(jump.log_ns for jump in wall.jumps if jump.is_joint)
        for item in recording.items():
            if isinstance(item, Damage):
                gaps.add_damage()
                _take_damage(info, item)
            elif isinstance(item, Note):
                _take_note(info, item, wall)
            else:
                for message in item:
                    begin_ns = min(begin_ns, message.log_unix_ns)
                    while joints and message.log_unix_ns >= joints[0]:
                        joints.popleft()
                        gaps.reset()
                    gap = gaps.add(message.topic, message.sequence, carried=message.carried)
                    counts.see(message, gap.missing if isinstance(gap, Gap) else 0)
        counts.foreign, counts.not_shown = recording.foreign, recording.not_shown
        if (logged := counts.date(wall)) is not None:
            info.jumps = [
                PlacedJump(max(0, jump.log_ns - logged.first_ns) / 1e9, jump)
                for jump in wall.within(logged._replace(first_ns=begin_ns))
            ]


def document(files: list[FileInfo], total: ContentCounts) -> dict[str, object]:
    """Some files and their total as JSON. The keys are stable: programs read them."""
    unreadable = sum(info.error is not None for info in files)
    return {
        "files": [info.document() for info in files],
        "total": {"files": len(files), "unreadable_files": unreadable, **total.document()},
    }


def _form(encoded: bytes) -> PictureInfo | None:
    """Format and size of a frame, as it states them or as its data do; None if neither can be told."""
    try:
        frame = OPEN_CODEC.decode(encoded).message
        assert isinstance(frame, Frame)
        if frame.width and frame.height:
            return PictureInfo(frame.media_type, frame.width, frame.height)
        return identify(frame.data)
    except (DecodeError, PictureError):
        return None


def _take_damage(info: FileInfo, damage: Damage) -> None:
    info.damage_count += 1
    if len(info.damages) < MOST_DAMAGES:
        info.damages.append(damage)
    if not damage.is_index:
        info.counts.unreadable_bytes += damage.size_bytes


def _take_note(info: FileInfo, note: Note, wall: WallTime) -> None:
    if note.name == LOSS and (record := read_loss(note.content)) is not None:
        info.counts.lose(record, wall)
    elif note.name == TOTALS:
        info.totals = note.content
    elif note.name not in (RECORDING, CLOCK):
        info.notes[note.name] += 1
