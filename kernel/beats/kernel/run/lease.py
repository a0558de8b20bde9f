"""A sink's access to its queue, which ends when another sink takes over."""

from collections.abc import Callable, Sequence
from typing import Final, Self

from anyio.lowlevel import checkpoint

from beats.kernel.envelope import Envelope
from beats.kernel.last_values import CaughtUp
from beats.kernel.publisher import Publisher
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.stats import Amount, Loss


class Lease:
    """The `Batches` that a sink is given: its queue, as long as the lease lasts.

    A sink that does not end when told to must not take its successor's envelopes.
    """

    def __init__(self, queue: SinkQueue, publisher: Publisher, on_take: Callable[[], object]) -> None:
        """Begin; `on_take` is called at each `take`: the sink has opened what it needs."""
        self.over = False
        """Whether the sink gets nothing more."""
        self.cut = False
        """Whether the sink is abandoned: what it gives back or asks for is ignored."""
        self._queue: Final = queue
        self._publisher: Final = publisher
        self._on_take: Final = on_take

    async def take(self, max_items: int | None = None) -> list[Envelope]:
        """The next batch; an empty one when the queue is closed and drained, or the lease has ended."""
        if not self.over:
            self._on_take()
            return await self._queue.take(max_items)
        self.give_back(())  # asking for more says that the last batch was delivered
        await checkpoint()
        return []

    def catch_up(self) -> CaughtUp:
        """Take all that waits, together with the last values of the bus at that instant."""
        if self.over:
            return CaughtUp([], [])
        with self._publisher.held():  # nothing is published between the two
            batch, waiting = self._queue.drain_nowait()
            values = self._publisher.last_values()
        waiting.update(envelope.topic for envelope in batch)
        if not waiting:
            return CaughtUp([], values)
        return CaughtUp(batch, [envelope for envelope in values if envelope.topic not in waiting])

    def give_back(self, envelopes: Sequence[Envelope]) -> None:
        """Let envelopes that were taken and not delivered wait again, also for the successor."""
        if not self.cut:
            self._queue.give_back(envelopes)

    def losses(self) -> tuple[Loss, ...]:
        """What the queue dropped since the last call, by reason and topic."""
        return () if self.cut else self._queue.losses()

    def written(self, envelopes: Sequence[Envelope]) -> None:
        """Note how long these envelopes took until they were written, which is now."""
        self._queue.written(envelopes)

    def lose_in_hand(self, reason: str) -> Amount:
        """Count what the sink holds as dropped: it has ended or is abandoned."""
        return Amount() if self.cut else self._queue.lose_in_hand(reason)

    def end(self) -> None:
        """Give the sink nothing more: it finishes its batch, and then its iteration ends."""
        if not self.over:
            self.over = True
            self._queue.interrupt()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Envelope]:
        """The next batch, until there are no more."""
        if batch := await self.take():
            return batch
        raise StopAsyncIteration
