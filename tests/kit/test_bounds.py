"""From queue settings to the kernel's bounds."""

from dataclasses import replace

import pytest

from beats.config.settings import LaneSettings, QueueSettings
from beats.kernel.queue.bounds import LaneBounds, QueueBounds
from beats.kit.bounds import queue_bounds

QUEUE = QueueSettings(size=7, max_bytes=1000, overflow="block", block_timeout_s=0.25)
COMMON = QueueBounds(7, 1000, "block", 0.25)
LANE = LaneBounds(7, 1000, "block", 0.25)


def test_the_defaults_of_settings_and_kernel_agree() -> None:
    """A queue without settings has the bounds of the kernel's own defaults, and no lanes."""
    assert queue_bounds(QueueSettings()) == QueueBounds()


def test_every_bound_of_a_queue_reaches_the_kernel() -> None:
    """Size, bytes, strategy and waiting time are passed on as they are."""
    assert queue_bounds(QUEUE) == COMMON


def test_a_lane_takes_from_the_queue_what_it_does_not_say() -> None:
    """An empty lane is a lane of its own with the queue's bounds."""
    assert queue_bounds(QUEUE.model_copy(update={"frame": LaneSettings()})) == replace(
        COMMON, per_kind={"frame": LANE}
    )


@pytest.mark.parametrize(
    ("lane", "expected"),
    [
        (LaneSettings(size=2), LaneBounds(2, 1000, "block", 0.25)),
        (LaneSettings(max_bytes=3), LaneBounds(7, 3, "block", 0.25)),
        (LaneSettings(overflow="latest"), LaneBounds(7, 1000, "latest", 0.25)),
        (LaneSettings(block_timeout_s=9.0), LaneBounds(7, 1000, "block", 9.0)),
    ],
)
def test_a_lane_overrides_what_it_says(lane: LaneSettings, expected: LaneBounds) -> None:
    """Each bound of a lane stands in place of the queue's, alone."""
    queue = QUEUE.model_copy(update={"peripheral": lane})
    assert queue_bounds(queue) == replace(COMMON, per_kind={"peripheral": expected})
