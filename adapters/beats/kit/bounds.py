"""From the typed settings of a queue to the kernel's bounds."""

from collections.abc import Mapping

from beats.config.settings import LaneSettings, QueueSettings
from beats.kernel.envelope import Kind
from beats.kernel.queue.lane import LaneBounds


def queue_bounds(queue: QueueSettings) -> tuple[LaneBounds, Mapping[Kind, LaneBounds]]:
    """The bounds that hold for all kinds, and those of the kinds with a lane of their own."""
    common = LaneBounds(queue.size, queue.max_bytes, queue.overflow, queue.block_timeout_s)
    own: dict[Kind, LaneSettings | None] = {"frame": queue.frame, "peripheral": queue.peripheral}
    return common, {kind: _lane(common, lane) for kind, lane in own.items() if lane is not None}


def _lane(common: LaneBounds, lane: LaneSettings) -> LaneBounds:
    return LaneBounds(
        common.size if lane.size is None else lane.size,
        common.max_bytes if lane.max_bytes is None else lane.max_bytes,
        common.overflow if lane.overflow is None else lane.overflow,
        common.block_timeout_s if lane.block_timeout_s is None else lane.block_timeout_s,
    )
