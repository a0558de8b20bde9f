"""A sink or source as the kernel keeps it: with its queue or its way onto the bus, and its supervisor."""

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
from beats.kernel.stats import SinkStats, SourceStats

log = logging.getLogger(__name__)


class SinkPart:
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
        """Connect a sink's queue to the bus, and prepare to run the sink.

        Args:
            name: the sink's.
            sink: what runs.
            queue: its queue.
            publisher: where envelopes come from.
            backoff: the pauses between attempts.
            connections: the queue's places on the bus, if it has them already.
            bounds: what the queue's become once the sink has opened what it needs.
            must_start: whether a failure at the start is the operator's to hear of, and not retried.
        """
        self.name: Final = name
        self.sink: Final = sink
        self.queue: Final = queue
        self.supervisor: Final = Supervisor("sink", name, self._attempt, backoff, must_start=must_start)
        self.lease: Final = Lease(queue, publisher, self._opened)
        self._bounds = bounds
        self._has_no_metrics = False
        self._publisher: Final = publisher
        self.connections: Final = self.connect(queue) if connections is None else connections

    def successor(
        self,
        sink: Sink,
        backoff: Backoff,
        *,
        bounds: QueueBounds | None = None,
        must_start: bool = True,
    ) -> "SinkPart":
        """A part that goes on with the queue of this one, and with its counts."""
        return SinkPart(
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
        """Have a queue get everything from now on."""
        return [self._publisher.bus.connect(kind, queue.offer) for kind in KINDS]

    def disconnect(self) -> None:
        """Get nothing more from the bus."""
        for connection in self.connections:
            connection.disconnect()

    def close(self) -> None:
        """Let the sink deliver what waits, and end."""
        self.supervisor.stop()
        self.queue.close()

    def finish(self) -> None:
        """Let the sink deliver what was published until now, producers in line included, and end."""
        self.supervisor.stop()
        self.disconnect()
        self.queue.close(admit_line=True)

    def hand_over(self) -> None:
        """Let the sink finish the batch that it holds, and end; all else waits for its successor."""
        self.supervisor.stop()
        self.lease.end()

    def abandon(self) -> None:
        """Expect nothing more of a sink that was cancelled and does not end: what it holds is lost."""
        log.error("sink %r does not end though it was cancelled, and is left to itself", self.name)
        self.lease.end()
        self._lose_in_hand("shutdown")
        self.lease.cut = True

    def release(self) -> None:
        """After the sink has ended: leave the bus, and count and report what was not delivered."""
        self.disconnect()
        self.queue.close()
        self.queue.attach(None)
        left = self.queue.discard("shutdown")
        if left.items:
            log.error(
                "sink %r: %d envelopes (%d bytes) still waited at the end and are lost",
                self.name,
                left.items,
                left.bytes,
            )

    def stats(self, *, clients: bool = True) -> SinkStats:
        """The counters now, with or without those of its clients."""
        sup, sink = self.supervisor, self.sink
        stats = SinkStats(self.name, sup.state, sup.restarts, sup.last_error, self.queue.stats())
        if clients and isinstance(sink, ServesClients):
            stats = stats._replace(clients=sink.clients(), client_totals=sink.client_totals())
        return stats._replace(figures=self._metrics(), latency=self.queue.latency())

    def _metrics(self) -> tuple[tuple[str, float], ...]:
        """The sink's own metrics; a sink that fails to report them must not hide all other counters."""
        if not isinstance(self.sink, Measures):
            return ()
        try:
            return tuple(self.sink.metrics().items())
        except Exception:
            if not self._has_no_metrics:
                self._has_no_metrics = True
                log.exception("sink %r cannot report its metrics; they are left out", self.name)
            return ()

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
            self.queue.rebound(self._bounds)
            self._bounds = None
        self.supervisor.opened()

    def _lose_in_hand(self, reason: str) -> None:
        lost = self.lease.lose_in_hand(reason)
        if lost.items:
            log.error(
                "sink %r: %d envelopes (%d bytes) that it held are counted as lost",
                self.name,
                lost.items,
                lost.bytes,
            )


class SourcePart:
    """A source, and its own count of what it published. It is the `publish` that the source is given."""

    def __init__(self, name: str, source: Source, publisher: Publisher, backoff: Backoff) -> None:
        self.name: Final = name
        self.supervisor: Final = Supervisor("source", name, self._attempt, backoff, must_start=False)
        self.source: Final = source
        self._publisher: Final = publisher
        self._who: Final = f"source {name!r}"
        self._published = 0
        self._abandoned = False

    async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Publish from a coroutine."""
        self._check_wanted()
        return await self._publisher.publish_async(
            message, captured_unix_ns=captured_unix_ns, on_sent=self._count, by=self._who
        )

    async def forward(self, sealed: Sealed, *, renumber: bool = False) -> int:
        """Pass on, from a coroutine, what was on a bus before."""
        self._check_wanted()
        return await self._publisher.forward_async(sealed, renumber=renumber, on_sent=self._count)

    def from_thread(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Publish from a thread."""
        self._check_wanted()
        return self._publisher.publish(
            message, captured_unix_ns=captured_unix_ns, on_sent=self._count, by=self._who
        )

    def abandon(self) -> None:
        """Publish nothing more of a source that was cancelled and does not end."""
        log.warning("source %r does not end though it was cancelled; it publishes nothing more", self.name)
        self._abandoned = True

    def stats(self) -> SourceStats:
        """The counters now."""
        sup = self.supervisor
        playback = self.source.playback() if isinstance(self.source, Plays) else None
        return SourceStats(self.name, sup.state, sup.restarts, sup.last_error, self._published, playback)

    async def _attempt(self) -> None:
        await self.source.run(self)

    def _check_wanted(self) -> None:
        if self._abandoned:
            raise ClosedError(f"source {self.name!r} was removed: end it when it is cancelled")

    def _count(self) -> None:
        self._published += 1
        if self._published == 1 or self.supervisor.state == "failed":
            self.supervisor.opened()
