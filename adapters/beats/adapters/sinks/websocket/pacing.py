"""How much may be on its way to a viewer that is behind: as much as its line carries, the rest waits. No I/O.

A line is described as by BBR (https://datatracker.ietf.org/doc/draft-ietf-ccwg-bbr/): by the rate at which it
delivers, and its least delay. They predict when what is on its way will have been acknowledged, and the next
is sent just so early that it reaches the narrowest place of the line as the last one leaves it. How much
earlier than the delay says that has to be is learnt from what really waits there, in the manner of CoDel
(RFC 8289): by the least wait of a few in a row, which jitter and losses do not touch.
"""

from collections import deque
from typing import Final, NamedTuple

from beats.adapters.sinks.websocket.framing import CHUNK_BYTES

_RATES: Final = 10
_HIGH: Final = 3
"""Of the last rates measured, the third highest counts: one that was limited by other things is too low, and
a late answer makes the next one too high."""
_EMPTIED_S: Final = 10.0
_EMPTIED_DELAYS: Final = 100
"""How long the least delay counts, in seconds and in delays; then the line is emptied to see it again."""
_ROUND: Final = 6
"""Acknowledgements by which what waits on the line is judged."""
_AIM: Final = 0.1
"""What should wait there, in parts of the time that the line takes for what was sent last."""
_LEAST_AIM_S: Final = 0.002
_AIM_JITTERS: Final = 1.5
_CORRECTION: Final = 0.5
"""The part of the difference from that by which the lead changes in a round."""
_GROWTH: Final = 0.1
_MOST_GROWTH: Final = 0.5
"""By what part of itself the lead grows in addition while too little waits, and the most that it may grow."""
_MOST_LEAD_S: Final = 2.0
_MOST_UNDER_WAY: Final = 64
_LEAST_PAUSE_S: Final = 0.004
_AT_ONCE_S: Final = 0.02
"""How much of small envelopes is sent at once, in time that the line takes for it: each time costs a ping."""
_OVERDUE_S: Final = 1.0
_OVERDUE_TRIPS: Final = 4
"""After so long, and so many round trips more, an acknowledgement is not waited for."""
_FOREVER: Final = float("inf")


class _Sent(NamedTuple):
    number: int
    size: int
    at_s: float
    was_held: bool
    """Whether it had to wait for the line."""
    delivered: int
    """Bytes that had been delivered by then."""
    delivered_s: float
    """When the last of those had been."""


class Pacer:
    """Decides when a viewer may be sent more. Times are those of one clock, in seconds."""

    def __init__(self) -> None:
        self.bytes_per_s = 0.0
        """What the line delivers; 0 while that is unknown."""
        self.delay_s = 0.0
        """The least round trip lately, without the time that the line takes for the bytes themselves."""
        self._under_way: Final[deque[_Sent]] = deque()
        self._number = self._delivered = 0
        self._delivered_s = 0.0
        self._is_held = self._was_held = False
        """Whether what is sent next had to wait for the line, and whether anything had to in this round."""
        self._rates: Final[deque[float]] = deque(maxlen=_RATES)
        self._empty_at_s: float | None = None
        """When something was last sent over the empty line, to see its delay."""
        self._least: tuple[float, int, float] | None = None
        """Of what was sent since then, the round trip and size with the least delay, and the rate then."""
        self._lead_s: float | None = None
        """How much earlier than the delay says it is sent."""
        self._waits: Final[list[float]] = []
        """How long each of this round waited on the line."""
        self._late_s = self._jitter_s = 0.0
        """How much later than predicted the last one was acknowledged, and by how much that varies."""

    @property
    def is_full(self) -> bool:
        """Whether so many are on their way that no other is to be followed."""
        return len(self._under_way) >= _MOST_UNDER_WAY

    @property
    def room_bytes(self) -> int:
        """How much may be sent at once, when something may."""
        return int(self.bytes_per_s * _AT_ONCE_S) or CHUNK_BYTES

    def hold(self) -> None:
        """Note that something has to wait for the line."""
        self._is_held = self._was_held = True

    def wait_s(self, now_s: float) -> float:
        """How long something has to wait for the line; infinite if an acknowledgement has to come first."""
        wait_s = self._wait_s(now_s)
        if wait_s > 0:
            self.hold()
        return wait_s

    def overdue_in_s(self, now_s: float) -> float:
        """How long an acknowledgement may still take; infinite when none is to come."""
        if not self._under_way:
            return _FOREVER
        oldest = self._under_way[0]
        trip_s = self.delay_s + (oldest.size / self.bytes_per_s if self.bytes_per_s else 0.0)
        return oldest.at_s + _OVERDUE_S + _OVERDUE_TRIPS * trip_s - now_s

    def sent(self, size: int, now_s: float) -> int:
        """Note that so many bytes are sent; the number by which they are acknowledged.

        No bytes at all mark the place behind what the pacer does not know of.
        """
        if not self._under_way:
            self._delivered_s = now_s
            if size and self._is_due(now_s):
                self._empty_at_s = now_s
        self._number += 1
        self._under_way.append(
            _Sent(self._number, size, now_s, self._is_held, self._delivered, self._delivered_s)
        )
        self._is_held = False
        return self._number

    def acknowledged(self, number: int, now_s: float) -> None:
        """Note that the viewer has read what was sent under a number, and all before."""
        last: _Sent | None = None
        while self._under_way and self._under_way[0].number <= number:
            last = self._under_way.popleft()
            self._delivered += last.size
        if last is None:
            return
        before_s, self._delivered_s = self._delivered_s, now_s
        if not last.size:
            return
        rate = (self._delivered - last.delivered) / max(now_s - last.delivered_s, 1e-6)
        if last.was_held or rate > self.bytes_per_s:
            self._rates.append(rate)
            self.bytes_per_s = sorted(self._rates)[-min(_HIGH, len(self._rates))]
        if self._empty_at_s is not None and last.at_s >= self._empty_at_s:
            self._judge(last, before_s, now_s)

    def _wait_s(self, now_s: float) -> float:
        if not self._under_way:
            return 0.0
        if self.is_full or self._lead_s is None or self._is_due(now_s):
            return _FOREVER
        first_s, last_s = self._predicted(now_s)
        wait_s = last_s - self.delay_s - self._lead_s - now_s
        if wait_s <= 0:
            return max(0.0, self._under_way[-1].at_s + _LEAST_PAUSE_S - now_s)
        return _FOREVER if first_s <= now_s else wait_s

    def _is_due(self, now_s: float) -> bool:
        """Whether the line has to be emptied to see its delay."""
        interval_s = max(_EMPTIED_S, _EMPTIED_DELAYS * self.delay_s)
        return self._empty_at_s is None or now_s - self._empty_at_s > interval_s

    def _predicted(self, now_s: float) -> tuple[float, float]:
        """When the first and the last that are on their way will have been acknowledged, at the earliest."""
        first_s: float | None = None
        at_s = self._delivered_s
        for each in self._under_way:
            at_s = max(at_s, each.at_s + self.delay_s) + each.size / self.bytes_per_s
            if first_s is None:
                first_s = at_s = max(at_s, now_s)
        return first_s or now_s, at_s

    def _judge(self, last: _Sent, before_s: float, now_s: float) -> None:
        """Learn from what was acknowledged, after what was acknowledged at `before_s`."""
        trip_s, takes_s = now_s - last.at_s, last.size / self.bytes_per_s
        is_alone = last.at_s == self._empty_at_s
        if self._least is None or is_alone or trip_s - takes_s < self._delay_of(*self._least):
            self._least = trip_s, last.size, self.bytes_per_s
        self.delay_s = max(0.0, self._delay_of(*self._least))
        if self._lead_s is None:
            self._lead_s = trip_s / 2
        late_s = now_s - max(before_s, last.at_s + self.delay_s) - takes_s
        self._jitter_s += (abs(late_s - self._late_s) - self._jitter_s) / 8
        self._late_s = late_s
        self._waits.append(trip_s - takes_s - self.delay_s)
        if len(self._waits) == _ROUND:
            aim_s = max(_AIM * takes_s, _LEAST_AIM_S, _AIM_JITTERS * self._jitter_s)
            self._lead_s = self._led(self._lead_s, _CORRECTION * (aim_s - min(self._waits)))
            self._waits.clear()
            self._was_held = False

    def _delay_of(self, trip_s: float, size: int, bytes_per_s: float) -> float:
        """A rate that was found to be higher since then was so before, one that is lower may be new."""
        return trip_s - size / max(bytes_per_s, self.bytes_per_s)

    def _led(self, lead_s: float, change_s: float) -> float:
        """The next lead. It does not grow while nothing waits for it."""
        if change_s < 0:
            return max(0.0, lead_s + change_s)
        if not self._was_held:
            return lead_s
        growth_s = min(change_s + _GROWTH * lead_s, _MOST_GROWTH * lead_s + _LEAST_AIM_S)
        return min(_MOST_LEAD_S, lead_s + growth_s)
