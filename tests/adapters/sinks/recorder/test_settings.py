"""The settings and commands of a recorder."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from beats.adapters.sinks.recorder import RecorderSettings
from beats.adapters.sinks.recorder.sink import RecorderSink
from beats.kernel.capabilities import CommandCheck
from tests.adapters.sinks.recorder.support import context_of, settings_of


def test_part_of_a_queue_table_keeps_the_recorders_other_defaults() -> None:
    """Setting a single key does not change the deep default queue."""
    settings = RecorderSettings.model_validate({"type": "recorder", "queue": {"size": 10}})
    queue = settings.queue
    assert (queue.size, queue.max_bytes, queue.overflow) == (10, 2**28, "drop_newest")
    assert RecorderSettings(type="recorder").queue.size == 4096


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": ""}, "path"),
        ({"path": "{name}.mcap"}, r"unknown placeholder \{name\}: use \{profile\}, \{start"),
        ({"path": "{.mcap"}, "path"),
        ({"compression": "gzip"}, "compression"),
        ({"flush_interval_s": 0.0}, "flush_interval_s"),
        ({"fsync": "sometimes"}, "fsync"),
        ({"rotate_bytes": -1}, "rotate_bytes"),
        ({"keep_parts": 0}, "keep_parts"),
        ({"min_free_bytes": 1.5}, "min_free_bytes"),
        ({"snapshot_s": 0.0}, "snapshot_s"),
        ({"snapshot_s": 5.0, "keep_parts": 2}, "snapshot_s writes files only on command"),
        ({"snapshot_s": 5.0, "idle": True}, r"idle records what comes after .* leave one out, or use two"),
        ({"idle": "sometimes"}, "idle"),
        ({"queue": {"length": 4}}, "length"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    """Each with the wrong key, before anything opens."""
    with pytest.raises(ValidationError, match=message):
        RecorderSettings.model_validate({"type": "recorder", **wrong})


def commands(**settings: Any) -> Mapping[str, CommandCheck]:
    return RecorderSink(settings_of("a.mcap", **settings), context_of()).commands


@pytest.mark.parametrize(
    ("settings", "known"),
    [({}, set[str]()), ({"idle": True, "keep_parts": 3}, {"record"}), ({"snapshot_s": 5.0}, {"snapshot"})],
)
def test_the_settings_determine_the_commands(settings: dict[str, Any], known: set[str]) -> None:
    """Clients may send only these, and the page shows them. Without any, it records as soon as it runs."""
    assert commands(**settings).keys() == known
    assert settings_of("a.mcap", **settings).waits_to_be_told == bool(known)


def test_what_is_said_becomes_fields() -> None:
    """`recording` may be left out; unknown fields are dropped."""
    record = commands(idle=True)["record"]
    assert [record(said) for said in ({}, {"recording": True}, {"recording": False, "x": 1})] == [
        {"recording": None},
        {"recording": True},
        {"recording": False},
    ]
    assert commands(snapshot_s=5.0)["snapshot"]({"x": 1}) == {}


@pytest.mark.parametrize("wrong", [1, 0, "true", [], {"a": 1}])
def test_what_is_neither_true_nor_false_is_refused(wrong: object) -> None:
    """The error has the value and the allowed ones."""
    with pytest.raises(ValueError, match=r"^recording is .*, not true or false$"):
        commands(idle=True)["record"]({"recording": wrong})
