"""A part of some recordings, as one stream of messages."""

from collections.abc import Callable, Generator, Iterable, Sequence
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path
from typing import Final, NamedTuple

from beats.adapters.recordings import ranges
from beats.adapters.recordings.content import Message
from beats.adapters.recordings.files import Piece, find, timeline
from beats.adapters.recordings.reading import Recording
from beats.adapters.recordings.scan import Damage
from beats.kernel.envelope import KINDS, Kind
from beats.kernel.errors import InputError


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
    ) -> None:
        """Find the files and look at when each was recorded.

        Args:
            paths: files, or folders of files.
            start: a moment, see `ranges`; the beginning when None.
            end: a moment; the end when None.
            topics: patterns.
            kinds: which kinds.

        Raises:
            InputError: a file cannot be read, or none holds a message.
            ValueError: a moment is none.
        """
        self.pieces: Final = timeline(find(paths))
        if not self.pieces:
            raise InputError("nothing to read: the recordings hold no messages")
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
            start_ns = piece.recorded_ns(position_s) if position_s > piece.begins_s else None
            end_ns = piece.recorded_ns(self.choice.end_s) if self.choice.end_s <= piece.ends_s else None
            with Recording(piece.path) as recording:
                for item in recording.items(start_ns, end_ns):
                    if isinstance(item, Damage):
                        damaged(piece.path, item)
                    elif isinstance(item, list) and (batch := self._chosen(piece, item, start_ns, end_ns)):
                        yield batch

    def state_before(self, position_s: float, most_bytes: int) -> list[Message]:
        """The latest wanted message of each topic before a place, as far as so many bytes tell."""
        before = [piece for piece in self.pieces if piece.begins_s < position_s]
        if not before:
            return []
        with Recording(before[-1].path) as recording:
            state = recording.state_before(before[-1].recorded_ns(position_s), most_bytes)
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
