"""The settings of the sink `nats`."""

import pytest
from pydantic import ValidationError

from beats.adapters.sinks.nats import SINK, NatsSinkSettings
from beats.kit.bounds import queue_bounds


def test_its_queue_prefers_fresh_to_complete() -> None:
    """At 60 frames a second, what waits longest is 0.13 s old."""
    bounds = queue_bounds(NatsSinkSettings(type="nats").queue)
    assert (bounds.size, bounds.overflow) == (1024, "drop_oldest")
    assert (bounds.per_kind["frame"].size, bounds.per_kind["frame"].overflow) == (8, "drop_oldest")
    assert SINK.settings is NatsSinkSettings


def test_a_queue_of_ones_own_is_taken() -> None:
    """A producer may be made to wait for a relay, too."""
    settings = NatsSinkSettings.model_validate({"type": "nats", "queue": {"overflow": "block"}})
    assert settings.queue.overflow == "block"


def test_last_values_have_a_bound() -> None:
    """They are in the memory of a server."""
    assert NatsSinkSettings(type="nats").last_value_max_bytes == 64 * 1024 * 1024
    with pytest.raises(ValidationError, match="last_value_max_bytes"):
        NatsSinkSettings.model_validate({"type": "nats", "last_value_max_bytes": 0})
