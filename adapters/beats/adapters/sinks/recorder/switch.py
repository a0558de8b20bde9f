"""Switches recording on and off, from a certain envelope on."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from beats.kernel.envelope import Envelope
from beats.kernel.ports import Clock

MOST_CHANGES: Final = 64
"""The most pending changes; a person makes far fewer."""


class SwitchChange(NamedTuple):
    """A command to the switch, and its time."""

    is_on: bool
    unix_ns: int
    """When the change was made, by the steady clock that dates the envelopes."""
    last_values: Sequence[Envelope] = ()
    """The last values of the bus at that time."""


class Switch:
    """Any thread may give commands; one task carries them out.

    When the disk is slow or full, a change may be carried out late, but applies to envelopes by their time on
    the bus: what was in the queue at the time of the command belongs to the state before.
    """

    def __init__(
        self, clock: Clock, *, is_on: bool, last_values: Callable[[], Sequence[Envelope]] = tuple
    ) -> None:
        """Set the initial state.

        Args:
            clock: the clock that dates the envelopes.
            is_on: whether it is initially on.
            last_values: returns the last values of the bus.
        """
        self.is_on = is_on
        """The current state; only the task that carries out changes sets it."""
        self._clock: Final = clock
        self._last_values: Final = last_values
        self._lock: Final = threading.Lock()
        self._changes: Final[deque[SwitchChange]] = deque()

    @property
    def wanted(self) -> bool:
        """The state after all pending changes; any thread may ask."""
        with self._lock:
            return self._wanted()

    def tell(self, is_on: bool | None) -> bool:
        """Switch on or off, or toggle when None; False if nothing changes."""
        with self._lock:
            wanted = self._wanted()
            if is_on is wanted:
                return False
            if len(self._changes) < MOST_CHANGES:
                values = self._last_values()  # before taking the time: what comes between is recorded anyway
                self._changes.append(SwitchChange(not wanted, self._clock.steady_unix_ns(), values))
            else:
                self._changes.pop()  # cancels out with the last one
            return True

    @property
    def next_change(self) -> SwitchChange | None:
        """The next pending change."""
        return self._changes[0] if self._changes else None

    def before_change(self, envelopes: Sequence[Envelope]) -> int:
        """How many of the given envelopes came onto the bus before the next change."""
        change = self.next_change
        if change is not None:
            for place, envelope in enumerate(envelopes):
                if envelope.published_unix_ns > change.unix_ns:
                    return place
        return len(envelopes)

    def obey(self) -> None:
        """Mark the next change as carried out."""
        with self._lock:
            self.is_on = self._changes.popleft().is_on

    def _wanted(self) -> bool:
        return self._changes[-1].is_on if self._changes else self.is_on
