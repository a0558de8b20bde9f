"""What a recording holds and lacks, counted in one pass; memory grows with its topics alone."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, Literal, NamedTuple

from beats.kernel.errors import InputError
from beats.recordings.content import Message
from beats.recordings.format import (
    CLOCK,
    LOSS,
    MAX_UINT64,
    RECORDING,
    TOTALS,
    LossRecord,
    read_loss,
)
from beats.recordings.gaps import Gaps
from beats.recordings.reading import Note, Recording
from beats.recordings.scan import Damage, Times
from beats.recordings.walltime import Jump, WallTime

State = Literal["whole", "no_index", "cut", "damaged"]
MOST_DAMAGES: Final = 1000
"""How many stretches are listed one by one."""


@dataclass
class TopicInfo:
    """What is recorded of one topic."""

    messages: int = 0
    """Repeated state left out."""
    size_bytes: int = 0
    repeated: int = 0
    """Messages that repeat the state that a part begins with."""
    first_sequence: int = 0
    last_sequence: int = 0
    missing: int = 0
    """Sequence numbers that are missing between recorded ones."""

    def add(self, other: "TopicInfo") -> None:
        """Count what follows it in another file."""
        self.first_sequence = self.first_sequence or other.first_sequence
        self.last_sequence = other.last_sequence or self.last_sequence
        self.messages += other.messages
        self.size_bytes += other.size_bytes
        self.repeated += other.repeated
        self.missing += other.missing


@dataclass
class LossInfo:
    """What the recorder's queue gave up for one reason."""

    first_unix_ns: int
    last_unix_ns: int
    topics: Counter[str] = field(default_factory=Counter[str])
    """How many envelopes, by topic."""

    def add(self, first_unix_ns: int, last_unix_ns: int, topics: Mapping[str, int]) -> None:
        """Count more of it."""
        self.first_unix_ns = min(self.first_unix_ns, first_unix_ns)
        self.last_unix_ns = max(self.last_unix_ns, last_unix_ns)
        self.topics.update(topics)


@dataclass
class Tally:
    """What one file, or several, hold and lack."""

    size_bytes: int = 0
    first_unix_ns: int | None = None
    """When the first message came onto the bus by the wall clock, repeated state left out."""
    last_unix_ns: int | None = None
    duration_s: float = 0.0
    """The time from the first to the last, however the clock was set; of several files, the sum."""
    foreign: int = 0
    """Messages that are no envelopes."""
    topics: dict[str, TopicInfo] = field(default_factory=dict[str, TopicInfo])
    losses: dict[str, LossInfo] = field(default_factory=dict[str, LossInfo])
    """By reason."""
    unreadable_bytes: int = 0
    """Without what only belongs to the index."""

    def see(self, message: Message, missing: int) -> None:
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
        self._span(message.log_unix_ns, message.log_unix_ns)

    def lose(self, record: LossRecord, wall: WallTime) -> None:
        """Count a loss that the recorder wrote down."""
        topics = {topic: loss.items for topic, loss in record.topics.items()}
        first_ns, last_ns = wall.unix_ns(record.first_unix_ns), wall.unix_ns(record.last_unix_ns)
        self._lose(record.reason, first_ns, last_ns, topics)

    def date(self, wall: WallTime) -> Times | None:
        """Once all is counted, take the times of the wall clock in place of log times; returns those."""
        if self.first_unix_ns is None or self.last_unix_ns is None:
            return None
        logged = Times(self.first_unix_ns, self.last_unix_ns)
        self.duration_s = (logged.last_ns - logged.first_ns) / 1e9
        self.first_unix_ns, self.last_unix_ns = wall.unix_ns(logged.first_ns), wall.unix_ns(logged.last_ns)
        return logged

    def add(self, other: "Tally") -> None:
        """Count another file too."""
        self.size_bytes += other.size_bytes
        self.duration_s += other.duration_s
        self.foreign += other.foreign
        self.unreadable_bytes += other.unreadable_bytes
        for name, topic in other.topics.items():
            self.topics.setdefault(name, TopicInfo()).add(topic)
        for reason, loss in other.losses.items():
            self._lose(reason, loss.first_unix_ns, loss.last_unix_ns, loss.topics)
        if other.first_unix_ns is not None and other.last_unix_ns is not None:
            self._span(other.first_unix_ns, other.last_unix_ns)

    def _lose(self, reason: str, first_ns: int, last_ns: int, topics: Mapping[str, int]) -> None:
        self.losses.setdefault(reason, LossInfo(first_ns, last_ns)).add(first_ns, last_ns, topics)

    def _span(self, first_ns: int, last_ns: int) -> None:
        self.first_unix_ns = first_ns if self.first_unix_ns is None else min(self.first_unix_ns, first_ns)
        self.last_unix_ns = last_ns if self.last_unix_ns is None else max(self.last_unix_ns, last_ns)


class PlacedJump(NamedTuple):
    """A jump of wall time, and its place in seconds from the first message."""

    position_s: float
    jump: Jump


@dataclass
class FileInfo:
    """What is to be known of one file."""

    path: Path
    tally: Tally = field(default_factory=Tally)
    error: str | None = None
    """Why it could not be read at all."""
    about: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the recorder said of the recording."""
    totals: Mapping[str, str] | None = None
    """What the recorder counted up to the end of the file."""
    notes: Counter[str] = field(default_factory=Counter[str])
    """Other metadata records, by name."""
    jumps: list[PlacedJump] = field(default_factory=list[PlacedJump])
    """Where the wall clock was set, from the state at the beginning to the last message; and where another
    recording begins."""
    damages: list[Damage] = field(default_factory=list[Damage])
    """The first of them."""
    damage_count: int = 0
    has_index: bool = False

    @property
    def state(self) -> State:
        """Whether it is whole, and if not, in which way."""
        if self.damage_count == 0:
            return "whole" if self.has_index else "no_index"
        return "cut" if all(damage.cut for damage in self.damages) else "damaged"


class Surveyor:
    """Looks at files, one after the other; parts of one recording in their order."""

    def __init__(self) -> None:
        self.total: Final = Tally()
        self._gaps: Final[dict[str, Gaps]] = {}

    def survey(self, path: Path) -> FileInfo:
        """Read a file from its beginning to its end; a failure to do so stands in the result."""
        info = FileInfo(path)
        try:
            with Recording(path) as recording:
                self._read(recording, info)
        except InputError as error:
            info.error = str(error)
        except OSError as error:
            info.error = f"{path} cannot be read: {error.strerror or error}"
        self.total.add(info.tally)
        return info

    def _read(self, recording: Recording, info: FileInfo) -> None:
        tally = info.tally
        tally.size_bytes = recording.size
        info.about, info.has_index = recording.about(), recording.is_whole
        identity = info.about.get("recording", "") or str(info.path)
        gaps = self._gaps.setdefault(identity, Gaps())
        wall = recording.wall_time()
        begin_ns = MAX_UINT64  # of the state that it begins with, if it has one
        joints = deque(jump.log_ns for jump in wall.jumps if jump.is_joint)
        for item in recording.items():
            if isinstance(item, Damage):
                gaps.damaged()
                _take_damage(info, item)
            elif isinstance(item, Note):
                _take_note(info, item, wall)
            else:
                for message in item:
                    begin_ns = min(begin_ns, message.log_unix_ns)
                    while joints and message.log_unix_ns >= joints[0]:
                        joints.popleft()
                        gaps.renew()
                    tally.see(message, gaps.see(message))
        tally.foreign = recording.foreign
        if (logged := tally.date(wall)) is not None:
            info.jumps = [
                PlacedJump(max(0, jump.log_ns - logged.first_ns) / 1e9, jump)
                for jump in wall.within(logged._replace(first_ns=begin_ns))
            ]


def most_frequent(topics: Mapping[str, TopicInfo], most: int) -> list[tuple[str, TopicInfo]]:
    """The topics with the most messages, those first."""
    ranked = sorted(topics.items(), key=lambda item: (-item[1].messages, item[0]))
    return list(islice(ranked, most))


def _take_damage(info: FileInfo, damage: Damage) -> None:
    info.damage_count += 1
    if len(info.damages) < MOST_DAMAGES:
        info.damages.append(damage)
    if not damage.is_index:
        info.tally.unreadable_bytes += damage.size_bytes


def _take_note(info: FileInfo, note: Note, wall: WallTime) -> None:
    if note.name == LOSS and (record := read_loss(note.content)) is not None:
        info.tally.lose(record, wall)
    elif note.name == TOTALS:
        info.totals = note.content
    elif note.name not in (RECORDING, CLOCK):
        info.notes[note.name] += 1
