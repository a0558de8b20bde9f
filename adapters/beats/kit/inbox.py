"""The bounded queue between a network and the bus: a network is never held up, and what is fresh survives."""

import logging
from typing import Final

from anyio.lowlevel import checkpoint

from beats.config.settings import QueueSettings
from beats.kernel.envelope import Envelope, Message, kind_of, topic_of
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Clock, Publish
from beats.kernel.queue.queue import SinkQueue
from beats.kit.bounds import queue_bounds
from beats.kit.throttled_log import ThrottledLog

_IDLE: Final = 8
"""Turns of the event loop after which a bus that has taken nothing counts as held up."""


class Inbox:
    """Messages wait here, by the queue's bounds and strategy, while a sink with `block` holds up the bus."""

    def __init__(self, name: str, queue: QueueSettings, clock: Clock, reports: ThrottledLog) -> None:
        """Begin empty.

        Args:
            name: name of the source.
            queue: the bounds of the queue.
            clock: gives the time of arrival.
            reports: logs what cannot be published.
        """
        self._queue: Final = SinkQueue(name, queue_bounds(queue), keep_losses=True, clock=clock)
        self._clock: Final = clock
        self._reports: Final = reports
        self._taken = 0

    @property
    def dropped(self) -> int:
        """Messages that were dropped for newer ones."""
        return self._queue.stats().dropped.items

    def offer(self, message: Message, captured_unix_ns: int, received: bytes) -> None:
        """Queue a message; never waits.

        Args:
            message: what to publish.
            captured_unix_ns: its capture time.
            received: the bytes that it came in, which count for the bounds.
        """
        kind, topic = kind_of(message), topic_of(message)
        now_ns = self._clock.steady_unix_ns()
        self._queue.offer(Envelope(kind, topic, 0, captured_unix_ns, now_ns, message, received))

    async def make_way(self) -> None:
        """Let the bus empty the queue before more is read, as long as it makes progress.

        A burst would otherwise overflow a queue that the bus empties as fast as the network fills it.
        """
        idle = 0
        while idle < _IDLE and self._queue.stats().waiting.items:
            before = self._taken
            await checkpoint()
            idle = 0 if self._taken > before else idle + 1

    async def run(self, publish: Publish) -> None:
        """Publish until cancelled; what cannot be published is counted and logged."""
        while True:
            # One envelope at a time: while the bus is held up, newer ones replace older ones in the queue.
            batch = await self._queue.take(1)
            for loss in self._queue.losses():
                text = (
                    f"{loss.topic!r:.80}: {loss.items} were dropped for newer ones while the bus was held up"
                )
                self._reports.add("stalls", text, logging.ERROR)
            for envelope in batch:
                self._taken += 1
                try:
                    await publish(envelope.message, captured_unix_ns=envelope.captured_unix_ns)
                except QueueFull as error:
                    self._reports.add("refused updates", str(error), logging.ERROR)
                except (TypeError, ValueError, RecursionError) as error:
                    what = f"{envelope.topic!r:.80} is left out: {error!s:.300}"
                    self._reports.add("unpublishable messages", what)
