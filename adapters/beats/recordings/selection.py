"""A part of some recordings, as one stream of messages."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path
from typing import Final, NamedTuple

from beats.kernel.envelope import KINDS, Kind
from beats.kernel.errors import InputError
from beats.recordings import ranges
from beats.recordings.content import Message
from beats.recordings.files import Piece, find, timeline
from beats.recordings.reading import Batch, Note
from beats.recordings.scan import Damage

_MOST_REASONS: Final = 3


class Choice(NamedTuple):
    """Which messages are wanted."""

    start_s: float = 0.0
    """Place on the common timeline of the files."""
    end_s: float = inf
    """Place that is not wanted any more."""
    kinds: frozenset[Kind] = frozenset(KINDS)
    topics: tuple[str, ...] = ()
    """Patterns as of a shell, of which one must match; none means all topics."""

    def wants(self, message: Message) -> bool:
        """Whether a message is of a kind and topic that are wanted."""
        kind: Kind = "frame" if message.topic == "frame" else "peripheral"
        return kind in self.kinds and (
            not self.topics or any(fnmatchcase(message.topic, pattern) for pattern in self.topics)
        )


class Chosen(NamedTuple):
    """A message that is wanted, and where it is."""

    piece: Piece
    position_s: float
    """Place on the common timeline."""
    message: Message
    repeated: bool
    """Whether it is the state that a later part of a recording repeats: it was in the stream before."""

    @property
    def unix_ns(self) -> int:
        """When it came onto the bus, by the wall clock."""
        return self.piece.wall.unix_ns(self.message.log_unix_ns)

    def begins_recording(self, before: "Chosen") -> bool:
        """Whether it is of another recording than the message before it: then their numbers are unrelated."""
        if self.piece is not before.piece:
            return not self.piece.continues
        return self.piece.is_joined_between(before.message.log_unix_ns, self.message.log_unix_ns)


class Selection:
    """Some files on one timeline, and what is wanted of them. Synchronous, for one thread at a time."""

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
        """Find the files and look at when each was recorded.

        Args:
            paths: files, or folders of files.
            start: a moment, see `ranges`; the beginning when None.
            end: a moment; the end when None.
            topics: patterns.
            kinds: which kinds.
            strict: whether a file that is named itself must be there, and readable.

        Raises:
            InputError: such a file is not, or no file holds a message.
            ValueError: a moment is none.
        """
        self.skipped: Final[list[str]] = []
        """Files that are passed over, each with the reason."""
        self.pieces: Final = timeline(find(paths, self.skipped.append, strict=strict), self.skipped.append)
        if not self.pieces:
            why = "; ".join(self.skipped[:_MOST_REASONS]) or "the recordings hold no messages"
            raise InputError(f"nothing to read: {why}")
        self._broken: Final[set[Path]] = set()
        start_s = 0.0 if start is None else ranges.position_s(start, self.pieces)
        end_s = inf if end is None else ranges.position_s(end, self.pieces)
        if start_s >= end_s:
            raise ValueError(f"end ({end}) is not after start ({start})")
        self.choice: Final = Choice(start_s, end_s, frozenset(kinds), tuple(topics))

    @property
    def duration_s(self) -> float:
        """From the beginning of the timeline to its last message, whatever the choice."""
        return self.pieces[-1].ends_s

    @property
    def end_s(self) -> float:
        """Where what is wanted ends."""
        return min(self.choice.end_s, self.duration_s)

    def batches(
        self, position_s: float, damaged: Callable[[Path, Damage], object]
    ) -> Generator[list[Chosen]]:
        """What is wanted from a place on, chunk by chunk, so that little of it is in memory.

        Args:
            position_s: where to begin; a place before `choice.start_s` is as that.
            damaged: told of what cannot be read.
        """
        position_s = max(position_s, self.choice.start_s)
        for piece in self.pieces:
            if piece.ends_s < position_s or piece.begins_s >= self.choice.end_s:
                continue
            # In nanoseconds, as `state_before` does: between them no message is left out, none comes twice.
            start_ns = piece.logged_ns(position_s) if position_s > piece.begins_s else None
            end_ns = piece.logged_ns(self.choice.end_s) if self.choice.end_s <= piece.ends_s else None
            for item in self._items(piece, start_ns, end_ns):
                if isinstance(item, Damage):
                    damaged(piece.path, item)
                elif isinstance(item, list) and (batch := self._chosen(piece, item, start_ns, end_ns)):
                    yield batch

    def is_broken_between(self, before: Chosen | None, chosen: Chosen | None) -> bool:
        """Whether files could not be read, or not to their end, that lie between two messages.

        Args:
            before: None for the beginning.
            chosen: None for the end.
        """
        begin = 0 if before is None else self.pieces.index(before.piece)
        end = None if chosen is None else self.pieces.index(chosen.piece)
        return any(piece.path in self._broken for piece in self.pieces[begin:end])

    def state_before(self, position_s: float, most_bytes: int) -> list[Message]:
        """The latest wanted message of each topic before a place, as far as so many bytes tell.

        Of a file that cannot be read any more it is empty: that is said when its messages are to be read.
        """
        before = [piece for piece in self.pieces if piece.begins_s < position_s]
        if not before:
            return []
        try:
            with before[-1].open() as recording:
                state = recording.state_before(before[-1].logged_ns(position_s), most_bytes)
        except (InputError, OSError):
            return []
        return [message for message in state if self.choice.wants(message)]

    def _chosen(
        self, piece: Piece, batch: list[Message], start_ns: int | None, end_ns: int | None
    ) -> list[Chosen]:
        return [
            Chosen(piece, piece.position_s(message.log_unix_ns), message, message.carried and piece.continues)
            for message in batch
            if (start_ns is None or start_ns <= message.log_unix_ns)
            and (end_ns is None or message.log_unix_ns < end_ns)
            and self.choice.wants(message)
        ]

    def _items(
        self, piece: Piece, start_ns: int | None, end_ns: int | None
    ) -> Iterator[Batch | Note | Damage]:
        """What a file holds; one that is gone, or that the disk no longer gives, is damaged from there on."""
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
                why = f"it cannot be read any further: {error.strerror or error}"
                yield Damage(recording.position, 0, why)
