"""The settings of the source `nats`."""

from beats.adapters.sources.nats import SOURCE, NatsSourceSettings
from beats.kit.bounds import queue_bounds


def test_what_waits_is_fresh() -> None:
    """At 60 frames a second, what waits longest is 0.13 s old."""
    bounds = queue_bounds(NatsSourceSettings(type="nats").queue)
    assert (bounds.size, bounds.overflow) == (1024, "drop_oldest")
    assert (bounds.per_kind["frame"].size, bounds.per_kind["frame"].overflow) == (8, "drop_oldest")
    assert SOURCE.settings is NatsSourceSettings
