"""The system's clocks: the wall clock, and a steady one that is never set. Finds times in wrong units."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from beats.kernel.ports import ClockStep

_TOLERANCE_NS: Final = 100_000_000
"""The two clocks may drift apart by this much before it counts as a step. Time services correct smaller
errors gradually (systemd-timesyncd up to 400 ms, ntpd up to 128 ms), and no reading of both takes as long."""
_MOST_STEPS: Final = 256
"""Number of steps that are remembered."""
_ATTEMPTS: Final = 5
_ORIGIN_NS: Final = time.time_ns() - time.monotonic_ns()
"""The same for the whole process, so that the steady times of all its clocks can be compared."""
_UNITS: Final = (("seconds", 10**9), ("milliseconds", 10**6), ("microseconds", 10**3))
_NEAR_NS: Final = 20 * 365 * 86_400 * 10**9
"""A time in another unit is recognised within 20 years of now. Other small numbers may be right: a clock may
count from when a machine was switched on, or may never have been set."""


class SystemClock:
    """Times from the operating system. Any thread may ask."""

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        """Read two clocks.

        Args:
            wall_ns: Unix nanoseconds; may be set at any time.
            monotonic_ns: nanoseconds since any moment; never set.
        """
        self._wall_ns: Final = wall_ns
        self._monotonic_ns: Final = monotonic_ns
        self._lock: Final = threading.Lock()
        self._steps: Final[deque[ClockStep]] = deque(maxlen=_MOST_STEPS)
        self._ahead_ns, _ = self._compare()

    def unix_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC by the wall clock."""
        return self._wall_ns()

    def steady_unix_ns(self) -> int:
        """The wall clock's time at the start of the process plus the time since then: never steps."""
        return self._monotonic_ns() + _ORIGIN_NS

    def read(self) -> tuple[int, int]:
        """Both times, the wall clock's first. A step of the wall clock is noticed here."""
        unix_ns, steady_ns = self._wall_ns(), self._monotonic_ns() + _ORIGIN_NS
        if -_TOLERANCE_NS <= unix_ns - steady_ns - self._ahead_ns <= _TOLERANCE_NS:
            return unix_ns, steady_ns
        return self._look_again()

    def steps(self) -> Sequence[ClockStep]:
        """The last steps of the wall clock that were noticed, oldest first."""
        with self._lock:
            return tuple(self._steps)

    def _look_again(self) -> tuple[int, int]:
        """Decide whether the clock was set or the thread was interrupted between two readings."""
        with self._lock:
            ahead_ns, doubt_ns = self._compare()
            steady_ns = self.steady_unix_ns()
            before_ns = self._ahead_ns
            if doubt_ns < _TOLERANCE_NS / 2 and abs(ahead_ns - before_ns) > _TOLERANCE_NS:
                self._steps.append(ClockStep(steady_ns, steady_ns + before_ns, steady_ns + ahead_ns))
                self._ahead_ns = ahead_ns
            return steady_ns + ahead_ns, steady_ns

    def _compare(self) -> tuple[int, int]:
        """How far the wall clock is ahead of steady time, and by how much that may be wrong."""
        best: tuple[int, int] | None = None
        for _ in range(_ATTEMPTS):
            before_ns, unix_ns, after_ns = self.steady_unix_ns(), self._wall_ns(), self.steady_unix_ns()
            doubt_ns = after_ns - before_ns
            if best is None or doubt_ns < best[1]:
                best = unix_ns - (before_ns + after_ns) // 2, doubt_ns
        assert best is not None
        return best


def wrong_unit(captured_unix_ns: int, now_ns: int) -> str | None:
    """Say which unit a capture time seems to be in instead of nanoseconds; None when it may be right."""
    if captured_unix_ns * 100 > now_ns:  # the usual case: a time in any other unit is smaller
        return None
    for unit, factor in _UNITS:
        if abs(captured_unix_ns * factor - now_ns) < _NEAR_NS:
            return (
                f"captured_unix_ns = {captured_unix_ns} looks like {unit} and is read as nanoseconds since "
                f"1970: multiply it by {factor:,}"
            )
    return None
