"""Commands of clients: the valid ones with their defaults, everything else refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.adapters.sinks.websocket.control import InvalidControl, parse, receipt, receipt_wanted
from beats.adapters.sources.replay.commands import COMMANDS

EMOJIS = ("heart", "star")


def control(command: object, **fields: object) -> str:
    return json.dumps({"kind": "control", "command": command, **fields})


@pytest.mark.parametrize(
    ("message", "command", "fields"),
    [
        (control("browse", browse_step=-2), "browse", {"browse_step": -2}),
        (control("browse"), "browse", {"browse_step": 0}),
        (control("activate"), "activate", {"browse_step": 0}),
        (control("alternate_activate", browse_step=1), "alternate_activate", {"browse_step": 1}),
        (
            control("sensor_update", sensor_key="t", sensor_value=1.5),
            "sensor_update",
            {"browse_step": 0, "sensor_key": "t", "sensor_value": 1.5, "clear": False},
        ),
        (
            control("sensor_update", sensor_key="t", clear=True),
            "sensor_update",
            {"browse_step": 0, "sensor_key": "t", "clear": True},
        ),
        (control("text_update", text=""), "text_update", {"browse_step": 0, "text": "", "clear": False}),
        (control("text_update", clear=True), "text_update", {"browse_step": 0, "clear": True}),
        (
            control("image_update", image_base64="eA==", image_mime_type="image/png"),
            "image_update",
            {"browse_step": 0, "image_base64": "eA==", "image_mime_type": "image/png", "clear": False},
        ),
        (
            control("image_update", image_base64="x" * 2_000_000),
            "image_update",
            {"browse_step": 0, "image_base64": "x" * 2_000_000, "clear": False},
        ),
        (control("emoji_update", emoji="star"), "emoji_update", {"browse_step": 0, "emoji": "star"}),
    ],
)
def test_a_valid_command_has_its_fields_and_defaults(
    message: str, command: str, fields: dict[str, Any]
) -> None:
    """Each command of the wire is taken, as text and as UTF-8 bytes."""
    assert parse(message, EMOJIS) == (command, fields)
    assert parse(message.encode(), EMOJIS) == (command, fields)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"kind": "frame", "command": "browse"}', "kind is 'frame'"),
        ('{"command": "browse"}', "kind is None"),
        (control("dance"), "command is 'dance'"),
        (control(["browse"]), "command is"),
        (control("browse", browse_step="1"), "browse_step"),
        (control("browse", browse_step=True), "browse_step"),
        (control("browse", browse_step=1.0), "browse_step"),
        (control("sensor_update", sensor_value=1), "sensor_key"),
        (control("sensor_update", sensor_key="", sensor_value=1), "sensor_key"),
        (control("sensor_update", sensor_key="t"), "sensor_value"),
        (control("sensor_update", sensor_key="t", sensor_value=True), "sensor_value"),
        (control("sensor_update", sensor_key="t", sensor_value=float("nan")), "sensor_value"),
        (control("sensor_update", sensor_key="t", sensor_value=1, clear=1), "clear"),
        (control("text_update"), "text is"),
        (control("image_update", image_base64=""), "image_base64"),
        (control("image_update", image_base64="x" * 2_000_001), "2000001 characters"),
        (control("image_update", image_base64="x", image_mime_type=3), "image_mime_type"),
        (control("emoji_update", emoji="dragon"), "not one of heart, star"),
    ],
)
def test_anything_else_is_refused_with_the_reason(message: str | bytes, why: str) -> None:
    """What is not valid raises one error that says why."""
    with pytest.raises(InvalidControl, match=why):
        parse(message, EMOJIS)


def test_commands_of_sources_are_taken_while_there_are_such_sources() -> None:
    """Each has the fields that its source makes of them; without the source it is not known."""
    message = control("replay_seek", offset_s=-5)
    assert parse(message, EMOJIS, COMMANDS) == ("replay_seek", {"offset_s": -5.0})
    assert parse(control("browse"), EMOJIS, COMMANDS) == ("browse", {"browse_step": 0})
    with pytest.raises(InvalidControl, match="command is 'replay_seek', not one of browse"):
        parse(message, EMOJIS)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (control("replay_seek"), "exactly one of position_s, offset_s, frames"),
        (control("replay_seek", position_s=10**400), "position_s is 1000"),
        (control("replay_speed", speed=0), "not a number from 0.1"),
        (control("replay_pause", paused="yes"), "paused is 'yes'"),
        (control("replay_dance"), "emoji_update, replay_pause, replay_speed, replay_seek"),
    ],
)
def test_what_a_source_would_not_take_is_refused_with_its_reason(message: str, why: str) -> None:
    """And what nobody takes, with the names of all that there are."""
    with pytest.raises(InvalidControl, match=why):
        parse(message, EMOJIS, COMMANDS)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = [
    "kind",
    "command",
    "browse_step",
    "sensor_key",
    "sensor_value",
    "text",
    "image_base64",
    "clear",
    "emoji",
    "position_s",
    "speed",
]


@given(
    st.binary()
    | st.text()
    | st.dictionaries(
        st.sampled_from(FIELDS),
        JSON | st.sampled_from(["control", "sensor_update", "replay_seek", "replay_speed"]),
    ).map(json.dumps)
)
def test_no_message_raises_anything_else(message: str | bytes) -> None:
    """Random bytes, text and near-valid objects are taken or refused."""
    try:
        command, fields = parse(message, EMOJIS, COMMANDS)
    except InvalidControl:
        return
    assert command
    assert command in COMMANDS or "browse_step" in fields


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ('{"kind": "control", "command": "browse", "receipt": 7}', 7),
        (b'{"receipt": 0}', 0),
        ('{"receipt": 9007199254740991}', 2**53 - 1),
        ('{"kind": "control", "command": "browse"}', None),
        ('{"receipt": 9007199254740992}', None),
        ('{"receipt": -1}', None),
        ('{"receipt": 1.0}', None),
        ('{"receipt": true}', None),
        ('{"receipt": "7"}', None),
        ('{"text": "\\"receipt\\": 7"}', None),
        ('["receipt", 7]', None),
        ('{"receipt": 7', None),
        ("[" * 100_000 + '"receipt"', None),
        (b'\xff"receipt"', None),
    ],
)
def test_a_receipt_is_wanted_by_a_number(message: str | bytes, number: int | None) -> None:
    """One that every client can hold exactly; whatever the message is, nothing is raised."""
    assert receipt_wanted(message) == number


def test_a_receipt_is_short() -> None:
    """However long what was wrong is."""
    assert len(receipt(2**53 - 1, "ü" * 100_000)) < 1500
    assert json.loads(receipt(1, "\ud800"))["error"] == "\ud800"
