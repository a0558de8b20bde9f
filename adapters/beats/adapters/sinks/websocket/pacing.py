"""How much may be on its way to a viewer that is behind: as much as its line carries, the rest waits. No I/O.

A line is described as by BBR (https://datatracker.ietf.org/doc/draft-ietf-ccwg-bbr/): by the rate at which it
delivers, and its least delay. They predict when what is on its way will have been acknowledged, and the next
is sent just so early that it reaches the narrowest place of the line as the last one leaves it. How much
earlier than the delay says that has to be is learnt from what really waits there, in the manner of CoDel
(RFC 8289): by the least wait of a few in a row, which jitter and losses do not touch.

Acknowledgements tell what the line has delivered, not when the next may be sent: one that comes no later than
they have come lately, because a viewer answers late or not every ping, holds nothing back.
"""

import heapq
from collections import deque
from collections.abc import Collection
from typing import Final, NamedTuple

from beats.adapters.sinks.websocket.framing import CHUNK_BYTES

_RATES: Final = 10
_MOST_RATES: Final = 128
_RATE_TRIPS: Final = 8
"""For how many round trips a measured rate counts, but the last few count in any case."""
_HIGH: Final = 3
"""Of the last rates measured, the third highest counts: one that was limited by other things is too low, and
a late answer makes the next one too high."""
_START_GAIN: Final = 1.5
"""How much faster than was measured a line is taken to be at first, until that shows nothing new."""
_START_GROWTH: Final = 1.1
_START_ROUNDS: Final = 3
"""So many round trips in which the rate did not grow by that end the start."""
_PROBE_GAIN: Final = 1.25
"""The same later on, while next to nothing waits on the line although something waits for it."""
_PROBE_RESTS: Final = 8
"""For so many rounds that is not tried again when it made more wait than should."""
_EMPTIED_S: Final = 10.0
_EMPTIED_DELAYS: Final = 100
"""How long the least delay counts, in seconds and in delays; then the line is emptied to see it again."""
_ROUND: Final = 6
"""Acknowledgements by which what waits on the line is judged, of what was sent since the last judgement."""
_AIM: Final = 0.1
"""What should wait there, in parts of the time that the line takes for what was sent last."""
_LEAST_AIM_S: Final = 0.002
_CORRECTION: Final = 0.5
"""The part of the difference from that by which the lead changes in a round."""
_GROWTH: Final = 0.1
_MOST_GROWTH: Final = 0.5
"""By what part of itself the lead grows in addition while too little waits, and the most that it may grow."""
_MOST_LEAD_S: Final = 2.0
_LATE: Final = 16
"""Acknowledgements by which it is judged how much later than predicted they come."""
_MOST_SLACK_S: Final = 0.5
_LATE_SPEED: Final = 0.25
"""The part of its rate that a line is trusted with while an acknowledgement is later than usual."""
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
    is_mark: bool
    was_held: bool
    """Whether it had to wait for the line."""
    delivered: int
    """Bytes that had been delivered by then."""
    delivered_s: float
    """When the last of those had been."""
    delivered_at_s: float
    """When the last of those had been sent."""


class _Start(NamedTuple):
    """How fast the line was when its rate last grew."""

    bytes_per_s: float
    rounds: int
    """Since then."""
    until: int
    """The number with whose acknowledgement the next round begins."""


class Pacer:
    """Decides when a viewer may be sent more. Times are those of one clock, in seconds."""

    def __init__(self) -> None:
        self.bytes_per_s = 0.0
        """What the line delivers; 0 while that is unknown."""
        self.delay_s = 0.0
        """The least round trip lately, without the time that the line takes for the bytes themselves."""
        self._under_way: Final[deque[_Sent]] = deque()
        self._number = self._delivered = 0
        self._delivered_s = self._delivered_at_s = self._finished_s = 0.0
        """When the last was acknowledged, when that was sent, and when the line was done with it."""
        self._is_held = self._was_held = False
        """Whether what is sent next had to wait for the line, and whether anything had to in this round."""
        self._rates: Final[deque[tuple[float, float]]] = deque(maxlen=_MOST_RATES)
        """When each was measured, and the rate."""
        self._gain = _START_GAIN
        self._start: _Start | None = _Start(0.0, 0, 0)
        """None when the start is over."""
        self._is_started = False
        """Whether lead and gain are those after the start."""
        self._rests = 0
        self._empty_at_s: float | None = None
        """When something was last sent over the empty line, to see its delay."""
        self._is_seen = False
        """Whether that has been acknowledged."""
        self._least: tuple[float, int] | None = None
        """Of what was sent since then, the round trip and size with the least delay."""
        self._peak_bytes_per_s = 0.0
        """The highest rate since then: a lower one does not make the delay smaller."""
        self._lead_s: float | None = None
        """How much earlier than the delay says it is sent."""
        self._led_at_s = 0.0
        """When that was last changed."""
        self._waits: Final[list[float]] = []
        """How long each of this round waited on the line."""
        self._late: Final[deque[float]] = deque(maxlen=_LATE)
        """How much later than predicted the last were acknowledged, by an answer of their own or not."""
        self._answers_late: Final[deque[float]] = deque(maxlen=_LATE)
        """The same of those that had an answer of their own."""
        self._slack_s = 0.0
        """How much later than predicted an acknowledgement may be."""

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

    def mark(self, size: int, now_s: float) -> int:
        """Note the place behind what was sent before, of which at least so many bytes are on their way.

        Returns:
            The number by which they are acknowledged.
        """
        return self._send(size, now_s, is_mark=True)

    def sent(self, size: int, now_s: float) -> int:
        """Note that so many bytes are sent; the number by which they are acknowledged."""
        if self._is_due(now_s) and self._is_empty(now_s):
            self._empty_at_s, self._is_seen = now_s, False
        number = self._send(size, now_s, is_mark=False)
        self._is_held = False
        return number

    def acknowledged(self, number: int, now_s: float) -> None:
        """Note that the viewer has read what was sent under a number, and all before."""
        last: _Sent | None = None
        while self._under_way and self._under_way[0].number <= number:
            last = self._under_way.popleft()
            self._delivered += last.size
            if self.bytes_per_s:
                self._finished_s = self._done_s(last, self._finished_s, self.bytes_per_s)
                if not last.is_mark:
                    self._late.append(now_s - self._finished_s)
        if last is None:
            return
        if self._late and not last.is_mark:
            self._answers_late.append(self._late[-1])
            self._slack_s = min(_MOST_SLACK_S, _spread(self._late))
        self._finished_s = min(now_s, max(self._finished_s, now_s - self._slack_s))
        self._delivered_s, self._delivered_at_s = now_s, last.at_s
        if last.size:
            self._measure(last, now_s)
        if self._start and last.number >= self._start.until:
            self._start = self._started(self._start)
        if not last.is_mark and self._empty_at_s is not None and last.at_s >= self._empty_at_s:
            self._judge(last, now_s)

    def _send(self, size: int, now_s: float, *, is_mark: bool) -> int:
        if not self._under_way:
            self._delivered_s = self._delivered_at_s = now_s
        self._number += 1
        before = self._delivered, self._delivered_s, self._delivered_at_s
        was_held = self._is_held and not is_mark
        self._under_way.append(_Sent(self._number, size, now_s, is_mark, was_held, *before))
        return self._number

    def _measure(self, last: _Sent, now_s: float) -> None:
        """Learn the rate from what was delivered since something was sent."""
        # Answers that come all at once do not say that the line delivered so fast: it was sent more slowly.
        took_s = max(now_s - last.delivered_s, last.at_s - last.delivered_at_s, 1e-6)
        rate = (self._delivered - last.delivered) / took_s
        if last.was_held or rate > self.bytes_per_s:
            self._rates.append((now_s, rate))
            old_s = now_s - _RATE_TRIPS * (self.delay_s + self._slack_s)
            while len(self._rates) > _RATES and self._rates[0][0] < old_s:
                self._rates.popleft()
            self.bytes_per_s = heapq.nlargest(_HIGH, (rate for _, rate in self._rates))[-1]

    def _started(self, start: _Start) -> _Start | None:
        """What is known when a round of the start is over."""
        if self.bytes_per_s > _START_GROWTH * start.bytes_per_s:
            return _Start(self.bytes_per_s, 0, self._number + 1)
        if start.rounds + 1 < _START_ROUNDS:
            return _Start(start.bytes_per_s, start.rounds + 1, self._number + 1)
        return None

    def _wait_s(self, now_s: float) -> float:
        if not self._under_way:
            return 0.0
        if self.is_full or not self.bytes_per_s:
            return _FOREVER
        done_s, late_s = self._predicted(now_s)
        if self._is_due(now_s):
            wait_s = done_s + self._slack_s - now_s
        else:
            wait_s = done_s - self.delay_s - (self._lead_s or 0.0) - now_s
        if wait_s <= 0:
            return max(0.0, self._under_way[-1].at_s + _LEAST_PAUSE_S - now_s)
        in_time_s = min(wait_s, max(0.0, late_s - now_s))
        return in_time_s + (wait_s - in_time_s) / _LATE_SPEED

    def _is_due(self, now_s: float) -> bool:
        """Whether the line has to be emptied to see its delay."""
        interval_s = max(_EMPTIED_S, _EMPTIED_DELAYS * self.delay_s)
        return self._empty_at_s is None or now_s - self._empty_at_s > interval_s

    def _is_empty(self, now_s: float) -> bool:
        """Whether nothing is on its way, as far as is known: a viewer need not answer every ping."""
        if not self._under_way or not self.bytes_per_s:
            return not self._under_way
        return now_s >= self._predicted(now_s)[0] + self._slack_s

    def _done_s(self, each: _Sent, before_s: float, bytes_per_s: float) -> float:
        """When one will have been acknowledged, if the line was done with the one before by then."""
        return max(before_s, each.at_s + self.delay_s) + each.size / bytes_per_s

    def _predicted(self, now_s: float) -> tuple[float, float]:
        """When the last that is on its way will have been acknowledged, and from when on the first is late.

        While it is late, the last one is put off too, but by less, so that nothing waits for ever.
        """
        rate = self._gain * self.bytes_per_s
        first, *others = self._under_way
        at_s = self._done_s(first, self._finished_s, rate)
        late_s = at_s + self._slack_s
        for each in others:
            at_s = self._done_s(each, at_s, rate)
        if self._least is None:  # how long it takes is not known yet
            return at_s, _FOREVER
        return at_s + (1 - _LATE_SPEED) * max(0.0, now_s - late_s), late_s

    def _judge(self, last: _Sent, now_s: float) -> None:
        """Learn from what was acknowledged."""
        trip_s, takes_s = now_s - last.at_s, last.size / self.bytes_per_s
        if not self._is_seen:
            self._is_seen, self._least, self._peak_bytes_per_s = True, None, 0.0
        self._peak_bytes_per_s = max(self._peak_bytes_per_s, self.bytes_per_s)
        if self._least is None or self._delay_of(trip_s, last.size) < self._delay_of(*self._least):
            self._least = trip_s, last.size
        self.delay_s = max(0.0, self._delay_of(*self._least))
        if self._lead_s is None:
            self._lead_s = trip_s / 2
        if last.at_s < self._led_at_s:
            return
        self._waits.append(trip_s - takes_s - self.delay_s)
        if len(self._waits) == _ROUND:
            aim_s = max(_AIM * takes_s, _LEAST_AIM_S, _spread(self._answers_late))
            self._lead(min(self._waits), aim_s)
            self._waits.clear()
            self._led_at_s = now_s
            self._was_held = False

    def _delay_of(self, trip_s: float, size: int) -> float:
        return trip_s - size / self._peak_bytes_per_s

    def _lead(self, least_s: float, aim_s: float) -> None:
        """Change lead and gain by what waits on the line. Neither grows while nothing waits for the line."""
        if least_s > aim_s:
            self._start = None
        if self._start is None:
            if not self._is_started:  # rate and delay are known now: what made up for that is not needed
                self._is_started, self._gain = True, 1.0
                self._lead_s = min(self._lead_s or 0.0, aim_s)
                return
            if self._gain > 1.0 and least_s > aim_s:  # what waits is what was sent too fast, on trial
                self._gain, self._rests = 1.0, _PROBE_RESTS
                return
            self._rests = max(0, self._rests - 1)
            is_idle = self._was_held and least_s < aim_s / 2 and not self._rests
            self._gain = _PROBE_GAIN if is_idle else 1.0
        lead_s, change_s = self._lead_s or 0.0, _CORRECTION * (aim_s - least_s)
        if change_s < 0:
            self._lead_s = max(0.0, lead_s + change_s)
        elif self._was_held:
            growth_s = min(change_s + _GROWTH * lead_s, _MOST_GROWTH * lead_s + _LEAST_AIM_S)
            self._lead_s = min(_MOST_LEAD_S, lead_s + growth_s)


def _spread(late_s: Collection[float]) -> float:
    """By how much they vary, without the latest, which may have waited for a lost packet."""
    if not late_s:
        return 0.0
    return heapq.nlargest(2, late_s)[-1] - min(late_s)
