"""Puts envelopes of another bus on this one: each once, in order, and fresh rather than complete."""

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Final, Generic, TypeVar, cast

import anyio
from anyio.lowlevel import checkpoint

from beats.adapters.nats.numbering import LoopGuard, Numbering
from beats.config.settings import QueueSettings
from beats.kernel.envelope import Envelope, Kind, Message, Sealed, kind_of_topic, topic_of
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Clock, Publish
from beats.kernel.queue.queue import SinkQueue
from beats.kit.bounds import queue_bounds
from beats.kit.throttled_log import ThrottledLog
from beats.proto.codec import StreamCodec

_CODEC: Final = StreamCodec()
_HANDING_OVER: Final = 2
"""Turns of the event loop that the library needs to pass on what it has read."""
_MOST_UNREAD_BYTES: Final = 512 * 1024
_IDLE: Final = 8
"""Turns after which a bus that has taken nothing counts as blocked."""
_T = TypeVar("_T")


class Forwarder(Generic[_T]):
    """Takes messages from a network without ever blocking it, and publishes them on a bus that may block.

    Messages wait in a queue, by its bounds and strategy, as they came: dropped ones are never decoded.
    """

    def __init__(
        self,
        name: str,
        queue: QueueSettings,
        clock: Clock,
        reports: ThrottledLog,
        understand: Callable[[_T], Sealed | None],
        *,
        is_thinned: bool = False,
    ) -> None:
        """Prepare.

        Args:
            name: name of the source.
            queue: the bounds of the queue.
            clock: gives the times of the kernel's envelopes.
            reports: logs what goes wrong.
            understand: decodes a message; returns None for one to ignore.
            is_thinned: whether the other side was asked to leave out frames; missing frames are no loss then.
        """
        self.numbering: Final = Numbering()
        """The sequence numbers of envelopes here."""
        self.missed = 0
        """How many envelopes did not arrive."""
        self.repeated = 0
        """Envelopes that had come before, or were older than one that had."""
        self._inbox: Final = SinkQueue(name, queue_bounds(queue), keep_losses=True, clock=clock)
        self._clock: Final = clock
        self._reports: Final = reports
        self._understand: Final = understand
        self._is_thinned: Final = is_thinned
        self._loop_guard: Final = LoopGuard()
        self._given_up: Final[Counter[str]] = Counter()
        """Envelopes of each topic that the queue dropped since the last one was published."""
        self._live: Final[set[str]] = set()
        """Topics that had a message since `begin`."""
        self._open: anyio.Event | None = None
        self._loop: str | None = None
        self._taken = 0

    def metrics(self) -> dict[str, float]:
        """How many envelopes were missed, repeated and dropped."""
        return {
            "missed_total": float(self.missed),
            "repeated_total": float(self.repeated),
            "dropped_total": float(self._inbox.stats().dropped.items),
            "unreadable_total": float(self._reports.counts["unreadable messages"]),
        }

    def arrived(self, kind: Kind, topic: str, encoded: bytes, content: _T) -> None:
        """Queue a message; never waits.

        Args:
            kind: the lane of the queue.
            topic: its topic, as far as it is known.
            encoded: its bytes, which count for the bounds.
            content: the message, which is decoded later.
        """
        self._live.add(topic)
        # A queue holds envelopes, and does not use their content.
        message = cast(Message, content)
        self._inbox.offer(Envelope(kind, topic, 0, 0, self._clock.steady_unix_ns(), message, encoded))

    def begin(self) -> None:
        """A new connection begins, on which nothing has arrived yet."""
        self._live.clear()

    def has_arrived(self, topic: str) -> bool:
        """Whether a topic had a message since `begin`."""
        return topic in self._live

    async def make_way(self, unread_bytes: int = 0) -> None:
        """Let the bus empty the queue before more is read, as long as it makes progress.

        A burst, as after a lost packet, would otherwise overflow a queue that the bus empties as fast as the
        network fills it. When much is unread, the bus cannot keep up, and reading does not wait for it: newer
        messages replace older ones in the queue, and none grows old in the network.
        """
        for _ in range(_HANDING_OVER):
            await checkpoint()
        if unread_bytes > _MOST_UNREAD_BYTES:
            return
        goal, idle = self._taken + self._inbox.stats().waiting.items, 0
        while self._taken < goal and idle < _IDLE:
            before = self._taken
            await checkpoint()
            idle = 0 if self._taken > before else idle + 1

    @contextmanager
    def held(self) -> Generator[None]:
        """Hold messages back while the block lasts, for the state that must be published first."""
        self._open = opened = anyio.Event()
        try:
            yield
        finally:
            self._open = None
            opened.set()

    async def bring_state(self, publish: Publish, state: Iterable[Sealed]) -> None:
        """Publish the last values of topics that had no message since `begin`.

        The other topics had a message, or one waits: a newer value that is published before it would make it
        come too late.
        """
        for sealed in state:
            if not self.has_arrived(topic_of(sealed.message)):
                await self._pass_on(publish, sealed)

    async def run(self, publish: Publish) -> None:
        """Publish messages until cancelled.

        Raises:
            ConnectionError: envelopes published here come back from the other side.
        """
        self._loop = None
        while self._loop is None:
            # One at a time: while a sink with `block` delays it, fresher ones replace older ones in the
            # queue.
            batch = await self._inbox.take(1)
            self._note_losses()  # those before this one; while it is held, later ones may be dropped too
            if self._open is not None:
                await self._open.wait()
            for arrival in batch:
                self._taken += 1
                sealed = self._understand(cast(_T, arrival.message))
                if sealed is not None:
                    await self._pass_on(publish, sealed)
        raise ConnectionError(self._loop)

    async def _pass_on(self, publish: Publish, sealed: Sealed) -> None:
        topic = topic_of(sealed.message)
        numbered = self._numbered(sealed, topic)
        if numbered is None:
            return
        wanted, captured_ns = numbered.sequence, numbered.captured_unix_ns
        try:
            here = await publish.forward(numbered)
        except QueueFull as error:
            self._reports.add("refused envelopes", str(error), logging.ERROR)
        except ValueError as error:
            self.numbering.forget(topic)
            self._loop_guard.forget(topic)
            self._reports.add("refused topics", str(error), logging.ERROR)
        else:
            if wanted and here != wanted:
                self.numbering.corrected(topic, wanted, here)
                self._loop_guard.remember(topic, _CODEC.renumber(numbered.encoded, wanted, here, captured_ns))

    def _numbered(self, sealed: Sealed, topic: str) -> Sealed | None:
        """The envelope with its number here; None when it is to be ignored."""
        message, sequence, captured_ns, encoded = sealed
        if self._loop_guard.has(topic, encoded):
            self._loop = f"its own envelopes come back to it ({topic}): it must not relay its own server"
            return None
        numbered = self.numbering.take(topic, sequence, captured_ns)
        if numbered is None:
            self.repeated += 1
            return None
        missed = max(0, numbered.missed - self._given_up.pop(topic, 0))
        if missed and not (self._is_thinned and kind_of_topic(topic) == "frame"):
            self.missed += missed
            what = f"{topic}: {missed} before number {numbered.here} did not come"
            self._reports.add("gaps", what, logging.ERROR)
        if numbered.here == sequence:
            return sealed
        encoded = _CODEC.renumber(encoded, sequence, numbered.here, captured_ns) if numbered.here else encoded
        self._loop_guard.remember(topic, encoded)
        return Sealed(message, numbered.here, captured_ns, encoded)

    def _note_losses(self) -> None:
        for loss in self._inbox.losses():
            self._given_up[loss.topic] += loss.items
            what = f"{loss.topic}: {loss.items} were dropped for newer ones before they could be published"
            self._reports.add("stalls", what, logging.ERROR)
