"""How old the stream is that viewers read or draw: told by their pongs and by messages of theirs."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from beats.kernel.envelope import Envelope

PING_INTERVAL_S: Final = 5.0
"""Time between two pings to a viewer that keeps up: ping and pong cost as much as 3 to 10 deliveries."""
ASK_AGAIN_S: Final = 4.0
"""A viewer that has not answered its last ping for so long is sent another."""
_MOST_PINGS_PER_S: Final = 100
"""The most pings a second to all viewers that keep up and made the same choice."""
_MOST_AT_ONCE: Final = 16


DRAWN_S: Final = 3.0
"""A viewer that has told what it has drawn may say nothing for so long before its pongs count again."""
_MOST_RECENT: Final = 1024


class Recent:
    """When the last frames came onto the bus, for viewers that tell which of them they have drawn."""

    def __init__(self) -> None:
        self._published_unix_ns: Final[dict[tuple[str, int], int]] = {}

    def note(self, chunk: Iterable[Envelope]) -> None:
        """Take note of the frames of a chunk."""
        times = self._published_unix_ns
        for envelope in chunk:
            if envelope.kind == "frame":
                times[envelope.topic, envelope.sequence] = envelope.published_unix_ns
                if len(times) > _MOST_RECENT:
                    del times[next(iter(times))]

    def published_unix_ns(self, topic: str, sequence: int) -> int | None:
        """When a frame came onto the bus, by steady time; None if that was too long ago, or never."""
        return self._published_unix_ns.get((topic, sequence))


class Asked(NamedTuple):
    """A ping that was written behind an envelope."""

    published_unix_ns: int
    """When that envelope came onto the bus, by steady time."""
    written_unix_ns: int
    """When the ping was written, by steady time."""


class Heard(NamedTuple):
    """What a pong told, or what a viewer told that it has drawn."""

    age_ns: int
    """From when the envelope came onto the bus until the viewer's answer came; too large by the way back."""
    round_trip_ns: int
    """From the ping until the pong. The viewer reads everything that was sent before the ping first."""


def may_ask(asked: Sequence[Asked], heard: Heard | None, now_ns: int) -> bool:
    """Whether a viewer is to be sent a ping besides those that it has not answered.

    It need not answer every ping, nor the first: RFC 6455, section 5.5.3. One that has never answered may be
    one that never will, so the pause doubles with each ping.
    """
    if not asked:
        return True
    pause_s = ASK_AGAIN_S if heard is not None else ASK_AGAIN_S * 2 ** (len(asked) - 1)
    return now_ns - asked[-1].written_unix_ns >= pause_s * 1e9


class Turns:
    """Spreads pings over viewers, so that each has its turn and few of them come at once. No I/O.

    A viewer that has just come has its first turn before all others.
    """

    def __init__(self) -> None:
        self._new: Final[dict[int, None]] = {}
        """Who had no turn yet, in the order in which they came."""
        self._left: list[int] = []
        """The viewers whose turn in this round is still to come."""
        self._begun_s = float("-inf")
        self._size = self._given = 0
        self._room = float(_MOST_AT_ONCE)
        """How many turns may be given now."""
        self._seen_s = 0.0

    def join(self, viewer: int) -> None:
        """A viewer has come."""
        self._new[viewer] = None

    def leave(self, viewer: int) -> None:
        """A viewer has left."""
        self._new.pop(viewer, None)

    def due(self, viewers: Collection[int], now_s: float) -> Iterator[int]:
        """The ids of the viewers whose turn it is. Some may have left since the round began.

        Args:
            viewers: the ids of those that keep up.
            now_s: the event loop's time.
        """
        self._room = min(_MOST_AT_ONCE, self._room + (now_s - self._seen_s) * _MOST_PINGS_PER_S)
        self._seen_s = now_s
        for viewer in tuple(islice(self._new, _MOST_AT_ONCE)):
            if self._room < 1:
                return
            del self._new[viewer]
            if viewer in viewers:
                self._room -= 1
                yield viewer
            else:
                self._new[viewer] = None  # last: it may keep up later
        passed_s = now_s - self._begun_s
        if not self._left:
            if passed_s < PING_INTERVAL_S:
                return
            self._left = list(viewers)
            self._begun_s, self._size, self._given, passed_s = now_s, len(self._left), 0, 0.0
        per_s = min(self._size / PING_INTERVAL_S, _MOST_PINGS_PER_S)
        for _ in range(min(1 + int(passed_s * per_s) - self._given, len(self._left))):
            if self._room < 1:
                return
            self._room -= 1
            self._given += 1
            yield self._left.pop()
