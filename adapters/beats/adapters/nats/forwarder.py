"""Puts what comes from another bus on this one: each envelope once, in order, and fresh before complete."""

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Final, Generic, TypeVar, cast

import anyio
from anyio.lowlevel import checkpoint

from beats.adapters.nats.loop_guard import LoopGuard
from beats.adapters.nats.numbering import Numbering
from beats.config.settings import QueueSettings
from beats.kernel.envelope import FRAME_TOPIC, Envelope, Kind, Message, Sealed, topic_of
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Clock, Publish
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.stats import QueueStats
from beats.kit.bounds import queue_bounds
from beats.kit.throttled_log import ThrottledLog
from beats.proto.codec import StreamCodec

_CODEC: Final = StreamCodec()
_HANDING_OVER: Final = 2
"""Turns that the library takes to hand on what it has read."""
_MOST_UNREAD_BYTES: Final = 512 * 1024
_IDLE: Final = 8
"""Turns after which a bus that has taken nothing is held up."""
_T = TypeVar("_T")


class Forwarder(Generic[_T]):
    """Takes what a network brings without ever making it wait, and gives it to a bus that may.

    It waits in a queue, by its bounds and strategy, as it came: what is given up there is never looked into.
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
            name: of the source.
            queue: the bounds of what may wait.
            clock: what the kernel's envelopes are dated by.
            reports: where it is said what goes wrong.
            understand: makes an envelope of what has come; None when that is of no use.
            is_thinned: whether the other side was asked to leave out frames, which are no loss then.
        """
        self.numbering: Final = Numbering()
        """Which numbers envelopes have here."""
        self.missed = 0
        """Envelopes that should have come, and did not."""
        self.repeated = 0
        """Envelopes that had come already, or were older than one that had."""
        self._inbox: Final = SinkQueue(name, queue_bounds(queue), keep_losses=True, clock=clock)
        self._clock: Final = clock
        self._reports: Final = reports
        self._understand: Final = understand
        self._is_thinned: Final = is_thinned
        self._echoes: Final = LoopGuard()
        self._given_up: Final[Counter[str]] = Counter()
        """Envelopes of each topic that have come, and were given up since one was put on the bus."""
        self._live: Final[set[str]] = set()
        """Topics of which something has arrived since `begin`."""
        self._open: anyio.Event | None = None
        self._echo: str | None = None
        self._taken = 0

    def stats(self) -> QueueStats:
        """The counters of what waits."""
        return self._inbox.stats()

    def arrived(self, kind: Kind, topic: str, encoded: bytes, content: _T) -> None:
        """Something has come; never waits.

        Args:
            kind: which lane of the queue it is for.
            topic: what it belongs to, as far as that is known.
            encoded: the bytes that count.
            content: what it is, to be understood when its turn comes.
        """
        self._live.add(topic)
        # A queue holds envelopes, and does not look at what is in them.
        message = cast(Message, content)
        self._inbox.offer(Envelope(kind, topic, 0, 0, self._clock.steady_unix_ns(), message, encoded))

    def begin(self) -> None:
        """There is another connection: of that, nothing has arrived yet."""
        self._live.clear()

    def has_arrived(self, topic: str) -> bool:
        """Whether something of a topic has come since `begin`."""
        return topic in self._live

    async def make_way(self, unread_bytes: int = 0) -> None:
        """Let the bus have its turns before more is read, as long as it makes use of them.

        What comes all at once, as after a packet that was lost, would otherwise overflow a queue that the bus
        empties as fast as the network fills it. But when much is unread, the bus cannot keep up, and is not
        waited for: what is read takes the places of what is older, and nothing grows old in the network.
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
        """While this lasts, what arrives waits: for the state that comes before it."""
        self._open = opened = anyio.Event()
        try:
            yield
        finally:
            self._open = None
            opened.set()

    async def bring_state(self, publish: Publish, state: Iterable[Sealed]) -> None:
        """Put on the bus what was last of topics of which nothing has arrived since `begin`.

        Of the others, the state is known or will be: to bring a newer one first would make older ones that
        wait come too late.
        """
        for sealed in state:
            if not self.has_arrived(topic_of(sealed.message)):
                await self._pass_on(publish, sealed)

    async def run(self, publish: Publish) -> None:
        """Put on the bus what arrives, for ever.

        Raises:
            ConnectionError: what is put on the bus here comes back from there.
        """
        self._echo = None
        while self._echo is None:
            # One at a time: while it waits for a sink with `block`, fresher ones take the places of others.
            batch = await self._inbox.take(1)
            self._note_losses()  # of what came before this one; while it is held, more of what comes after it
            if self._open is not None:
                await self._open.wait()
            for arrival in batch:
                self._taken += 1
                sealed = self._understand(cast(_T, arrival.message))
                if sealed is not None:
                    await self._pass_on(publish, sealed)
        raise ConnectionError(self._echo)

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
            self._echoes.forget(topic)
            self._reports.add("refused topics", str(error), logging.ERROR)
        else:
            if wanted and here != wanted:
                self.numbering.corrected(topic, wanted, here)
                self._echoes.remember(topic, _CODEC.renumber(numbered.encoded, wanted, here, captured_ns))

    def _numbered(self, sealed: Sealed, topic: str) -> Sealed | None:
        """The envelope with the number that it is to have here; None when it is of no use."""
        message, sequence, captured_ns, encoded = sealed
        if self._echoes.is_one(topic, encoded):
            self._echo = f"what it passes on comes back to it ({topic}): it must not relay its own server"
            return None
        numbered = self.numbering.take(topic, sequence, captured_ns)
        if numbered is None:
            self.repeated += 1
            return None
        missed = max(0, numbered.missed - self._given_up.pop(topic, 0))
        if missed and not (self._is_thinned and topic == FRAME_TOPIC):
            self.missed += missed
            what = f"{topic}: {missed} before number {numbered.here} did not come"
            self._reports.add("gaps", what, logging.ERROR)
        if numbered.here == sequence:
            return sealed
        encoded = _CODEC.renumber(encoded, sequence, numbered.here, captured_ns) if numbered.here else encoded
        self._echoes.remember(topic, encoded)
        return Sealed(message, numbered.here, captured_ns, encoded)

    def _note_losses(self) -> None:
        for loss in self._inbox.losses():
            self._given_up[loss.topic] += loss.items
            what = f"{loss.topic}: {loss.items} gave way to newer ones before they could be put on the bus"
            self._reports.add("stalls", what, logging.ERROR)
