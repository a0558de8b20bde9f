"""Being told to record or not, and from which envelope on that holds."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from beats.kernel.envelope import Envelope
from beats.kernel.ports import Clock

MOST_CHANGES: Final = 64
"""Changes that may wait to be obeyed; a person's come far more slowly."""


class Change(NamedTuple):
    """What it was told, and when."""

    is_on: bool
    unix_ns: int
    """By the clock's steady time, which dates the envelopes."""
    last_values: Sequence[Envelope] = ()
    """What was published last of each topic until then."""


class Switch:
    """Any thread tells it, one task obeys.

    It may be a while until a change is obeyed, when the disk is slow or full: what the queue held when it was
    told still belongs to what was before. So the task asks how many envelopes do, by their time on the bus.
    """

    def __init__(
        self, clock: Clock, *, is_on: bool, last_values: Callable[[], Sequence[Envelope]] = tuple
    ) -> None:
        """Begin switched on or off.

        Args:
            clock: the one that dates the envelopes.
            is_on: whether it begins switched on.
            last_values: tells what was published last of each topic.
        """
        self.is_on = is_on
        """What is done now; only the task that obeys changes it."""
        self._clock: Final = clock
        self._last_values: Final = last_values
        self._lock: Final = threading.Lock()
        self._changes: Final[deque[Change]] = deque()

    @property
    def wanted(self) -> bool:
        """What it was told last; any thread may ask."""
        with self._lock:
            return self._wanted()

    def tell(self, is_on: bool | None) -> bool:
        """Switch on or off, or to the other when None; False if it was told the same before."""
        with self._lock:
            wanted = self._wanted()
            if is_on is wanted:
                return False
            if len(self._changes) < MOST_CHANGES:
                values = self._last_values()  # first: what comes before the time is taken note of anyway
                self._changes.append(Change(not wanted, self._clock.steady_unix_ns(), values))
            else:
                self._changes.pop()  # there and back
            return True

    @property
    def next_change(self) -> Change | None:
        """What is to be obeyed next."""
        return self._changes[0] if self._changes else None

    def before_change(self, envelopes: Sequence[Envelope]) -> int:
        """How many of the envelopes that come next came onto the bus before the next change."""
        change = self.next_change
        if change is not None:
            for place, envelope in enumerate(envelopes):
                if envelope.published_unix_ns > change.unix_ns:
                    return place
        return len(envelopes)

    def obey(self) -> None:
        """Take the next change as made."""
        with self._lock:
            self.is_on = self._changes.popleft().is_on

    def _wanted(self) -> bool:
        return self._changes[-1].is_on if self._changes else self.is_on
