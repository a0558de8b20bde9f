"""A producer's place in the line before a full queue."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

import anyio

from beats.kernel.envelope import Envelope
from beats.kernel.errors import QueueFull
from beats.kernel.waker import Waker


class Line(Protocol):
    """The queue that a waiter waits for."""

    @property
    def name(self) -> str:
        """The sink's name."""
        ...

    @property
    def waker(self) -> Waker | None:
        """The waker of the loop that empties the queue, once it runs."""
        ...

    def withdraw(self, waiter: "Waiter") -> bool:
        """Remove the waiter from the line and count its envelope as dropped; False if it has left already."""
        ...


class Refusal:
    """A refused envelope whose producer must be told."""

    __slots__ = ("envelope", "sink", "size", "why")

    def __init__(self, sink: str, size: int, envelope: Envelope, why: str) -> None:
        self.sink = sink
        self.size = size
        self.envelope = envelope
        self.why = why

    def error(self) -> QueueFull:
        """The error to raise in the producer."""
        return QueueFull(self.sink, self.envelope.topic, self.envelope.sequence, self.size, self.why)


class Waiter:
    """Holds an envelope until the sink has made room, its producer gives up, or the queue closes.

    The sink's own `take` admits the envelopes in line, in order, so no later producer overtakes one that
    waits.
    """

    __slots__ = (
        "_line",
        "_on_settled",
        "_settled",
        "_why",
        "admitted",
        "deadline",
        "envelope",
        "number",
        "size",
    )

    def __init__(self, line: Line, number: int, envelope: Envelope, size: int, timeout_s: float) -> None:
        self._line = line
        self.number = number
        self.envelope = envelope
        self.size = size
        self.deadline = time.monotonic() + timeout_s
        self.admitted = False
        self._why = ""
        self._settled = threading.Event()
        self._on_settled: Callable[[], object] | None = None

    def settle(self, *, admitted: bool, why: str = "it was closed") -> None:
        """Called by the queue, once, under its lock; `why` says why the envelope was refused."""
        self.admitted, self._why = admitted, why
        self._settled.set()
        if self._on_settled is not None and self._line.waker is not None:
            self._line.waker.ring(self._on_settled)

    def wait(self) -> Refusal | None:
        """Wait as a thread until the deadline; on the loop's own thread, refuse at once.

        Waiting there would be a deadlock, since the queue is emptied on that thread.
        """
        waker = self._line.waker
        if waker is not None and waker.on_loop_thread():
            return self._outcome(
                "it is full, and a plain call on the event loop's own thread cannot wait for room: "
                "await the publish call, or publish from another thread"
            )
        try:
            self._settled.wait(max(0.0, self.deadline - time.monotonic()))
        finally:  # also on KeyboardInterrupt
            outcome = self._outcome("it stayed full for block_timeout_s")
        return outcome

    async def wait_async(self) -> Refusal | None:
        """Wait as a coroutine until the deadline, in the loop that empties the queue."""
        event = anyio.Event()
        self._on_settled = event.set
        try:
            if not self._settled.is_set():  # it may have been settled before _on_settled was there
                with anyio.move_on_after(max(0.0, self.deadline - time.monotonic())):
                    await event.wait()
        finally:  # also on cancellation
            outcome = self._outcome("it stayed full for block_timeout_s")
        return outcome

    def withdraw(self) -> None:
        """Leave the line, if still in it."""
        self._line.withdraw(self)

    def _outcome(self, why: str) -> Refusal | None:
        if self._line.withdraw(self):
            return Refusal(self._line.name, self.size, self.envelope, why)
        return None if self.admitted else Refusal(self._line.name, self.size, self.envelope, self._why)
