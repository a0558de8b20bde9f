"""Batches from the lanes of a queue, in order of publication."""

from collections.abc import Sequence
from operator import itemgetter

from beats.kernel.envelope import Envelope
from beats.kernel.queue.lane import Lane


def take_all(lanes: Sequence[Lane]) -> list[Envelope]:
    """Everything that waits."""
    numbered = [item for lane in lanes for item in lane.take_all()]
    if len(lanes) > 1:
        numbered.sort(key=itemgetter(0))  # each lane is a sorted run, which the sort merges
    return [envelope for _, envelope in numbered]


def take_some(lanes: Sequence[Lane], max_items: int | None, max_bytes: int | None) -> list[Envelope]:
    """As much as both limits allow, but at least one envelope if any waits."""
    batch: list[Envelope] = []
    size_bytes = 0
    while max_items is None or len(batch) < max_items:
        lane = _next(lanes)
        if lane is None:
            break
        size_bytes += lane.first_bytes()
        if batch and max_bytes is not None and size_bytes > max_bytes:
            break
        batch.append(lane.take_first())
    return batch


def take_within_bounds(lanes: Sequence[Lane]) -> list[Envelope]:
    """As much as might wait had nothing been given back, but at least one envelope if any waits.

    So a sink never holds more than the bounds allow. If it gave back all that it took each time it
    failed, and took all of it with what came meanwhile, more would wait each time, without end.
    """
    batch: list[Envelope] = []
    room = {lane: (lane.bounds.size, lane.bounds.max_bytes) for lane in lanes}
    while (lane := _next(lanes)) is not None:
        items, size_bytes = room[lane]
        size_bytes -= lane.first_bytes()
        if batch and (items <= 0 or size_bytes < 0):
            break
        room[lane] = items - 1, size_bytes
        batch.append(lane.take_first())
    return batch


def _next(lanes: Sequence[Lane]) -> Lane | None:
    """The lane whose turn it is."""
    waiting = [lane for lane in lanes if lane]
    return min(waiting, key=Lane.first_number) if waiting else None
