"""The envelopes of the last seconds, in memory, for snapshots."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from beats.kernel.envelope import Envelope
from beats.kernel.last_values import LastValues
from beats.kernel.stats import Loss


class RingBuffer:
    """Holds the envelopes of the last seconds, bounded in bytes, and the state before them."""

    def __init__(self, seconds: float, max_bytes: int) -> None:
        """Start empty.

        Args:
            seconds: how far back to reach, by the time on the bus.
            max_bytes: most encoded bytes of envelopes to hold; the oldest are dropped first.
        """
        self._window_ns: Final = round(seconds * 1e9)
        self._max_bytes: Final = max_bytes
        self._envelopes: Final[deque[Envelope]] = deque()
        self._losses: Final[deque[Loss]] = deque(maxlen=10_000)
        self._before: Final = LastValues()
        self._lost: Final = LastValues()
        """Last values within the held time that the queue dropped."""
        self.size_bytes = 0
        """The encoded bytes held, without the state; any thread may read it."""
        self.seconds = 0.0
        """The time on the bus from the first held envelope to the last; any thread may read it."""

    def __len__(self) -> int:
        return len(self._envelopes)

    def begin_with(self, values: Iterable[Envelope]) -> None:
        """Set the last values before the first batch."""
        self._before.note(values)

    def add(
        self, batch: Sequence[Envelope], losses: Iterable[Loss] = (), values: Iterable[Envelope] = ()
    ) -> None:
        """Hold a batch, and drop what is too old or too much.

        Args:
            batch: the new envelopes.
            losses: what the queue dropped.
            values: the last values among what it dropped.
        """
        self._losses.extend(losses)
        self._lost.note(values)
        for envelope in batch:
            self._envelopes.append(envelope)
            self.size_bytes += len(envelope.encoded)
        if not self._envelopes:
            return
        oldest_ns = self._envelopes[-1].published_unix_ns - self._window_ns
        while self.size_bytes > self._max_bytes or self._envelopes[0].published_unix_ns < oldest_ns:
            gone = self._envelopes.popleft()
            self.size_bytes -= len(gone.encoded)
            self._before.note([gone])
            if not self._envelopes:
                break
        self._age_lost(oldest_ns)
        self.seconds = self._span_s()
        while self._losses and self._losses[0].last_unix_ns < oldest_ns:
            self._losses.popleft()

    def state(self) -> list[Envelope]:
        """The latest envelope of each topic before those held."""
        return self._before.in_order()

    def envelopes(self) -> list[Envelope]:
        """The held envelopes in order."""
        return list(self._envelopes)

    def losses(self) -> list[Loss]:
        """What the queue dropped within the time that is held."""
        return list(self._losses)

    def _age_lost(self, oldest_ns: int) -> None:
        """Move lost values that are older than the held time into the state before it."""
        for value in [each for each in self._lost.values() if each.published_unix_ns < oldest_ns]:
            del self._lost[value.topic]
            self._before.note([value])

    def _span_s(self) -> float:
        if not self._envelopes:
            return 0.0
        # At least 0: the clock may have been set back.
        return max(0, self._envelopes[-1].published_unix_ns - self._envelopes[0].published_unix_ns) / 1e9
