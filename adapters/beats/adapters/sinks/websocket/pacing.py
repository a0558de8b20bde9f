"""How much may be on its way to a viewer that is behind: as much as its line carries, the rest waits. No I/O.

A line is described as by BBR (https://datatracker.ietf.org/doc/draft-ietf-ccwg-bbr/): the highest rate of
delivery that was measured lately, and the least delay. They predict when what is on its way will have been
acknowledged, and the next is sent just so early that it reaches the narrowest place of the line as the last
one leaves it. How early that is, beyond the delay, follows what really waits there: in the manner of CoDel
(RFC 8289), the least of the last few, which jitter and losses do not touch.
"""

from collections import deque
from typing import Final, NamedTuple

from beats.adapters.sinks.websocket.framing import CHUNK_BYTES

_RATES: Final = 10
_HIGH: Final = 3
"""Of so many measured rates the third highest counts: a late answer makes the next one too high."""
_EMPTIED_S: Final = 10.0
_EMPTIED_TRIPS: Final = 100
"""How long the least delay counts, in seconds and in delays; then the line is emptied once to see it again."""
_ROUND: Final = 6
"""Acknowledgements by which one judges what waits on the line."""
_STANDING: Final = 0.1
"""What may wait there, in parts of the time that the line takes for what was sent last."""
_LEAST_STANDING_S: Final = 0.002
_CORRECTION: Final = 0.5
_GROWTH: Final = 1.5
_JITTERS: Final = 1.5
_MOST_LEAD_S: Final = 2.0
_MOST_UNDER_WAY: Final = 64
_LEAST_PAUSE_S: Final = 0.004
"""Between two that are on their way: small envelopes would each have a ping of their own."""
_AT_ONCE_S: Final = 0.02
"""How much of small envelopes is sent at once, in time that the line takes for it."""
_OVERDUE_S: Final = 1.0
FOREVER: Final = float("inf")


class _Sent(NamedTuple):
    number: int
    size: int
    at_s: float
    is_free: bool
    """Whether nothing had waited for it to be sent."""
    delivered: int
    """Bytes that had been delivered by then."""
    delivered_s: float
    """When the last of those had been."""


class Pacer:
    """Decides when a viewer may be sent more. Times are those of one clock, in seconds."""

    def __init__(self) -> None:
        self._under_way: Final[deque[_Sent]] = deque()
        self._rates: Final[deque[float]] = deque(maxlen=_RATES)
        self._least: tuple[float, int] | None = None
        """Of what was sent since the line was last empty, the round trip and size with the least delay."""
        self._empty_at_s: float | None = None
        """When something was last sent over the empty line, to see its delay."""
        self._number = self._delivered = 0
        self._delivered_s = 0.0
        self._lead_s = -1.0
        """How much earlier than the delay says it is sent; negative while that is unknown."""
        self._waits: Final[list[float]] = []
        """What each that was sent in this round waited on the line."""
        self._wait_s = 0.0
        self._late_s = self._jitter_s = 0.0
        """How much later than predicted the last one was acknowledged, and by how much that varies."""
        self._was_held = False
        """Whether anything had to wait for the line in this round."""
        self._is_held = False
        self.bytes_per_s = 0.0
        """What the line delivers; 0 while that is unknown."""
        self.delay_s = 0.0
        """The least round trip lately, without the time that the line takes for the bytes themselves."""

    @property
    def under_way_bytes(self) -> int:
        """Sent and not acknowledged."""
        return sum(each.size for each in self._under_way)

    @property
    def is_full(self) -> bool:
        """Whether so many are on their way that no other can be told from them."""
        return len(self._under_way) >= _MOST_UNDER_WAY

    def wait_s(self, now_s: float) -> float:
        """How long something that waits has to wait; infinite if an acknowledgement has to come first."""
        wait_s = self._wait_for_line_s(now_s)
        if wait_s > 0:
            self.hold()
        return wait_s

    def hold(self) -> None:
        """Note that something has to wait for the line."""
        self._is_held = self._was_held = True

    @property
    def room_bytes(self) -> int:
        """How much may be sent at once, when something may."""
        return int(self.bytes_per_s * _AT_ONCE_S) or CHUNK_BYTES

    def _wait_for_line_s(self, now_s: float) -> float:
        if not self._under_way:
            return 0.0
        if self.is_full or self._least is None or self._is_due(now_s):
            return FOREVER
        oldest_s, last_s = self._predicted(now_s)
        early_s = last_s - now_s - self.delay_s - self._lead_s
        if early_s > 0:
            return FOREVER if oldest_s <= now_s else early_s
        return max(0.0, self._under_way[-1].at_s + _LEAST_PAUSE_S - now_s)

    def _is_due(self, now_s: float) -> bool:
        """Whether the line has to be emptied to see its delay."""
        interval_s = max(_EMPTIED_S, _EMPTIED_TRIPS * self.delay_s)
        return self._empty_at_s is None or now_s - self._empty_at_s > interval_s

    def _predicted(self, now_s: float) -> tuple[float, float]:
        """When the first and the last that are on their way will have been acknowledged."""
        oldest_s, at_s = 0.0, self._delivered_s
        for each in self._under_way:
            at_s = max(at_s, each.at_s + self.delay_s) + each.size / self.bytes_per_s
            if not oldest_s:
                oldest_s = at_s = max(at_s, now_s)
        return oldest_s, at_s

    def overdue_in_s(self, now_s: float) -> float:
        """How long an acknowledgement may still take; infinite when none is to come."""
        if not self._under_way:
            return FOREVER
        trip_s = self.delay_s + self._under_way[0].size / self.bytes_per_s if self.bytes_per_s else 0.0
        return self._under_way[0].at_s + _OVERDUE_S + 4 * trip_s - now_s

    def sent(self, size: int, now_s: float) -> int:
        """Note that so many bytes are sent; the number by which they are acknowledged."""
        if not self._under_way:
            self._delivered_s = now_s
            if self._is_due(now_s):
                self._empty_at_s = now_s
        self._number += 1
        sent = _Sent(self._number, size, now_s, not self._is_held, self._delivered, self._delivered_s)
        self._under_way.append(sent)
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
        if not last.is_free or rate > self.bytes_per_s:
            self._rates.append(rate)
            self.bytes_per_s = sorted(self._rates)[-min(_HIGH, len(self._rates))]
        if self._empty_at_s is None or last.at_s < self._empty_at_s:
            return
        trip_s, is_alone = now_s - last.at_s, last.at_s == self._empty_at_s
        if self._least is None or is_alone or self._without(trip_s, last.size) < self._without(*self._least):
            self._least = trip_s, last.size
        self.delay_s = max(0.0, self._without(*self._least))
        if self._lead_s < 0:
            self._lead_s = trip_s / 2
        late_s = self._without(now_s - max(before_s, last.at_s + self.delay_s), last.size)
        self._jitter_s += (abs(late_s - self._late_s) - self._jitter_s) / 8
        self._late_s = late_s
        self._judge(trip_s, last.size)

    def _without(self, trip_s: float, size: int) -> float:
        return trip_s - size / self.bytes_per_s

    def _judge(self, trip_s: float, size: int) -> None:
        wait_s = self._without(trip_s, size) - self.delay_s
        self._wait_s = wait_s
        self._waits.append(wait_s)
        if len(self._waits) < _ROUND:
            return
        aim_s = max(_STANDING * size / self.bytes_per_s, _LEAST_STANDING_S, _JITTERS * self._jitter_s)
        change_s = _CORRECTION * (aim_s - min(self._waits))
        if change_s < 0:
            self._lead_s = max(0.0, self._lead_s + change_s)
        elif self._was_held:
            grown_s = _GROWTH * self._lead_s + _LEAST_STANDING_S
            self._lead_s = min(_MOST_LEAD_S, self._lead_s + change_s + 0.1 * self._lead_s, grown_s)
        self._waits.clear()
        self._was_held = False
