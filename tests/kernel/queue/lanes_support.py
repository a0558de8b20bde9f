"""Shorthands of the tests of lanes that change while a queue is in use."""

import pytest

from beats.kernel.envelope import Envelope
from beats.kernel.queue.lane import LaneBounds
from beats.kernel.queue.overflow import OVERFLOWS
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.testing import envelope
from beats.kernel.waiter import Refusal, Waiter
from tests.kernel.support import JOIN_TIMEOUT_S

STRATEGIES = pytest.mark.parametrize("overflow", OVERFLOWS)
WIDE = LaneBounds(size=100)
Answer = Refusal | Waiter | None


def block(size: int, max_bytes: int = 1000) -> LaneBounds:
    return LaneBounds(size, max_bytes, "block", block_timeout_s=JOIN_TIMEOUT_S)


def offer(queue: SinkQueue, number: int, topic: str = "frame", size_bytes: int = 1) -> Answer:
    return queue.offer(envelope(number, topic=topic, encoded=b"x" * size_bytes))


def queue_of(bounds: LaneBounds, *numbers: int) -> SinkQueue:
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
