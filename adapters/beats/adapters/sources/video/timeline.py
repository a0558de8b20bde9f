"""When each picture is shown, and which ones are left out; in whole nanoseconds, without a clock."""

from typing import Final

_LONGEST_NS: Final = 60 * 10**9
"""A longer step, or one backwards, is a new round, or a break in the file's times, such as a cut leaves."""


class Timeline:
    """Puts the pictures of all rounds of a loop one behind the other."""

    def __init__(self, usual_ns: int) -> None:
        """Start at 0; `usual_ns` is how long a picture is shown whose time the file does not tell."""
        self._usual_ns: Final = usual_ns
        self._position_ns = 0
        self._last_ns: int | None = None
        """The file's own time of the last picture."""
        self._step_ns = 0
        """How long the last picture is shown if the times do not tell."""

    def place(self, time_ns: int | None, duration_ns: int) -> int:
        """The position of the next picture: 0 for the first.

        Args:
            time_ns: by the file; None if it does not tell.
            duration_ns: by the file; 0 if it does not tell.
        """
        step_ns = self._step_ns
        if self._last_ns is not None and time_ns is not None:
            step_ns = time_ns - self._last_ns
            if not 0 < step_ns <= _LONGEST_NS:
                step_ns = self._step_ns
        self._position_ns += step_ns
        self._last_ns = time_ns
        self._step_ns = duration_ns or self._usual_ns
        return self._position_ns

    @property
    def end_ns(self) -> int:
        """When the last picture has had its time."""
        return self._position_ns + self._step_ns


class Thinning:
    """Leaves pictures out so that there are not more than so many a second, as evenly as can be."""

    def __init__(self, fps: float | None) -> None:
        """`fps` are the most pictures per second; None leaves none out."""
        self._interval_ns: Final = 0 if fps is None else round(1e9 / fps)
        self._due_ns: int | None = None
        self._last_ns = 0

    def takes(self, position_ns: int) -> bool:
        """Whether a picture is shown: the nearest to each due time, since a camera's come early or late."""
        due_ns, interval_ns = self._due_ns, self._interval_ns
        step_ns, self._last_ns = position_ns - self._last_ns, position_ns
        if due_ns is not None and position_ns < due_ns - min(step_ns, interval_ns) // 2:
            return False
        is_on_time = due_ns is not None and position_ns < due_ns + interval_ns
        self._due_ns = (due_ns if is_on_time and due_ns is not None else position_ns) + interval_ns
        return True
