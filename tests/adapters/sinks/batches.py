"""A queue for tests of sinks that do not need a kernel."""

from collections.abc import Callable, Sequence
from typing import Self

import anyio

from beats.kernel.envelope import Envelope
from beats.kernel.last_values import CaughtUp
from beats.kernel.stats import Loss


class FakeBatches:
    """Returns the given batches, then ends, or waits forever."""

    def __init__(self, *batches: Sequence[Envelope], ends: bool = True) -> None:
        self._batches = [list(batch) for batch in batches]
        self._ends = ends
        self.taken = 0
        self.all_taken = anyio.Event()
        """Set when a sink has delivered the last batch and asks for more."""
        self.given_back: list[Envelope] = []
        """What a sink could not deliver, in order."""
        self.wrote: list[Envelope] = []
        """What a sink said it has written, in order."""
        self.lost: list[Loss] = []
        """What `losses` shall tell next."""
        self.before: list[Envelope] = []
        """What was published before the first batch: the last values."""
        self.before_first: Callable[[], None] = lambda: None
        """Called when the first batch is asked for."""

    async def take(self, max_items: int | None = None) -> list[Envelope]:
        if self.taken == 0:
            self.before_first()
        await anyio.lowlevel.checkpoint()
        if self.taken < len(self._batches):
            self.taken += 1
            return self._batches[self.taken - 1]
        self.all_taken.set()
        if not self._ends:
            await anyio.sleep_forever()
        return []

    def catch_up(self) -> CaughtUp:
        """Nothing waits that `take` would not give; `before` is what the test says."""
        return CaughtUp([], self.before)

    def give_back(self, envelopes: Sequence[Envelope]) -> None:
        self.given_back += envelopes

    def losses(self) -> tuple[Loss, ...]:
        lost, self.lost = tuple(self.lost), []
        return lost

    def written(self, envelopes: Sequence[Envelope]) -> None:
        self.wrote += envelopes

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Envelope]:
        if batch := await self.take():
            return batch
        raise StopAsyncIteration
