"""Sinks and sources as the kernel runs them: with a supervisor each, and a queue or a publisher."""

import logging
from collections.abc import Sequence
from typing import Final

import anyio

from beats.kernel.bus import Connection
from beats.kernel.capabilities import Measures, Plays, ServesClients
from beats.kernel.envelope import KINDS, Message, Sealed
from beats.kernel.errors import ClosedError
from beats.kernel.ports import Sink, Source
from beats.kernel.publisher import Publisher
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.run.lease import Lease
from beats.kernel.run.supervisor import Backoff, Supervisor
from beats.kernel.stats import Amount, SinkStats, SourceStats

log = logging.getLogger(__name__)


class _OwnMetrics:
    """Reads an adapter's own metrics; one that fails to report them must not hide all other counters."""

    def __init__(self, who: str, adapter: object) -> None:
        self._who: Final = who
        self._adapter: Final = adapter
        self._has_failed = False

    def read(self) -> tuple[tuple[str, float], ...]:
        """The metrics by name; empty if there are none."""
        if not isinstance(self._adapter, Measures):
            return ()
        try:
            return tuple(self._adapter.metrics().items())
        except Exception:
            if not self._has_failed:
                self._has_failed = True
                log.exception("%s cannot report its metrics; they are left out", self._who)
            return ()


class SinkComponent:
    """A sink, and the queue that outlives its failures."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        queue: SinkQueue,
        publisher: Publisher,
        backoff: Backoff,
        connections: Sequence[Connection] | None = None,
        *,
        bounds: QueueBounds | None = None,
        must_start: bool = True,
    ) -> None:
        """Connect the queue to the bus, and prepare to run the sink.

        Args:
            name: the sink's name.
            sink: what runs.
            queue: its queue.
            publisher: where envelopes come from.
            backoff: the pauses between attempts.
            connections: the queue's connections to the bus, if it has them already.
            bounds: the queue's bounds from the time when the sink has opened what it needs.
            must_start: whether a failure at the start is reported to the caller instead of retried.
        """
        self.name: Final = name
        self.sink: Final = sink
        self.queue: Final = queue
        self.supervisor: Final = Supervisor("sink", name, self._attempt, backoff, must_start=must_start)
        self.lease: Final = Lease(queue, publisher, self._opened)
        self._bounds = bounds
        self._own_metrics: Final = _OwnMetrics(f"sink {name!r}", sink)
        self._publisher: Final = publisher
        self.connections: Final = self.connect(queue) if connections is None else connections

    def successor(
        self, sink: Sink, backoff: Backoff, *, bounds: QueueBounds | None = None, must_start: bool = True
    ) -> "SinkComponent":
        """Make a component for another sink of this name, which goes on with this queue and its counters."""
        return SinkComponent(
            self.name,
            sink,
            self.queue,
            self._publisher,
            backoff,
            self.connections,
            bounds=bounds,
            must_start=must_start,
        )

    def connect(self, queue: SinkQueue) -> Sequence[Connection]:
        """Let a queue receive everything that is published from now on."""
        bus = self._publisher.bus
        self._publisher.must_answer(queue, queue.tells_producer)
        offers = [bus.connect(kind, queue.offer) for kind in KINDS]
        return [*offers, bus.connect("given_up", queue.note_given_up)]

    def rebound(self, bounds: QueueBounds) -> None:
        """Change the bounds of the queue; see `SinkQueue.rebound`."""
        with self._publisher.held():  # what is published next meets both the bounds and whom they tell
            self.queue.rebound(bounds)
            self._publisher.must_answer(self.queue, self.queue.tells_producer)

    def disconnect(self) -> None:
        """Receive nothing more from the bus."""
        self._publisher.must_answer(self.queue, must=False)
        for connection in self.connections:
            connection.disconnect()

    def close(self) -> None:
        """Let the sink deliver what waits, and end."""
        self.supervisor.stop()
        self.queue.close()

    def finish(self) -> None:
        """Let the sink deliver what was published until now, including what producers wait with, and end."""
        self.supervisor.stop()
        self.disconnect()
        self.queue.close(admit_line=True)

    def hand_over(self) -> None:
        """Let the sink finish the batch that it holds, and end; all else waits for its successor."""
        self.supervisor.stop()
        self.lease.end()

    def abandon(self) -> None:
        """Give up on a sink that was cancelled and does not end: what it holds is lost."""
        log.error("sink %r did not end after it was cancelled; it is abandoned", self.name)
        self.lease.end()
        self._lose_in_hand("shutdown")
        self.lease.cut = True

    def release(self) -> None:
        """Leave the bus after the sink has ended, and count and report what was not delivered."""
        self.disconnect()
        self.queue.close()
        self.queue.attach(None)
        self._report("were still waiting at the end and are lost", self.queue.discard("shutdown"))

    def stats(self, *, clients: bool = True) -> SinkStats:
        """The counters now, with or without those of its clients."""
        supervisor = self.supervisor
        serving = self.sink if clients and isinstance(self.sink, ServesClients) else None
        return SinkStats(
            self.name,
            supervisor.state,
            supervisor.restarts,
            supervisor.last_error,
            self.queue.stats(),
            clients=() if serving is None else serving.clients(),
            client_totals=None if serving is None else serving.client_totals(),
            latency=self.queue.latency(),
            figures=self._own_metrics.read(),
        )

    async def _attempt(self) -> None:
        reason = "failed"
        try:
            await self.sink.run(self.lease)
        except anyio.get_cancelled_exc_class():
            reason = "shutdown"
            raise
        finally:
            self._lose_in_hand(reason)
        if not (self.queue.closed or self.lease.over):
            raise RuntimeError("it returned while its queue was open")

    def _opened(self) -> None:
        if self._bounds is not None:
            self.rebound(self._bounds)
            self._bounds = None
        self.supervisor.opened()

    def _lose_in_hand(self, reason: str) -> None:
        self._report("that it had taken were not delivered and are lost", self.lease.lose_in_hand(reason))

    def _report(self, what: str, lost: Amount) -> None:
        if lost.items:
            log.error("sink %r: %d envelopes (%d bytes) %s", self.name, lost.items, lost.bytes, what)


class SourceComponent:
    """A source, and the number of envelopes that it published. It is the source's `publish` itself."""

    def __init__(self, name: str, source: Source, publisher: Publisher, backoff: Backoff) -> None:
        self.name: Final = name
        self.supervisor: Final = Supervisor("source", name, self._attempt, backoff, must_start=False)
        self.source: Final = source
        self._publisher: Final = publisher
        self._who: Final = f"source {name!r}"
        self._own_metrics: Final = _OwnMetrics(self._who, source)
        self._published = 0
        self._abandoned = False

    async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Publish from a coroutine."""
        self._check_wanted()
        return await self._publisher.publish_async(
            message, captured_unix_ns=captured_unix_ns, on_sent=self._count, by=self._who
        )

    async def forward(self, sealed: Sealed, *, renumber: bool = False) -> int:
        """Publish a message that was on a bus before, from a coroutine."""
        self._check_wanted()
        return await self._publisher.forward_async(sealed, renumber=renumber, on_sent=self._count)

    def from_thread(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Publish from a thread."""
        self._check_wanted()
        return self._publisher.publish(
            message, captured_unix_ns=captured_unix_ns, on_sent=self._count, by=self._who
        )

    def abandon(self) -> None:
        """Refuse what a source still publishes that was cancelled and does not end."""
        log.warning("source %r did not end after it was cancelled; it can publish nothing more", self.name)
        self._abandoned = True

    def stats(self) -> SourceStats:
        """The counters now."""
        supervisor = self.supervisor
        return SourceStats(
            self.name,
            supervisor.state,
            supervisor.restarts,
            supervisor.last_error,
            self._published,
            self.source.playback() if isinstance(self.source, Plays) else None,
            self._own_metrics.read(),
        )

    async def _attempt(self) -> None:
        await self.source.run(self)

    def _check_wanted(self) -> None:
        if self._abandoned:
            raise ClosedError(f"source {self.name!r} was removed: end it when it is cancelled")

    def _count(self) -> None:
        self._published += 1
        if self._published == 1 or self.supervisor.state == "failed":
            self.supervisor.opened()
