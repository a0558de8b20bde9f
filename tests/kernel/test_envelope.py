from typing import Any, get_args

import pytest

from beats.kernel.envelope import (
    FRAME_TOPIC,
    KINDS,
    ClientIdentity,
    Control,
    Frame,
    Kind,
    Location,
    Peripheral,
    Tag,
    topic_of,
)
from beats.kernel.testing import envelope


@pytest.mark.parametrize(
    "item",
    [
        envelope(),
        Frame(b"png"),
        Peripheral("knob", 1),
        Tag("input"),
        Location(),
        Control("ping", {}, ClientIdentity("browser", 1, "host:1")),
    ],
    ids=lambda item: type(item).__name__,
)
def test_what_travels_is_immutable(item: Any) -> None:
    """No field of an envelope, a message or a command can be set."""
    for field in item._fields:
        with pytest.raises(AttributeError):
            setattr(item, field, None)


def test_the_default_metadata_of_a_tag_is_immutable() -> None:
    """All tags share one default, so nobody may write to it."""
    metadata: Any = Tag("input").metadata
    with pytest.raises(TypeError, match="item assignment"):
        metadata["colour"] = "red"


def test_there_are_two_kinds() -> None:
    """The tuple of kinds and the type of a kind say the same."""
    assert get_args(Kind) == KINDS == ("frame", "peripheral")


def test_all_frames_share_one_topic() -> None:
    """A frame's topic is `frame`."""
    assert topic_of(Frame(b"")) == FRAME_TOPIC == "frame"


@pytest.mark.parametrize("name", ["knob-1", "", "a/b", "frame", "Ünïcode"])
def test_a_peripheral_has_the_topic_of_its_id(name: str) -> None:
    """A peripheral's topic is `peripheral/<id>`, whatever the id, and never that of a frame."""
    assert topic_of(Peripheral(name, {})) == f"peripheral/{name}"
