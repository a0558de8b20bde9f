"""Chosen messages of some recordings, as one stream."""

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path
from typing import Final, NamedTuple

from beats.kernel.envelope import KINDS, Kind, kind_of_topic
from beats.kernel.errors import InputError
from beats.kit import units
from beats.recordings import ranges
from beats.recordings.content import Batch, Note
from beats.recordings.files import Piece, find, timeline
from beats.recordings.foreign import NotShown
from beats.recordings.format import RecordedMessage
from beats.recordings.scan import Damage

_MOST_REASONS: Final = 3


class MessageFilter(NamedTuple):
    """Which messages are wanted."""

    start_s: float = 0.0
    """Start of the range on the common timeline of the files."""
    end_s: float = inf
    """End of the range, exclusive."""
    kinds: frozenset[Kind] = frozenset(KINDS)
    topics: tuple[str, ...] = ()
    """Shell patterns, of which one must match; empty for all topics."""

    def wants(self, message: RecordedMessage) -> bool:
        """Whether the kind and topic of a message are wanted."""
        return kind_of_topic(message.topic) in self.kinds and self.matches(message.topic)

    def matches(self, topic: str) -> bool:
        """Whether a pattern matches a topic, if there are any."""
        return not self.topics or any(fnmatchcase(topic, pattern) for pattern in self.topics)


class Chosen(NamedTuple):
    """A wanted message, and where it is."""

    piece: Piece
    position_s: float
    """Place on the common timeline."""
    message: RecordedMessage
    repeated: bool
    """Whether a later part of a recording repeats it as state: it was in the stream before."""

    @property
    def unix_ns(self) -> int:
        """When it came onto the bus, by the wall clock."""
        return self.piece.wall.unix_ns(self.message.log_unix_ns)

    def begins_recording(self, before: "Chosen") -> bool:
        """Whether the message before it is from another recording, so that their numbers are unrelated."""
        if self.piece is not before.piece:
            return not self.piece.continues
        return self.piece.is_joined_between(before.message.log_unix_ns, self.message.log_unix_ns)


class Selection:
    """Some files on one timeline, and which messages are wanted. Synchronous, for one thread at a time."""

    def __init__(
        self,
        paths: Iterable[Path],
        *,
        start: str | None = None,
        end: str | None = None,
        topics: Sequence[str] = (),
        kinds: Iterable[Kind] = KINDS,
        strict: bool = True,
    ) -> None:
        """Find the files and when each was recorded.

        Args:
            paths: files, or folders of files.
            start: a moment, see `ranges`; the beginning when None.
            end: a moment; the end when None.
            topics: shell patterns.
            kinds: which kinds.
            strict: whether a file that is named directly must exist and be readable.

        Raises:
            InputError: such a file is missing or unreadable, or no file holds a message.
            ValueError: a moment is not valid.
        """
        self.skipped: Final[list[str]] = []
        """Files that were skipped, each with the reason."""
        self.pieces: Final = timeline(find(paths, self.skipped.append, strict=strict), self.skipped.append)
        if not self.pieces:
            why = "; ".join(self.skipped[:_MOST_REASONS]) or "the recordings hold no messages"
            raise InputError(f"nothing to read: {why}")
        self._broken: Final[set[Path]] = set()
        self._not_shown: Final[dict[Path, Counter[NotShown]]] = {}
        start_s = 0.0 if start is None else ranges.position_s(start, self.pieces)
        end_s = inf if end is None else ranges.position_s(end, self.pieces)
        if start_s >= end_s:
            raise ValueError(f"end ({end}) is not after start ({start})")
        self.filter: Final = MessageFilter(start_s, end_s, frozenset(kinds), tuple(topics))

    @property
    def duration_s(self) -> float:
        """The length of the whole timeline, up to its last message."""
        return self.pieces[-1].ends_s

    @property
    def end_s(self) -> float:
        """Where the wanted range ends."""
        return min(self.filter.end_s, self.duration_s)

    def unix_ns(self, position_s: float) -> int:
        """When a place was recorded, by the wall clock."""
        piece = next((each for each in self.pieces if each.ends_s >= position_s), self.pieces[-1])
        return piece.wall.unix_ns(piece.logged_ns(position_s))

    def batches(
        self, position_s: float, damaged: Callable[[Path, Damage], object]
    ) -> Generator[list[Chosen]]:
        """The wanted messages from a place on, chunk by chunk, so that little of it is in memory.

        Args:
            position_s: where to begin; at least `filter.start_s`.
            damaged: called with what cannot be read.
        """
        position_s = max(position_s, self.filter.start_s)
        for piece in self.pieces:
            if piece.ends_s < position_s or piece.begins_s >= self.filter.end_s:
                continue
            start_ns, end_ns = self._range(piece, position_s)
            for item in self._items(piece, start_ns, end_ns):
                if isinstance(item, Damage):
                    damaged(piece.path, item)
                elif isinstance(item, list) and (batch := self._chosen(piece, item, start_ns, end_ns)):
                    yield batch

    def topics(self, kinds: Collection[Kind]) -> list[str]:
        """The topics of some kinds in the wanted range, whether a pattern matches them or not, sorted."""
        found: set[str] = set()
        for piece in self.pieces:
            if piece.ends_s < self.filter.start_s or piece.begins_s >= self.filter.end_s:
                continue
            for item in self._items(piece, *self._range(piece, self.filter.start_s)):
                if isinstance(item, list):
                    found.update(message.topic for message in item)
        return sorted(topic for topic in found if kind_of_topic(topic) in kinds)

    def is_broken_between(self, before: Chosen | None, chosen: Chosen | None) -> bool:
        """Whether files between two messages could not be read, or not to their end.

        Args:
            before: None for the beginning.
            chosen: None for the end.
        """
        begin = 0 if before is None else self.pieces.index(before.piece)
        end = None if chosen is None else self.pieces.index(chosen.piece)
        return any(piece.path in self._broken for piece in self.pieces[begin:end])

    def state_before(self, position_s: float, most_bytes: int) -> Batch:
        """The latest wanted message of each topic before a place, searched in so many bytes.

        Empty when the file cannot be read any more, which is reported when its messages are read.
        """
        before = [piece for piece in self.pieces if piece.begins_s < position_s]
        if not before:
            return []
        try:
            with before[-1].open() as recording:
                state = recording.state_before(before[-1].logged_ns(position_s), most_bytes)
        except (InputError, OSError):
            return []
        return [message for message in state if self.filter.wants(message)]

    def not_shown(self) -> Iterator[str]:
        """A sentence on each kind of messages of other programs that was read and is not shown."""
        counts = Counter[NotShown]()
        for each in self._not_shown.values():
            counts.update(each)
        others = [count for what, count in counts.items() if not what.why]
        if others:
            yield (
                f"neither pictures nor updates: {units.counted(sum(others), 'message')} of "
                f"{units.counted(len(others), 'channel')}, which `beats info` names"
            )
        wrong = [(what, count) for what, count in counts.items() if what.why]
        for (channel, why), count in wrong[:_MOST_REASONS]:
            yield f"cannot be shown: {units.counted(count, 'message')} of {channel}, the first because {why}"

    def _range(self, piece: Piece, position_s: float) -> tuple[int | None, int | None]:
        """The wanted times of a file; None where its own begin or end is meant.

        In nanoseconds, as in `state_before`, so that no message is missing or doubled between the two.
        """
        start_ns = piece.logged_ns(position_s) if position_s > piece.begins_s else None
        end_ns = piece.logged_ns(self.filter.end_s) if self.filter.end_s <= piece.ends_s else None
        return start_ns, end_ns

    def _chosen(self, piece: Piece, batch: Batch, start_ns: int | None, end_ns: int | None) -> list[Chosen]:
        return [
            Chosen(piece, piece.position_s(message.log_unix_ns), message, message.carried and piece.continues)
            for message in batch
            if (start_ns is None or start_ns <= message.log_unix_ns)
            and (end_ns is None or message.log_unix_ns < end_ns)
            and self.filter.wants(message)
        ]

    def _items(
        self, piece: Piece, start_ns: int | None, end_ns: int | None
    ) -> Iterator[Batch | Note | Damage]:
        """The content of a file; where it can no longer be read, it counts as damaged."""
        try:
            recording = piece.open()
        except InputError as error:
            self._broken.add(piece.path)
            yield Damage(0, 0, str(error).removeprefix(f"{piece.path} "))
            return
        with recording:
            try:
                yield from recording.items(start_ns, end_ns)
            except OSError as error:
                self._broken.add(piece.path)
                why = f"it cannot be read further: {error.strerror or error}"
                yield Damage(recording.position, 0, why)
            finally:
                self._not_shown[piece.path] = recording.not_shown
