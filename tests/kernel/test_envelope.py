from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.envelope import (
    FRAME_TOPIC,
    KINDS,
    ClientIdentity,
    Control,
    Frame,
    Kind,
    Location,
    OpaquePayload,
    Peripheral,
    Tag,
    peripheral_topic,
    topic_of,
)
from beats.kernel.testing import envelope
from tests.kernel.support import EXPLORE


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
    """All tags share one default."""
    metadata: Any = Tag("input").metadata
    with pytest.raises(TypeError, match="item assignment"):
        metadata["colour"] = "red"


def test_there_are_two_kinds() -> None:
    """The tuple of kinds and the type of a kind agree."""
    assert get_args(Kind) == KINDS == ("frame", "peripheral")


def test_all_frames_share_one_topic() -> None:
    """A frame's topic is `frame`."""
    assert topic_of(Frame(b"")) == FRAME_TOPIC == "frame"


@pytest.mark.parametrize("name", ["knob-1", "a/b", "frame", "Ünïcode"])
def test_a_peripheral_has_the_topic_of_its_id(name: str) -> None:
    """A peripheral's topic is `peripheral/<id>`, whatever the id, and never that of a frame."""
    assert topic_of(Peripheral(name, {})) == f"peripheral/{name}"


class Typed:
    """Looks like a protobuf message, as far as topics are concerned."""

    class DESCRIPTOR:  # noqa: D106 - it is what protobuf has there
        full_name = "heart.peripheral.input.InputEvent"


@pytest.mark.parametrize(
    ("update", "topic"),
    [
        (Peripheral("", 1), "peripheral/()"),
        (Peripheral("", 1, (Tag("input", "rotary", {"serial": "7"}),)), "peripheral/(input:rotary)"),
        (Peripheral("", 1, (Tag("input"), Tag("left"))), "peripheral/(input, left)"),
        (Peripheral("", 1, (Tag("input, left"),)), "peripheral/(input\\, left)"),
        (Peripheral("", 1, (Tag("a:b"),)), "peripheral/(a\\:b)"),
        (Peripheral("", Typed(), (Tag("a", "b"),)), "peripheral/(a:b, heart.peripheral.input.InputEvent)"),
        (Peripheral("", OpaquePayload("x.Y", b"")), "peripheral/(x.Y)"),
        (Peripheral("knob", Typed(), (Tag("a"),)), "peripheral/knob"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_updates_without_an_id_are_told_apart_by_tags_and_type(update: Peripheral, topic: str) -> None:
    """Each has its own sequence numbers and last value."""
    assert topic_of(update) == topic


@EXPLORE
@given(
    one=st.lists(st.tuples(st.text(max_size=4, min_size=1), st.text(max_size=4)), max_size=3),
    other=st.lists(st.tuples(st.text(max_size=4, min_size=1), st.text(max_size=4)), max_size=3),
)
def test_different_tags_never_give_the_same_topic(
    one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    """Even with separators in the names."""
    topics = [peripheral_topic("", [Tag(*tag) for tag in tags]) for tags in (one, other)]
    assert (topics[0] == topics[1]) == (one == other)
