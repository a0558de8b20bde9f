"""From queue settings to the kernel's bounds."""

from dataclasses import replace

import pytest

from beats.config.settings import LaneSettings, QueueSettings
from beats.kernel.envelope import Kind
from beats.kernel.queue.bounds import LaneBounds, QueueBounds
from beats.kit.bounds import queue_bounds

QUEUE = QueueSettings(size=7, max_bytes=1000, overflow="block", block_timeout_s=0.25)
COMMON = QueueBounds(7, 1000, "block", 0.25)


def test_every_bound_of_a_queue_reaches_the_kernel() -> None:
    """As it is; a queue without settings has the kernel's own defaults, and no lanes."""
    assert queue_bounds(QUEUE) == COMMON
    assert queue_bounds(QueueSettings()) == QueueBounds()


@pytest.mark.parametrize(
    ("lane", "expected"),
    [
        (LaneSettings(), LaneBounds(7, 1000, "block", 0.25)),
        (LaneSettings(size=2), LaneBounds(2, 1000, "block", 0.25)),
        (LaneSettings(max_bytes=3), LaneBounds(7, 3, "block", 0.25)),
        (LaneSettings(overflow="latest"), LaneBounds(7, 1000, "latest", 0.25)),
        (LaneSettings(block_timeout_s=9.0), LaneBounds(7, 1000, "block", 9.0)),
    ],
)
@pytest.mark.parametrize("kind", ["frame", "peripheral"])
def test_a_lane_overrides_what_it_says(kind: Kind, lane: LaneSettings, expected: LaneBounds) -> None:
    """It takes from the queue what it does not say."""
    queue = QUEUE.model_copy(update={kind: lane})
    assert queue_bounds(queue) == replace(COMMON, per_kind={kind: expected})
