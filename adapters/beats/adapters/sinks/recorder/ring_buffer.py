"""What came last, held in memory in case somebody asks what has just happened."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from beats.kernel.envelope import Envelope
from beats.kernel.last_values import LastValues
from beats.kernel.stats import Loss


class RingBuffer:
    """The envelopes of the last seconds, bounded in bytes, and the state from before them."""

    def __init__(self, seconds: float, max_bytes: int) -> None:
        """Begin with nothing.

        Args:
            seconds: how far back to reach, by the time on the bus.
            max_bytes: most encoded bytes of envelopes to hold; the oldest give way.
        """
        self._window_ns: Final = round(seconds * 1e9)
        self._max_bytes: Final = max_bytes
        self._envelopes: Final[deque[Envelope]] = deque()
        self._losses: Final[deque[Loss]] = deque(maxlen=10_000)
        self._before: Final = LastValues()
        self._lost: Final = LastValues()
        """Last values of the time that is held which the queue gave up."""
        self._size_bytes = 0
        self._seconds = 0.0

    def __len__(self) -> int:
        return len(self._envelopes)

    @property
    def size_bytes(self) -> int:
        """The encoded bytes that are held, the state left out; any thread may ask."""
        return self._size_bytes

    @property
    def seconds(self) -> float:
        """The time on the bus from the first envelope that is held to the last; any thread may ask."""
        return self._seconds

    def begin_with(self, values: Iterable[Envelope]) -> None:
        """Take note of the last values from before the first batch."""
        self._before.note(values)

    def add(
        self, batch: Sequence[Envelope], losses: Iterable[Loss] = (), values: Iterable[Envelope] = ()
    ) -> None:
        """Hold a batch, and let go of what is too old or too much.

        Args:
            batch: what came.
            losses: what the queue gave up.
            values: the last values that are among what it gave up.
        """
        self._losses.extend(losses)
        self._lost.note(values)
        for envelope in batch:
            self._envelopes.append(envelope)
            self._size_bytes += len(envelope.encoded)
        if not self._envelopes:
            return
        oldest_ns = self._envelopes[-1].published_unix_ns - self._window_ns
        while self._size_bytes > self._max_bytes or self._envelopes[0].published_unix_ns < oldest_ns:
            gone = self._envelopes.popleft()
            self._size_bytes -= len(gone.encoded)
            self._before.note([gone])
            if not self._envelopes:
                break
        self._let_go_of_lost(oldest_ns)
        self._seconds = self._span_s()
        while self._losses and self._losses[0].last_unix_ns < oldest_ns:
            self._losses.popleft()

    def state(self) -> list[Envelope]:
        """The latest of each topic from before what is held."""
        return self._before.in_order()

    def envelopes(self) -> list[Envelope]:
        """What is held, in order."""
        return list(self._envelopes)

    def losses(self) -> list[Loss]:
        """What the queue gave up meanwhile."""
        return list(self._losses)

    def _let_go_of_lost(self, oldest_ns: int) -> None:
        """What was lost before the time that is held was a last value then, like what was taken."""
        for value in [each for each in self._lost.values() if each.published_unix_ns < oldest_ns]:
            del self._lost[value.topic]
            self._before.note([value])

    def _span_s(self) -> float:
        if not self._envelopes:
            return 0.0
        # Not below 0: the clock may have been set back.
        return max(0, self._envelopes[-1].published_unix_ns - self._envelopes[0].published_unix_ns) / 1e9
