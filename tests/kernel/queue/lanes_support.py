"""Shorthands of the tests of lanes that change while a queue is in use."""

import pytest

from beats.kernel.envelope import Envelope, Kind
from beats.kernel.queue.bounds import LaneBounds, QueueBounds
from beats.kernel.queue.overflow import OVERFLOWS
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.testing import envelope
from beats.kernel.waiter import Refusal, Waiter
from tests.kernel.support import JOIN_TIMEOUT_S

STRATEGIES = pytest.mark.parametrize("overflow", OVERFLOWS)
WIDE = QueueBounds(size=100)
Answer = Refusal | Waiter | None


def block(size: int, max_bytes: int = 1000, *, frame: LaneBounds | None = None) -> QueueBounds:
    per_kind: dict[Kind, LaneBounds] = {} if frame is None else {"frame": frame}
    return QueueBounds(size, max_bytes, "block", JOIN_TIMEOUT_S, per_kind)


def offer(queue: SinkQueue, number: int, topic: str = "frame", size_bytes: int = 1) -> Answer:
    return queue.offer(envelope(number, topic=topic, encoded=b"x" * size_bytes))


def queue_of(bounds: QueueBounds, *numbers: int) -> SinkQueue:
    queue = SinkQueue("recorder", bounds, keep_losses=True)
    for number in numbers:
        offer(queue, number)
    return queue


def waiting(queue: SinkQueue) -> list[int]:
    """What waits; all of it is taken."""
    found: list[Envelope] = []
    while batch := queue.take_nowait():
        found += batch
    return [item.sequence for item in found]
