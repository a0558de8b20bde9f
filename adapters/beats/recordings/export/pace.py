"""How long each picture of an animation is shown, so that it lasts as long as the recording."""

from collections import Counter
from typing import Final, Generic, NamedTuple, TypeVar

PictureT = TypeVar("PictureT")

ALONE_S: Final = 0.1
"""How long the only picture is shown."""
_STEPS_PER_S: Final = 1000
_LONGEST_STEPS: Final = 60 * _STEPS_PER_S
"""Times between pictures are counted in milliseconds up to a minute, which bounds the memory."""


class Shown(NamedTuple, Generic[PictureT]):
    """A picture, and how many ticks it is shown."""

    picture: PictureT
    ticks: int


class Pace(Generic[PictureT]):
    """Holds each picture until the next one determines how long it is shown.

    Moments are rounded to ticks, and durations are their differences, so that rounding errors do not add up.
    A picture that would be shown too briefly is replaced by the next one.
    """

    def __init__(self, ticks_per_s: int, least_ticks: int) -> None:
        """Start.

        Args:
            ticks_per_s: the format's unit of time.
            least_ticks: the shortest duration that viewers respect.
        """
        self.passed_over = 0
        """How many pictures were left out because they would have been shown too briefly."""
        self.total_ticks = 0
        """The total duration of the pictures returned so far."""
        self._ticks_per_s: Final = ticks_per_s
        self.least_ticks: Final = least_ticks
        self._held: PictureT | None = None
        self._position_s = 0.0
        self._clock_s = 0.0
        self._steps: Final[Counter[int]] = Counter()

    @property
    def is_begun(self) -> bool:
        """Whether there is a picture."""
        return self._held is not None

    def add(self, position_s: float, picture: PictureT) -> Shown[PictureT] | None:
        """Hold a picture, and return the one before it if it is shown at all.

        A position before the last one, as of a clock that was set back, counts as the last one.
        """
        held, self._held = self._held, picture
        if held is None:
            self._position_s = position_s
            return None
        step_s = max(0.0, position_s - self._position_s)
        self._position_s = position_s
        self._clock_s += step_s
        self._steps[min(round(step_s * _STEPS_PER_S), _LONGEST_STEPS)] += 1
        ticks = round(self._clock_s * self._ticks_per_s) - self.total_ticks
        if ticks < self.least_ticks:
            self.passed_over += 1
            return None
        return self._shown(held, ticks)

    def finish(self) -> Shown[PictureT] | None:
        """The last picture, shown for the median duration."""
        if self._held is None:
            return None
        end_s = self._clock_s + self._usual_s()
        ticks = round(end_s * self._ticks_per_s) - self.total_ticks
        return self._shown(self._held, max(ticks, self.least_ticks))

    def _shown(self, picture: PictureT, ticks: int) -> Shown[PictureT]:
        self.total_ticks += ticks
        return Shown(picture, ticks)

    def _usual_s(self) -> float:
        if not self._steps:
            return ALONE_S
        middle = (self._steps.total() + 1) // 2
        seen = 0
        for step in sorted(self._steps):
            seen += self._steps[step]
            if seen >= middle:
                return step / _STEPS_PER_S
        raise AssertionError("unreachable")
