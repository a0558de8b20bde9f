"""The bounded queue between the bus and one sink, or between a sink and one of its clients."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, Self

import anyio
from anyio.lowlevel import checkpoint

from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Envelope
from beats.kernel.ports import Clock
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.lanes import (
    Lane,
    clear_lines,
    let_in,
    make_lanes,
    move,
    take_all,
    take_some,
    take_within_bounds,
)
from beats.kernel.queue.latency import LatencyHistogram
from beats.kernel.queue.losses import LossLog
from beats.kernel.queue.overflow import Verdict
from beats.kernel.stats import Amount, Latency, Loss, QueueStats
from beats.kernel.waiter import Refusal, Waiter
from beats.kernel.waker import Waker


class SinkQueue:
    """Any thread offers envelopes; one task takes them.

    At every instant, `offered == taken + dropped + waiting`. An envelope whose producer waits in line for
    room is not counted until it is admitted or dropped.
    """

    def __init__(
        self,
        name: str,
        bounds: QueueBounds | None = None,
        *,
        keep_losses: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Create an empty queue.

        Args:
            name: the sink's, for errors and stats.
            bounds: how much may wait; the defaults when None.
            keep_losses: whether to note what is dropped, for `losses`.
            clock: the one that dated the envelopes; the system's when None.
        """
        self.name: Final = name
        """The sink's name."""
        self._lock = threading.Lock()
        self._losses: Final = LossLog() if keep_losses else None
        self._clock: Final = clock or SystemClock()
        self._latency: LatencyHistogram | None = None  # the queues of viewers, which are most, never need one
        self._bounds = bounds or QueueBounds()
        self._lane_of = make_lanes(self._bounds, self._note_peak, self._losses)
        self._lanes = tuple(dict.fromkeys(self._lane_of.values()))
        self._number = 0
        self._first_number = 0
        self._overfull = False
        self._offered_items = self._offered_bytes = 0
        self._taken_items = self._taken_bytes = 0
        self._high_water = 0
        self._in_hand: list[Envelope] = []
        self._closed = False
        self._interruptions = 0
        self._rested = False
        self._sleeper: Callable[[], object] | None = None
        self._waker: Waker | None = None

    @property
    def waker(self) -> Waker | None:
        """The waker of the loop that takes, once it is known."""
        return self._waker

    def attach(self, waker: Waker | None) -> None:
        """Share a waker with other queues of the same loop; None when that loop ends."""
        self._waker = waker

    def offer(self, envelope: Envelope) -> Refusal | Waiter | None:
        """Offer an envelope, without waiting and without raising.

        Returns:
            A refusal that the producer must raise, a waiter that it must wait with, or usually None.
        """
        answer: Refusal | Waiter | None = None
        with self._lock:
            lane = self._lane_of[envelope.kind]
            if self._closed:
                self._count_offered(envelope)
                lane.count_drop("closed", envelope)
                return None
            self._number += 1
            # What can never fit must not join the line, where it would block everything behind it.
            in_line = lane.line and len(envelope.encoded) <= lane.bounds.max_bytes
            verdict = Verdict.WAIT if in_line else lane.offer(self._number, envelope)
            if verdict is Verdict.WAIT:
                bounds = lane.bounds
                answer = Waiter(self, self._number, envelope, bounds.size, bounds.block_timeout_s)
                lane.line.append(answer)
            else:
                self._count_offered(envelope)
                if verdict is Verdict.RAISE:
                    answer = lane.refusal(self.name, envelope)
            wake, self._sleeper = self._sleeper, None
        if wake is not None and self._waker is not None:
            self._waker.ring(wake)
        return answer

    async def take(self, max_items: int | None = None) -> list[Envelope]:
        """Wait for at least one envelope; take at most `max_items`, all that wait when None.

        Cancellation takes nothing. An empty list means that no more will come: the queue is closed and
        drained, or the call was interrupted.
        """
        interruptions = self._interruptions
        self._in_hand = []  # before any cancellation: asking for more means that the last was delivered
        if self._rested:
            self._rested = False  # it waited for the last batch, so other tasks have run
        else:
            await checkpoint()  # a sink that never has to wait must not block the loop
        if self._waker is None:
            self._waker = Waker()
        while True:
            with self._lock:
                if self._interruptions != interruptions:
                    return []
                batch = self._collect(max_items)
                if batch or self._closed:
                    return batch
                event = anyio.Event()
                self._sleeper = event.set
            await event.wait()
            self._rested = True

    def take_nowait(self, max_bytes: int | None = None) -> list[Envelope]:
        """Take what waits, which may be nothing; at most `max_bytes`, but at least one envelope."""
        with self._lock:
            return self._collect(None, max_bytes)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        with self._lock:
            return self._waiting_items() == 0

    def topics(self) -> set[str]:
        """The topics of what waits, producers in line included."""
        with self._lock:
            return self._topics()

    def drain_nowait(self) -> tuple[list[Envelope], set[str]]:
        """Take what waits, in addition to the last batch; also returns the topics of what still waits.

        Producers in line are admitted until none is left, unless envelopes that were given back come first.
        """
        with self._lock:
            before, is_overfull = self._in_hand, self._overfull
            batch = self._collect(None)
            while not is_overfull and (more := self._collect(None)):
                batch += more  # from producers in line
            self._in_hand = [*before, *batch]
            return batch, self._topics()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Envelope]:
        """The next batch, until the queue is closed and drained."""
        if batch := await self.take():
            return batch
        raise StopAsyncIteration

    def close(self, *, admit_line: bool = False) -> None:
        """Accept nothing more; what waits can still be taken.

        Producers in line are refused or, with `admit_line`, admitted regardless of the bounds.
        """
        with self._lock:
            self._closed = True
            clear_lines(self._lanes, self._count_offered, admit=admit_line)
            self._overfull = any(map(Lane.is_overfull, self._lanes))
        self._wake()

    def interrupt(self) -> None:
        """Let a waiting call of `take` return nothing; called in the loop that takes."""
        self._interruptions += 1
        self._wake()

    @property
    def bounds(self) -> QueueBounds:
        """How much may wait, as `rebound` set it last."""
        return self._bounds

    def rebound(self, bounds: QueueBounds) -> None:
        """Change the bounds while in use. What waits beyond them is dropped by the new strategy.

        `block` drops nothing: more waits than the bounds allow until it is taken.
        """
        with self._lock:
            self._note_peak()
            self._bounds = bounds
            before, self._lane_of = self._lanes, make_lanes(bounds, self._note_peak, self._losses)
            self._lanes = tuple(dict.fromkeys(self._lane_of.values()))
            move(before, self._lane_of, self._count_offered)
            self._overfull = any(map(Lane.is_overfull, self._lanes))
            let_in(self._lanes, self._count_offered)

    @property
    def tells_producer(self) -> bool:
        """Whether `offer` may return something, by these bounds."""
        return any(lane.overflow.tells_producer for lane in self._lanes)

    @property
    def closed(self) -> bool:
        """Whether it accepts nothing more."""
        return self._closed

    def losses(self) -> tuple[Loss, ...]:
        """What was dropped or given up since the last call, by reason and topic; needs `keep_losses`."""
        with self._lock:
            return () if self._losses is None else self._losses.take()

    def note_given_up(self, loss: Loss) -> None:
        """Add to `losses` what a producer gave up before offering it. The queue's counters do not have it."""
        if self._losses is not None:
            with self._lock:
                self._losses.add_given_up(loss)

    def give_back(self, envelopes: Sequence[Envelope]) -> None:
        """Let envelopes that were taken and not delivered wait again, before all others.

        What else was taken counts as delivered. What is given back may exceed the bounds; until it is taken
        again, no batch holds more than the bounds allow, so at most twice as much waits.
        """
        with self._lock:
            self._in_hand = []
            for envelope in reversed(envelopes):
                self._first_number -= 1
                self._taken_items -= 1
                self._taken_bytes -= len(envelope.encoded)
                self._lane_of[envelope.kind].put_back(self._first_number, envelope)
            self._overfull = any(map(Lane.is_overfull, self._lanes))

    def lose_in_hand(self, reason: str) -> Amount:
        """Count the last batch as dropped instead of taken: the sink ended while it held it."""
        with self._lock:
            lost, self._in_hand = self._in_hand, []
            for envelope in lost:
                self._taken_items -= 1
                self._taken_bytes -= len(envelope.encoded)
                self._lane_of[envelope.kind].count_drop(reason, envelope)
        return Amount(len(lost), sum(len(envelope.encoded) for envelope in lost))

    def discard(self, reason: str) -> Amount:
        """Drop all that waits, at the end of a shutdown or of a client."""
        with self._lock:
            self._note_peak()
            left = [envelope for lane in self._lanes for _, envelope in lane.take_all()]
            for envelope in left:
                self._lane_of[envelope.kind].count_drop(reason, envelope)
        return Amount(len(left), sum(len(envelope.encoded) for envelope in left))

    def withdraw(self, waiter: Waiter) -> bool:
        """Remove a waiter from the line and count its envelope as dropped; False if it has left already."""
        with self._lock:
            lane = self._lane_of[waiter.envelope.kind]
            if waiter not in lane.line:
                return False
            lane.line.remove(waiter)
            self._count_offered(waiter.envelope)
            lane.count_drop(lane.overflow.name, waiter.envelope)
            return True

    def written(self, envelopes: Sequence[Envelope]) -> None:
        """Note how long these took from the bus until they were written, which is now."""
        if self._latency is None:
            self._latency = LatencyHistogram(self._clock)
        self._latency.written(envelopes)

    def latency(self) -> Latency | None:
        """The latencies that `written` noted; None if it was never called."""
        return None if self._latency is None else self._latency.stats()

    def stats(self) -> QueueStats:
        """The counters at one instant."""
        with self._lock:
            drops = tuple(drop for lane in self._lanes for drop in lane.drops())  # each kind is in one lane
            return QueueStats(
                self.name,
                Amount(self._offered_items, self._offered_bytes),
                Amount(self._taken_items, self._taken_bytes),
                Amount(sum(drop.items for drop in drops), sum(drop.bytes for drop in drops)),
                Amount(self._waiting_items(), sum(lane.waiting_bytes for lane in self._lanes)),
                drops,
                max(self._high_water, self._waiting_items()),
            )

    def _count_offered(self, envelope: Envelope) -> None:
        self._offered_items += 1
        self._offered_bytes += len(envelope.encoded)

    def _note_peak(self) -> None:
        """Note how many wait. Called before envelopes are removed: until then the count only grows."""
        waiting = len(self._lanes[0]) if len(self._lanes) == 1 else self._waiting_items()
        if waiting > self._high_water:
            self._high_water = waiting

    def _topics(self) -> set[str]:
        return {topic for lane in self._lanes for topic in lane.topics()}

    def _waiting_items(self) -> int:
        return sum(map(len, self._lanes))

    def _collect(self, max_items: int | None, max_bytes: int | None = None) -> list[Envelope]:
        """Under the lock: take and count the next batch; producers in line get the room that it leaves."""
        self._note_peak()
        if max_items is not None or max_bytes is not None:
            batch = take_some(self._lanes, max_items, max_bytes)
        elif self._overfull:
            batch = take_within_bounds(self._lanes)
            self._overfull = any(map(Lane.is_overfull, self._lanes))
        else:
            batch = take_all(self._lanes)
        self._taken_items += len(batch)
        self._taken_bytes += sum(len(envelope.encoded) for envelope in batch)
        self._in_hand = batch
        let_in(self._lanes, self._count_offered)
        return batch

    def _wake(self) -> None:
        with self._lock:
            wake, self._sleeper = self._sleeper, None
        if wake is not None and self._waker is not None:
            self._waker.ring(wake)
