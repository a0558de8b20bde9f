"""Publishes messages: gives each its topic, sequence number, times and bytes, once for all sinks."""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from anyio.lowlevel import checkpoint

from beats.kernel.bus import Bus
from beats.kernel.clock import wrong_unit
from beats.kernel.envelope import Envelope, Message, Sealed, kind_of, topic_of
from beats.kernel.errors import ClosedError, QueueFull
from beats.kernel.last_values import LastValues
from beats.kernel.ports import Clock, Codec
from beats.kernel.stats import Amount, GivenUp, Loss, PictureStats
from beats.kernel.waiter import Refusal, Waiter
from beats.kernel.waker import Waker

log = logging.getLogger(__name__)

PROGRAM: Final = "the program"
"""The name in the log of a producer that is no source: the program that embeds the kernel."""

_LAST_KEPT: Final = 2**63 - 1
"""Highest sequence number that a forwarded envelope keeps. A higher one is damage, and would leave its topic
few of the numbers that 64 bits hold."""


_Numbered = tuple[str, int, int, int, Message, Any]
"""What is not sealed and sent yet: topic, sequence number, capture time, steady time, the message, and what
the codec prepared."""
_HandedOver = tuple[str, int, int, int, Any, Callable[[Any], Message] | None, Any]
"""The same, with the message or what it is made of, and what makes it; see `Publisher.hand_over`."""


class Publisher:
    """The only way onto the bus, for any number of threads and for coroutines of the kernel's loop.

    Envelopes are numbered and sent under one lock, so every queue sees each topic in the order of its
    sequence numbers. The lock is reentrant: a receiver may publish, and what it publishes is sent after all
    receivers have had the envelope that it reacts to.

    A message from another thread is checked and numbered in the call, and handed over to the kernel's loop,
    which encodes and sends it. At most one is under way: who publishes, reads a counter or changes receivers
    before the loop had its turn sends it first. A receiver whose answer the producer must hear gets
    everything in the call; see `must_answer`.
    """

    def __init__(self, bus: Bus, codec: Codec, clock: Clock, *, max_topics: int = 10_000) -> None:
        self.bus: Final = bus
        """Where the envelopes go."""
        self._codec: Final = codec
        self.clock: Final = clock
        """The clock that dates the envelopes."""
        self.max_topics = max_topics
        """Largest number of topics."""
        self._lock: Final = threading.RLock()
        self._last: Final = LastValues()
        self._sequences: Final[dict[str, int]] = {}
        """The last number given, by topic."""
        self._handed_over: _HandedOver | None = None
        self._settling = False
        self._loop: Waker | None = None
        self._answering: Final[set[object]] = set()
        self._hand_over_to: Waker | None = None
        """The loop, while no receiver must answer."""
        self._reserved: Final[set[str]] = set()
        """Topics that something will be published to, and that have no value yet."""
        self._given_up: Final[Counter[tuple[str, str]]] = Counter()
        self._in_order: list[Envelope] | None = None
        self._closed = False
        self._published = 0
        self._pictures: Final[dict[str, tuple[int, int]]] = {}
        """Frames and bytes by topic."""
        self._sending = False
        self._doubted: Final[set[str]] = set()
        self._nested: Final[deque[Envelope]] = deque()

    @property
    def published(self) -> int:
        """Envelopes put on the bus so far."""
        self.settle()
        return self._published

    @property
    def published_frames(self) -> int:
        """Frames put on the bus so far."""
        self.settle()
        return sum(frames for frames, _ in tuple(self._pictures.values()))

    @property
    def pictures(self) -> tuple[PictureStats, ...]:
        """The same by picture."""
        self.settle()
        return tuple(PictureStats(topic, Amount(*amount)) for topic, amount in tuple(self._pictures.items()))

    @property
    def topics(self) -> int:
        """Topics that something was published to."""
        return len(self._sequences)

    @property
    def given_up(self) -> tuple[GivenUp, ...]:
        """What producers gave up, as `give_up` has counted it."""
        with self._lock:
            return tuple(GivenUp(*key, items) for key, items in self._given_up.items())

    def reserve(self, message: Message) -> str:
        """Check a message like those that a producer will publish later, and return their topic.

        The topic counts towards `max_topics` from now on, so that later ones are not refused for it.

        Raises:
            TypeError, ValueError, ClosedError: as `publish`.
        """
        self._codec.prepare(message)
        topic = topic_of(message)
        with self._lock:
            if not self._last_sequence(topic):
                self._reserved.add(topic)
        return topic

    def give_up(self, topic: str, reason: str) -> None:
        """Count a message that will not be published after all, and tell the sinks; its topic was reserved.

        Args:
            topic: what `reserve` returned.
            reason: see `GivenUp.reason`.
        """
        with self._lock:
            self._given_up[reason, topic] += 1
            _, unix_ns = self.clock.read()
            self.bus.send_given_up(Loss(reason, topic, 1, 0, 0, 0, unix_ns, unix_ns))

    def last_values(self) -> Sequence[Envelope]:
        """The newest published envelope of each topic, dropped or not: frames, then peripherals.

        Peripherals are in the order in which they were first seen. Any thread may call it.
        """
        with self._lock:
            self.settle()
            if self._in_order is None:
                self._in_order = self._last.in_order()
            return self._in_order

    def publish(
        self,
        message: Message,
        *,
        captured_unix_ns: int | None = None,
        on_sent: Callable[[], object] | None = None,
        by: str = PROGRAM,
    ) -> int:
        """Publish from a thread, or from the event loop's own without waiting; returns the sequence number.

        Args:
            message: the frame or the update.
            captured_unix_ns: when it was captured; now when None.
            on_sent: called once the message has its sequence number, one call at a time, whether or not a
                queue refuses it.
            by: who publishes, for the log.

        Raises:
            TypeError, ValueError: the message cannot be encoded, or there are too many topics.
            QueueFull: a queue refused it, by strategy `error` or `block`; the other sinks got it.
            ClosedError: the kernel has shut down.
        """
        prepared = self._codec.prepare(message)
        if captured_unix_ns is not None:
            self._check_unit(captured_unix_ns, by)
        elif self._hand_over_to is not None and (
            sequence := self.hand_over(topic_of(message), message, None, prepared, on_sent)
        ):
            return sequence
        sequence, answers = self._send(prepared, message, captured_unix_ns, on_sent)
        if answers:
            try:
                refusals = [answer.wait() if isinstance(answer, Waiter) else answer for answer in answers]
            finally:
                _leave_lines(answers)
            _raise_first(refusals, message)
        return sequence

    def hand_over(
        self,
        topic: str,
        given: Any,
        make: Callable[[Any], Message] | None,
        prepared: Any = None,
        on_sent: Callable[[], object] | None = None,
    ) -> int:
        """Publish a message that is known to be right, and let the loop do what can be done later.

        This is all of the call that a program in a thread waits for, so it is short: in a thread whose
        caches are cold, each call in Python takes microseconds.

        Args:
            topic: the message's own.
            given: the message, or what `make` makes it of.
            make: makes the message later; the codec must not refuse it.
            prepared: what the codec made of a message.
            on_sent: as for `publish`.

        Returns:
            The sequence number; 0 if this must be done by `publish` instead: the topic is new, a receiver
            must answer, the loop has not yet sent what was handed over before, or no loop runs.
        """
        with self._lock:
            loop = self._hand_over_to
            last = self._sequences.get(topic)
            if loop is None or last is None or self._handed_over is not None:
                return 0
            unix_ns, steady_ns = self.clock.read()
            self._sequences[topic] = sequence = last + 1
            self._handed_over = topic, sequence, unix_ns, steady_ns, given, make, prepared
            if on_sent is not None:
                on_sent()
        loop.ring(self.settle)  # last: the loop may take the interpreter
        return sequence

    async def publish_async(
        self,
        message: Message,
        *,
        captured_unix_ns: int | None = None,
        on_sent: Callable[[], object] | None = None,
        by: str = PROGRAM,
    ) -> int:
        """Publish from a coroutine of the kernel's loop, which waits while a `block` queue is full."""
        prepared = self._codec.prepare(message)
        if captured_unix_ns is not None:
            self._check_unit(captured_unix_ns, by)
        sequence, answers = self._send(prepared, message, captured_unix_ns, on_sent)
        await _room(answers, message)
        return sequence

    async def forward_async(
        self, sealed: Sealed, *, renumber: bool = False, on_sent: Callable[[], object] | None = None
    ) -> int:
        """Publish what was on a bus before, from a coroutine of the kernel's loop; returns the sequence.

        It keeps its number as long as numbers rise, so that gaps stay visible. If its number does not rise,
        or is 2**63 or more, or with `renumber`, it gets the next number of its topic; nothing else in its
        bytes changes.

        Raises:
            ValueError: there are too many topics, or it cannot be renumbered.
            QueueFull, ClosedError: as `publish`.
        """
        sequence, answers = self._forward(sealed, renumber, on_sent)
        await _room(answers, sealed.message)
        return sequence

    @contextmanager
    def held(self) -> Generator[None]:
        """Hold back everything that is published, while receivers are changed."""
        with self._lock:
            self.settle()
            yield

    def hand_over_to(self, loop: Waker | None) -> None:
        """Have the loop of this waker encode and send what other threads publish; None when it ends."""
        with self._lock:
            self.settle()
            self._loop = loop
            self._choose()

    def must_answer(self, receiver: object, must: bool) -> None:
        """Say whether producers must hear what a receiver answers: a refusal, or a wait for room."""
        with self._lock:
            self.settle()
            (self._answering.add if must else self._answering.discard)(receiver)
            self._choose()

    def settle(self) -> None:
        """Send what is handed over, if the loop has not done so yet; returns when it is sent."""
        if self._handed_over is None:
            return
        with self._lock:
            handed_over = self._handed_over  # another thread may have sent it meanwhile
            if not handed_over or self._settling:
                return
            topic, sequence, unix_ns, steady_ns, given, make, prepared = handed_over
            answers: list[Refusal | Waiter] = []
            self._settling = True  # what receivers publish now does not wait for this
            try:
                message: Message = given
                if make is not None:
                    message = make(given)
                    prepared = self._codec.prepare(message)
                answers = self._seal((topic, sequence, unix_ns, steady_ns, message, prepared))
            except Exception:
                log.exception("topic %s: number %d is lost", topic, sequence)
            finally:
                self._settling = False
                self._handed_over = None
        if answers:  # to what receivers published
            _leave_lines(answers)
            for answer in answers:
                if isinstance(answer, Refusal):
                    log.error("an envelope that a receiver published was refused: %s", answer.error())

    def close(self) -> None:
        """Publish nothing more."""
        with self._lock:
            self.settle()
            self._loop = self._hand_over_to = None
            self._closed = True

    def _choose(self) -> None:
        self._hand_over_to = None if self._answering else self._loop

    def _send(
        self,
        prepared: Any,
        message: Message,
        captured_unix_ns: int | None,
        on_sent: Callable[[], object] | None,
    ) -> tuple[int, list[Refusal | Waiter]]:
        topic = topic_of(message)
        with self._lock:
            self.settle()
            sequence = self._last_sequence(topic) + 1
            unix_ns, steady_ns = self.clock.read()
            captured_ns = unix_ns if captured_unix_ns is None else captured_unix_ns
            numbered = topic, sequence, captured_ns, steady_ns, message, prepared
            return sequence, self._seal(numbered, on_sent)

    def _seal(
        self, numbered: _Numbered, on_sent: Callable[[], object] | None = None
    ) -> list[Refusal | Waiter]:
        """Under the lock: encode and send."""
        topic, sequence, captured_ns, steady_ns, message, prepared = numbered
        encoded = self._codec.seal(prepared, sequence, captured_ns)
        kind = kind_of(message)
        return self._place(Envelope(kind, topic, sequence, captured_ns, steady_ns, message, encoded), on_sent)

    def _check_unit(self, captured_unix_ns: int, by: str) -> None:
        """Warn once per producer whose capture times are not in nanoseconds."""
        doubt = wrong_unit(captured_unix_ns, self.clock.unix_ns())
        if doubt is None:
            return
        with self._lock:
            is_new = by not in self._doubted
            self._doubted.add(by)
        if is_new:
            log.warning("%s: %s (said once)", by, doubt)

    def _forward(
        self, sealed: Sealed, renumber: bool, on_sent: Callable[[], object] | None
    ) -> tuple[int, list[Refusal | Waiter]]:
        message, sequence, captured_ns, encoded = sealed
        kind, name = kind_of(message), topic_of(message)
        with self._lock:
            self.settle()
            last = self._last_sequence(name)
            if renumber or not last < sequence <= _LAST_KEPT:
                sequence = last + 1
                encoded = self._codec.renumber(encoded, sealed.sequence, sequence, captured_ns)
            _, steady_ns = self.clock.read()
            envelope = Envelope(kind, name, sequence, captured_ns, steady_ns, message, encoded)
            return sequence, self._place(envelope, on_sent)

    def _last_sequence(self, topic: str) -> int:
        """Under the lock: the sequence number of a topic's last envelope; 0 for a new topic."""
        if self._closed:
            raise ClosedError("the stream is closed: publish while it is open")
        last = self._sequences.get(topic)
        if last is not None:
            return last
        topics = len(self._sequences) + len(self._reserved)
        if topics >= self.max_topics and topic not in self._reserved:
            raise ValueError(
                f"{topic!r} would be topic {topics + 1}, and kernel.max_topics is "
                f"{self.max_topics}: use fewer ids of pictures and peripherals, or raise it"
            )
        return 0

    def _place(self, envelope: Envelope, on_sent: Callable[[], object] | None) -> list[Refusal | Waiter]:
        """Under the lock: note an envelope as the last of its topic, and send it."""
        if self._reserved:
            self._reserved.discard(envelope.topic)
        # Only now: what cannot be encoded leaves no gap and no topic.
        self._sequences[envelope.topic] = envelope.sequence
        self._last[envelope.topic] = envelope
        self._in_order = None
        self._published += 1
        if envelope.kind == "frame":
            frames, size = self._pictures.get(envelope.topic, (0, 0))
            self._pictures[envelope.topic] = (frames + 1, size + len(envelope.encoded))
        if on_sent is not None:
            on_sent()
        answers = self._deliver(envelope)
        return [answer for answer in answers if isinstance(answer, Refusal | Waiter)] if answers else []

    def _deliver(self, envelope: Envelope) -> list[object]:
        """Under the lock: send an envelope, and then what receivers publish while it is sent.

        Sent at once, those would reach later receivers before the envelope that they react to. The producer
        of the first envelope waits, outside the lock, for the room that the others need.
        """
        if self._sending:
            self._nested.append(envelope)
            return []
        self._sending = True
        try:
            answers = self.bus.send(envelope)
            while self._nested:
                answers += self.bus.send(self._nested.popleft())
        finally:
            self._sending = False
        return answers


async def _room(answers: list[Refusal | Waiter], message: Message) -> None:
    """Wait, as a coroutine, in the lines of full queues; raise if `message` is refused."""
    if answers:
        try:
            refusals = [
                await answer.wait_async() if isinstance(answer, Waiter) else answer for answer in answers
            ]
        finally:
            _leave_lines(answers)
        _raise_first(refusals, message)
    await checkpoint()  # a producer that never has to wait must not block the sinks


def _leave_lines(answers: list[Refusal | Waiter]) -> None:
    """A producer that was cancelled in one of several lines must not stay in the others."""
    for answer in answers:
        if isinstance(answer, Waiter):
            answer.withdraw()


def _raise_first(refusals: list[Refusal | None], message: Message) -> None:
    """Raise if `message` was refused; what its receivers published and was refused is logged."""
    errors: list[QueueFull] = []
    for refusal in refusals:
        if refusal is not None and refusal.envelope.message is message:
            errors.append(refusal.error())
        elif refusal is not None:
            log.error("an envelope that a receiver published was refused: %s", refusal.error())
    if errors:
        for other in errors[1:]:
            errors[0].add_note(f"and {other}")
        raise errors[0]
