"""What a recorder can be told, and what is refused."""

import pytest

from beats.adapters.sinks.recorder.commands import commands
from tests.adapters.sinks.recorder.support import settings_of


def test_a_recorder_takes_the_commands_that_its_settings_have_it_wait_for() -> None:
    """Each is let in from clients, and shown by the page, as long as somebody takes it."""
    assert commands(settings_of("a.mcap")).keys() == set()
    assert commands(settings_of("a.mcap", idle=True)).keys() == {"record"}
    assert commands(settings_of("a.mcap", snapshot_s=5.0)).keys() == {"snapshot"}


def test_what_is_said_becomes_fields() -> None:
    """Whether to record may be left out; what is not asked for goes no further."""
    record = commands(settings_of("a.mcap", idle=True))["record"]
    assert [record(said) for said in ({}, {"recording": True}, {"recording": False, "x": 1})] == [
        {"recording": None},
        {"recording": True},
        {"recording": False},
    ]
    assert commands(settings_of("a.mcap", snapshot_s=5.0))["snapshot"]({"x": 1}) == {}


@pytest.mark.parametrize("wrong", [1, 0, "true", [], {"a": 1}])
def test_what_is_neither_true_nor_false_is_refused(wrong: object) -> None:
    """With what was said and what would be right."""
    with pytest.raises(ValueError, match=r"^recording is .*, not true or false$"):
        commands(settings_of("a.mcap", idle=True))["record"]({"recording": wrong})
