"""A playback clock that can be paused, sped up and moved: when each place of a recording is due. No I/O."""

from math import inf
from typing import Final

EARLY_S: Final = 0.0005
"""A message may be this early: event loops wake up to a millisecond late, so this halves the error."""


class Timeline:
    """Maps places of a recording to times of a clock, without drift.

    Every due time is computed from one anchor, which moves only on a pause, a seek or a change of speed.
    """

    def __init__(self, position_s: float, speed: float, now_s: float) -> None:
        """Start playing.

        Args:
            position_s: where.
            speed: times as fast as recorded; infinite to never wait.
            now_s: the time on the clock.
        """
        self.speed = speed
        self.paused = False
        """Whether the clock stands still."""
        self._position_s = position_s
        self._anchor_s = now_s

    def position_s(self, now_s: float) -> float:
        """The place at a time. At infinite speed, the place it was last moved to."""
        if self.paused or self.speed == inf:
            return self._position_s
        return self._position_s + (now_s - self._anchor_s) * self.speed

    def due_s(self, position_s: float) -> float:
        """The time at which a place is due; infinite while paused."""
        if self.paused:
            return inf
        if self.speed == inf:
            return -inf
        return self._anchor_s + (position_s - self._position_s) / self.speed

    def move_to(self, position_s: float, now_s: float) -> None:
        """Continue from another place."""
        self._position_s, self._anchor_s = position_s, now_s

    def set_speed(self, speed: float, now_s: float) -> None:
        """Continue from here at another speed."""
        self.move_to(self.position_s(now_s), now_s)
        self.speed = speed

    def set_paused(self, paused: bool, now_s: float) -> None:
        """Pause or continue."""
        self.move_to(self.position_s(now_s), now_s)
        self.paused = paused
