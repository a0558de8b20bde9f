"""How old the stream is that viewers read or draw: told by their pongs and by messages of theirs."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from beats.adapters.http.viewers import ViewerTimes
from beats.kernel.envelope import Envelope
from beats.kernel.ports import Clock

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


class ViewerAge:
    """How old the stream is that one viewer reads or draws, by what it tells. No I/O.

    Belongs to the event loop; only `seconds` may be called from other threads.
    """

    def __init__(self, group: str, times: ViewerTimes, clock: Clock) -> None:
        """Begin with a viewer that has told nothing yet.

        Args:
            group: its class.
            times: counts what it tells.
            clock: the one that dated the envelopes.
        """
        self._group: Final = group
        self._times: Final = times
        self._clock: Final = clock
        self._asked: tuple[Asked, ...] = ()
        """Its pings that are not yet answered, oldest first: more than one only while it is paced."""
        self._heard: Heard | None = None
        self._drawn_unix_ns: Final[dict[str, int]] = {}
        """When the newest frame that it told to have drawn came onto the bus, by topic."""
        self._drawn_at_ns: int | None = None
        """When it last told what it has drawn."""
        self.least_trip_ns = 0
        """The least round trip so far; 0 while none is known."""

    @property
    def is_known(self) -> bool:
        """Whether the viewer has answered a ping."""
        return self._heard is not None

    def may_ask(self) -> bool:
        """Whether the viewer is to be sent a ping besides those that it has not answered.

        It need not answer every ping, nor the first: RFC 6455, section 5.5.3. One that has never answered may
        be one that never will, so the pause doubles with each ping.
        """
        if not self._asked:
            return True
        pause_s = ASK_AGAIN_S if self.is_known else ASK_AGAIN_S * 2 ** (len(self._asked) - 1)
        return self._clock.steady_unix_ns() - self._asked[-1].written_unix_ns >= pause_s * 1e9

    def ask(self, newest: Envelope) -> None:
        """Note that a ping is written behind an envelope."""
        self._asked += (Asked(newest.published_unix_ns, self._clock.steady_unix_ns()),)

    def answered(self, *, its_own: bool) -> None:
        """Note that the oldest ping is answered, by its own pong or by a later one's."""
        asked, *rest = self._asked
        self._asked = tuple(rest)
        if not its_own:  # it was read earlier, at a time that is not known
            return
        now_ns = self._clock.steady_unix_ns()
        trip_ns = now_ns - asked.written_unix_ns
        self._times.round_trips.add(self._group, trip_ns)
        self.least_trip_ns = min(trip_ns, self.least_trip_ns or trip_ns)
        if self._heard and self._drawn_at_ns is not None and now_ns - self._drawn_at_ns < DRAWN_S * 1e9:
            self._heard = self._heard._replace(round_trip_ns=trip_ns)  # its age ends when it has drawn
        else:
            self._hear(Heard(now_ns - asked.published_unix_ns, trip_ns))

    def has_drawn(self, topic: str, published_unix_ns: int) -> None:
        """Note that it shows a frame that came onto the bus then, if it told of no newer one of the topic."""
        if published_unix_ns <= self._drawn_unix_ns.get(topic, 0):
            return
        self._drawn_unix_ns[topic] = published_unix_ns
        self._drawn_at_ns = self._clock.steady_unix_ns()
        if self._heard is not None:  # a ping is answered in the meantime
            self._hear(self._heard._replace(age_ns=self._drawn_at_ns - published_unix_ns))

    def seconds(self) -> tuple[float | None, float | None]:
        """Age and round trip in seconds; None while they are unknown. The age grows until an answer comes."""
        asked, heard = self._asked, self._heard
        if heard is None:
            return None, None
        age_ns = heard.age_ns
        if asked:
            age_ns = max(age_ns, self._clock.steady_unix_ns() - asked[0].published_unix_ns)
        return age_ns / 1e9, heard.round_trip_ns / 1e9

    def _hear(self, heard: Heard) -> None:
        self._heard = heard
        self._times.ages.add(self._group, heard.age_ns)


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
