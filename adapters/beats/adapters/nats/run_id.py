"""Run ids: they tell one run of a kernel from the next, since sequence numbers begin again with each."""

from collections import deque
from secrets import token_hex
from typing import Final, Literal
from weakref import WeakKeyDictionary

from beats.kernel.ports import Context

SILENCE_S: Final = 2.0
"""After this silence, the run that is followed is replaced by an earlier one that still sends."""

_REMEMBERED: Final = 16
_RUNS: Final[WeakKeyDictionary[object, str]] = WeakKeyDictionary()

Answer = Literal["followed", "new", "resumed", "other"]
"""The run of a message: the one that is followed; a new one, or an earlier one, that is followed from now on;
or another one, whose messages are ignored."""


def run_id(context: Context) -> str:
    """The id of the run that an adapter belongs to; the same for all adapters of one kernel.

    A program may have several kernels, at once or one after the other. A kernel may have several adapters one
    after the other, which continue its numbers.
    """
    owner: object = getattr(context.stats, "__self__", None)  # the kernel, or its host
    if owner is None:  # as in a test of an adapter alone
        return token_hex(8)
    return _RUNS.setdefault(owner, token_hex(8))


class RunFilter:
    """Follows the newest run, so that two origins that send to one stream by mistake do not alternate."""

    def __init__(self) -> None:
        self.current: str | None = None
        """The run that is followed."""
        self._heard_s = 0.0
        self._past: Final[deque[str]] = deque(maxlen=_REMEMBERED)

    def hear(self, run: str, now_s: float) -> Answer:
        """A message of a run has come."""
        if run == self.current:
            self._heard_s = now_s
            return "followed"
        if run in self._past and now_s - self._heard_s < SILENCE_S:
            return "other"
        answer: Answer = "followed" if self.current is None else "resumed" if run in self._past else "new"
        if run in self._past:
            self._past.remove(run)
        if self.current is not None:
            self._past.append(self.current)
        self.current, self._heard_s = run, now_s
        return answer
