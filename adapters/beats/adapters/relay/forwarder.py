"""Puts what comes from another bus on this one: each envelope once, in order, and fresh before complete."""

import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Final

import anyio
from anyio.lowlevel import checkpoint

from beats.adapters.bounds import queue_bounds
from beats.adapters.relay.echoes import Echoes
from beats.adapters.relay.numbering import Numbering
from beats.adapters.reports import Reports
from beats.config.settings import QueueSettings
from beats.kernel.envelope import Envelope, Frame, Kind, Sealed, topic_of
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Clock, Publish
from beats.kernel.queue import SinkQueue
from beats.kernel.stats import QueueStats
from beats.proto.codec import StreamCodec

_CODEC: Final = StreamCodec()
_TURNS: Final = 2
"""One to take an envelope from the queue, and one to put it on the bus."""


class Forwarder:
    """Takes envelopes from a network without ever making it wait, and gives them to a bus that may.

    What a network brings while the bus is held up, by a sink with `block` or a busy processor, waits in a
    queue, by its bounds and strategy.
    """

    def __init__(
        self, name: str, queue: QueueSettings, clock: Clock, reports: Reports, *, is_thinned: bool = False
    ) -> None:
        """Prepare.

        Args:
            name: of the source.
            queue: the bounds of what may wait.
            clock: what the kernel's envelopes are dated by.
            reports: where it is said what goes wrong.
            is_thinned: whether the other side was asked to leave out frames, which are no loss then.
        """
        self.numbering: Final = Numbering()
        """Which numbers envelopes have here."""
        self._echoes: Final = Echoes()
        self.missed = 0
        """Envelopes that should have come, and did not."""
        self.repeated = 0
        """Envelopes that had come already, or were older than one that had."""
        bounds, lanes = queue_bounds(queue)
        self._inbox: Final = SinkQueue(name, bounds, lanes, keep_losses=True, clock=clock)
        self._clock: Final = clock
        self._reports: Final = reports
        self._is_thinned: Final = is_thinned
        self._open: anyio.Event | None = None
        self._live: Final[set[str]] = set()
        """Topics of which something has arrived since it was held."""
        self._echo: str | None = None

    def stats(self) -> QueueStats:
        """The counters of what waits."""
        return self._inbox.stats()

    def arrived(self, sealed: Sealed) -> None:
        """An envelope has come; never waits."""
        envelope = self._numbered(sealed)
        if envelope is not None:
            self._live.add(envelope.topic)
            self._inbox.offer(envelope)

    def arrived_late(self, sealed: Sealed) -> None:
        """An envelope has come that may be older than what is still to come of its topic, if anything is."""
        if topic_of(sealed.message) not in self._live:
            self.arrived(sealed)

    async def make_way(self) -> None:
        """Let the bus have its turn after an arrival.

        What comes all at once, as after a packet that was lost, would otherwise overflow a queue that the bus
        empties as fast as the network fills it.
        """
        for _ in range(_TURNS):
            await checkpoint()

    @contextmanager
    def held(self) -> Generator[None]:
        """While this lasts, what arrives waits: for the state that comes before it."""
        self._open = opened = anyio.Event()
        self._live.clear()
        try:
            yield
        finally:
            self._open = None
            opened.set()

    async def bring_state(self, publish: Publish, state: Iterable[Sealed]) -> None:
        """Put on the bus what was last, while what arrives is `held`.

        Of what has arrived meanwhile, the state is known or will be: to bring a newer one first would make
        older ones that wait come too late.
        """
        for sealed in state:
            if topic_of(sealed.message) not in self._live:
                envelope = self._numbered(sealed)
                if envelope is not None:
                    await self._forward(publish, envelope)

    async def run(self, publish: Publish) -> None:
        """Put on the bus what arrives, for ever.

        Raises:
            ConnectionError: what is put on the bus here comes back from there.
        """
        self._echo = None
        while self._echo is None:
            # One at a time: while it waits for a sink with `block`, fresher ones take the places of others.
            batch = await self._inbox.take(1)
            if self._open is not None:
                await self._open.wait()
            for envelope in batch:
                await self._forward(publish, envelope)
            for loss in self._inbox.losses():
                what = f"{loss.topic}: {loss.items} gave way to newer ones, since sinks here do not keep up"
                self._reports.add("stalls", what, logging.ERROR)
        raise ConnectionError(self._echo)

    def _numbered(self, sealed: Sealed) -> Envelope | None:
        """The envelope that this is to be here; None when it is of no use."""
        message, sequence, captured_ns, encoded = sealed
        topic = topic_of(message)
        if self._echoes.is_one(topic, encoded):
            self._echo = f"what it passes on comes back to it ({topic}): it must not relay its own server"
            self._inbox.interrupt()
            return None
        numbered = self.numbering.take(topic, sequence, captured_ns)
        if numbered is None:
            self.repeated += 1
            return None
        kind: Kind = "frame" if isinstance(message, Frame) else "peripheral"
        if numbered.missed and not (self._is_thinned and kind == "frame"):
            self.missed += numbered.missed
            what = f"{topic}: {numbered.missed} before number {numbered.here} did not come"
            self._reports.add("gaps", what, logging.ERROR)
        if numbered.here != sequence:
            encoded = _CODEC.renumber(encoded, sequence, numbered.here, captured_ns)
            self._echoes.remember(topic, encoded)
        return Envelope(kind, topic, numbered.here, captured_ns, self._clock.unix_ns(), message, encoded)

    async def _forward(self, publish: Publish, envelope: Envelope) -> None:
        topic, wanted, captured_ns = envelope.topic, envelope.sequence, envelope.captured_unix_ns
        try:
            here = await publish.forward(Sealed(envelope.message, wanted, captured_ns, envelope.encoded))
        except QueueFull as error:
            self._reports.add("refused envelopes", str(error), logging.ERROR)
        except ValueError as error:
            self.numbering.forget(topic)
            self._echoes.forget(topic)
            self._reports.add("refused topics", str(error), logging.ERROR)
        else:
            if wanted and here != wanted:
                self.numbering.corrected(topic, wanted, here)
                self._echoes.remember(topic, _CODEC.renumber(envelope.encoded, wanted, here, captured_ns))
