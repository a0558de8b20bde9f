import pytest
from pydantic import ValidationError

from beats.adapters.sinks.recorder import RecorderSettings


def test_part_of_a_queue_table_keeps_the_recorders_other_defaults() -> None:
    """A recorder's queue is deep and keeps what is in it, whichever single key an operator sets."""
    settings = RecorderSettings.model_validate({"type": "recorder", "queue": {"size": 10}})
    queue = settings.queue
    assert (queue.size, queue.max_bytes, queue.overflow) == (10, 2**28, "drop_newest")
    assert RecorderSettings(type="recorder").queue.size == 4096


def test_by_default_a_crash_costs_a_second_and_a_disk_is_never_filled() -> None:
    """Without any setting a recording is flushed and synced each second, and leaves 256 MiB free."""
    settings = RecorderSettings(type="recorder")
    assert (settings.flush_interval_s, settings.fsync, settings.compression) == (1.0, "interval", "none")
    assert settings.min_free_bytes == 2**28
    assert settings.rotate_bytes == 2**32
    assert settings.rotate_s == 3600


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": ""}, "path"),
        ({"path": "{name}.mcap"}, r"unknown placeholder \{name\}: known are \{profile\}, \{start"),
        ({"path": "{.mcap"}, "path"),
        ({"compression": "gzip"}, "compression"),
        ({"flush_interval_s": 0.0}, "flush_interval_s"),
        ({"fsync": "sometimes"}, "fsync"),
        ({"rotate_bytes": -1}, "rotate_bytes"),
        ({"keep_parts": 0}, "keep_parts"),
        ({"min_free_bytes": 1.5}, "min_free_bytes"),
        ({"snapshot_s": 0.0}, "snapshot_s"),
        ({"snapshot_s": 5.0, "keep_parts": 2}, "snapshot_s writes a file only when told"),
        ({"snapshot_s": 5.0, "idle": True}, r"idle records what comes after .* leave one out, or have two"),
        ({"idle": "sometimes"}, "idle"),
        ({"queue": {"length": 4}}, "length"),
        ({"file": "a"}, "file"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    """Each with the key that is wrong, before anything opens."""
    with pytest.raises(ValidationError, match=message):
        RecorderSettings.model_validate({"type": "recorder", **wrong})


def test_only_some_recorders_wait_to_be_told() -> None:
    """The others make a file as soon as they run; whoever waits may still keep a ring of files."""
    told: tuple[dict[str, object], ...] = ({}, {"idle": True, "keep_parts": 3}, {"snapshot_s": 5.0})
    settings = [RecorderSettings.model_validate({"type": "recorder", **each}) for each in told]
    assert [each.waits_to_be_told for each in settings] == [False, True, True]
