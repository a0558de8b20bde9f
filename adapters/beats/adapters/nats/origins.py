"""Which run of which origin is followed, when several send. Decides without I/O."""

from collections import deque
from typing import Final, Literal

SILENCE_S: Final = 2.0
"""An origin that has been silent for so long gives way to one that it had taken the place of."""

_REMEMBERED: Final = 16

Answer = Literal["followed", "new", "resumed", "other"]
"""What a message is: of the run that is followed; of one that begins, or goes on, to be; or of another run,
of which there is no use."""


class Origins:
    """Follows the newest run. Two origins that send to one stream by mistake do not take turns so."""

    def __init__(self) -> None:
        self._current: str | None = None
        self._heard_s = 0.0
        self._past: Final[deque[str]] = deque(maxlen=_REMEMBERED)

    @property
    def current(self) -> str | None:
        """The run that is followed."""
        return self._current

    def hear(self, run: str, now_s: float) -> Answer:
        """A message of a run has come."""
        if run == self._current:
            self._heard_s = now_s
            return "followed"
        if run in self._past and now_s - self._heard_s < SILENCE_S:
            return "other"
        answer: Answer = "followed" if self._current is None else "resumed" if run in self._past else "new"
        if run in self._past:
            self._past.remove(run)
        if self._current is not None:
            self._past.append(self._current)
        self._current, self._heard_s = run, now_s
        return answer
