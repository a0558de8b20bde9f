"""Converts the settings of a queue to the kernel's bounds."""

from beats.config.settings import LaneSettings, QueueSettings
from beats.kernel.envelope import Kind
from beats.kernel.queue.bounds import LaneBounds, QueueBounds


def queue_bounds(queue: QueueSettings) -> QueueBounds:
    """The bounds of a queue; what the settings of a lane leave out is as for the whole queue."""
    lanes: dict[Kind, LaneSettings | None] = {"frame": queue.frame, "peripheral": queue.peripheral}
    common = queue.model_dump(exclude={"frame", "peripheral"})
    per_kind: dict[Kind, LaneBounds] = {
        kind: LaneBounds(**{**common, **lane.model_dump(exclude_none=True)})
        for kind, lane in lanes.items()
        if lane is not None
    }
    return QueueBounds(**common, per_kind=per_kind)
