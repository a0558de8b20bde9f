"""The settings of the source `nats`."""

from beats.adapters.sources.nats import SOURCE, NatsSourceSettings
from beats.kit.bounds import queue_bounds


def test_what_waits_is_fresh() -> None:
    """At 60 frames a second, what waits longest is 0.13 s old."""
    common, own = queue_bounds(NatsSourceSettings(type="nats").queue)
    assert (common.size, common.overflow) == (1024, "drop_oldest")
    assert (own["frame"].size, own["frame"].overflow) == (8, "drop_oldest")
    assert SOURCE.settings is NatsSourceSettings
