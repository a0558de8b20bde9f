"""What the wall clock showed at each log time of a file.

Log times never step: their differences are the time that passed. Where the wall clock was set, the file
records what it showed before and after, so that log times can be converted to the time of day.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from beats.recordings.format import MAX_UINT64
from beats.recordings.scan import Times

_JOINT: Final = "joint"
_STEP: Final = "step"


class ClockJump(NamedTuple):
    """A log time at which wall time jumped."""

    log_ns: int
    before_unix_ns: int
    """What the wall clock would have shown without the jump."""
    after_unix_ns: int
    """What the wall clock showed."""
    is_joint: bool = False
    """Whether another recording begins here, as in a cut of several; otherwise the clock was set."""

    @property
    def by_ns(self) -> int:
        """How far wall time jumped."""
        return self.after_unix_ns - self.before_unix_ns

    def moved(self, by_ns: int) -> "ClockJump":
        """The same jump at another log time."""
        return self._replace(log_ns=self.log_ns + by_ns)

    def record(self) -> dict[str, str]:
        """The metadata of the jump."""
        return {
            "kind": _JOINT if self.is_joint else _STEP,
            "log_unix_ns": str(self.log_ns),
            "before_unix_ns": str(self.before_unix_ns),
            "after_unix_ns": str(self.after_unix_ns),
            "by_s": f"{self.by_ns / 1e9:.9f}",
        }


def read_jump(metadata: Mapping[str, str]) -> ClockJump | None:
    """A jump from its metadata; None when it cannot be read."""
    try:
        log_ns, before_ns, after_ns = (
            int(metadata[name]) for name in ("log_unix_ns", "before_unix_ns", "after_unix_ns")
        )
    except (LookupError, ValueError):
        return None
    if not all(0 <= each <= MAX_UINT64 for each in (log_ns, before_ns, after_ns)):
        return None
    return ClockJump(log_ns, before_ns, after_ns, metadata.get("kind") == _JOINT)


class WallTime:
    """Converts the log times of one file to those of the wall clock."""

    def __init__(self, jumps: Iterable[ClockJump] = ()) -> None:
        """Without a jump, log times are wall times."""
        self.jumps: Final = tuple(sorted(jumps))
        self._places: Final = [jump.log_ns for jump in self.jumps]

    def unix_ns(self, log_ns: int) -> int:
        """What the wall clock showed at a log time."""
        return log_ns + self._ahead_ns(bisect_right(self._places, log_ns))

    @property
    def last_ahead_ns(self) -> int:
        """How far the wall clock is ahead of log times at the end, where it is most likely right."""
        return self._ahead_ns(len(self.jumps))

    def within(self, times: Times) -> tuple[ClockJump, ...]:
        """The jumps after the first log time, up to the last."""
        return self.jumps[
            bisect_right(self._places, times.first_ns) : bisect_right(self._places, times.last_ns)
        ]

    def stretches(self, times: Times) -> Iterator[Times]:
        """The given log times, split where the wall clock jumps."""
        first_ns = times.first_ns
        for jump in self.within(times):
            yield Times(first_ns, jump.log_ns - 1)
            first_ns = jump.log_ns
        yield Times(first_ns, times.last_ns)

    def _ahead_ns(self, passed: int) -> int:
        """How far the wall clock is ahead after a number of jumps."""
        if passed:
            jump = self.jumps[passed - 1]
            return jump.after_unix_ns - jump.log_ns
        return self.jumps[0].before_unix_ns - self.jumps[0].log_ns if self.jumps else 0
