"""Puts messages on the bus: topic, sequence number, time, bytes, once for all sinks."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from anyio.lowlevel import checkpoint

from beats.kernel.bus import Bus
from beats.kernel.envelope import FRAME_TOPIC, Envelope, Frame, Kind, Message, topic_of
from beats.kernel.errors import ClosedError, QueueFull
from beats.kernel.ports import Clock, Codec
from beats.kernel.ticket import Refusal, Ticket

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Topic:
    sequence: int = 0


class Publisher:
    """The one way onto the bus, for any number of threads and for coroutines of the kernel's loop.

    Sequence numbers are given, and envelopes sent, under one lock: every receiver and every queue sees
    each topic in the order of its numbers. The lock is reentrant, so that a receiver may
    publish: what it publishes is sent when the receivers after it have had what it follows from.
    """

    def __init__(self, bus: Bus, codec: Codec, clock: Clock, *, max_topics: int = 10_000) -> None:
        self._bus: Final = bus
        self._codec: Final = codec
        self._clock: Final = clock
        self._max_topics: Final = max_topics
        self._lock: Final = threading.RLock()
        self._topics: dict[str, _Topic] = {}
        self._closed = False
        self._published = 0
        self._sending = False
        self._nested: Final[deque[Envelope]] = deque()

    @property
    def published(self) -> int:
        """Envelopes put on the bus so far."""
        return self._published

    @property
    def published_frames(self) -> int:
        """Frames put on the bus so far."""
        topic = self._topics.get(FRAME_TOPIC)
        return topic.sequence if topic else 0

    def publish(
        self,
        message: Message,
        *,
        captured_unix_ns: int | None = None,
        on_sent: Callable[[], object] | None = None,
    ) -> int:
        """Publish from a thread, or without waiting from the event loop's own; returns the sequence.

        Args:
            message: the frame or the update.
            captured_unix_ns: when it was captured; now when None.
            on_sent: called once the message is certain of its place, one call at a time, whether or not
                a queue refuses it.

        Raises:
            TypeError, ValueError: the message cannot be encoded, or its topic is one too many.
            QueueFull: a queue refused it, by strategy `error` or `block`; every other sink has it.
            ClosedError: the kernel has shut down.
        """
        sequence, answers = self._send(message, captured_unix_ns, on_sent)
        if answers:
            try:
                refusals = [answer.wait() if isinstance(answer, Ticket) else answer for answer in answers]
            finally:
                _leave_lines(answers)
            _raise_first(refusals, message)
        return sequence

    async def publish_async(
        self,
        message: Message,
        *,
        captured_unix_ns: int | None = None,
        on_sent: Callable[[], object] | None = None,
    ) -> int:
        """The same from a coroutine of the kernel's loop, which `block` queues may suspend."""
        sequence, answers = self._send(message, captured_unix_ns, on_sent)
        if answers:
            try:
                refusals = [
                    await answer.wait_async() if isinstance(answer, Ticket) else answer for answer in answers
                ]
            finally:
                _leave_lines(answers)
            _raise_first(refusals, message)
        await checkpoint()  # a producer that never has to wait must not keep the sinks from running
        return sequence

    def close(self) -> None:
        """Publish nothing more."""
        with self._lock:
            self._closed = True

    def _send(
        self, message: Message, captured_unix_ns: int | None, on_sent: Callable[[], object] | None
    ) -> tuple[int, list[Refusal | Ticket]]:
        prepared = self._codec.prepare(message)
        kind: Kind = "frame" if isinstance(message, Frame) else "peripheral"
        name = topic_of(message)
        with self._lock:
            if self._closed:
                raise ClosedError("the stream is closed: publish while it is open")
            topic = self._topics.get(name) or self._new_topic(name)
            now_ns = self._clock.unix_ns()
            captured_ns = now_ns if captured_unix_ns is None else captured_unix_ns
            sequence = topic.sequence + 1
            encoded = self._codec.seal(prepared, sequence, captured_ns)
            topic.sequence = sequence  # only now: what could not be encoded leaves no gap, and no topic
            self._topics[name] = topic
            self._published += 1
            if on_sent is not None:
                on_sent()
            answers = self._deliver(Envelope(kind, name, sequence, captured_ns, now_ns, message, encoded))
        if not answers:
            return sequence, []
        return sequence, [answer for answer in answers if isinstance(answer, Refusal | Ticket)]

    def _deliver(self, envelope: Envelope) -> list[object]:
        """Under the lock: send an envelope, and then what receivers publish while it is sent.

        Sent at once, that would reach the receivers after them before what it follows from does. The
        producer of the first envelope waits for the room that the later ones need, outside the lock.
        """
        if self._sending:
            self._nested.append(envelope)
            return []
        self._sending = True
        try:
            answers = self._bus.send(envelope)
            while self._nested:
                answers += self._bus.send(self._nested.popleft())
        finally:
            self._sending = False
        return answers

    def _new_topic(self, name: str) -> _Topic:
        if len(self._topics) >= self._max_topics:
            raise ValueError(
                f"{name!r} would be topic {len(self._topics) + 1}, and kernel.max_topics is "
                f"{self._max_topics}: use fewer peripheral ids, or raise it"
            )
        return _Topic()


def _leave_lines(answers: list[Refusal | Ticket]) -> None:
    """Whoever was cancelled in the first of several lines must not stay in the others."""
    for answer in answers:
        if isinstance(answer, Ticket):
            answer.withdraw()


def _raise_first(refusals: list[Refusal | None], message: Message) -> None:
    """Raise what was refused of `message`; what its receivers published is theirs, and reported."""
    errors: list[QueueFull] = []
    for refusal in refusals:
        if refusal is not None and refusal.envelope.message is message:
            errors.append(refusal.error())
        elif refusal is not None:
            log.error("published by a receiver: %s", refusal.error())
    if errors:
        for other in errors[1:]:
            errors[0].add_note(f"and {other}")
        raise errors[0]
