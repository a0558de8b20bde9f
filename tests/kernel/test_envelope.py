from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.envelope import (
    Frame,
    OpaquePayload,
    Peripheral,
    Tag,
    peripheral_topic,
    topic_of,
)
from tests.kernel.support import EXPLORE


def test_the_default_metadata_of_a_tag_is_immutable() -> None:
    """All tags share one default."""
    metadata: Any = Tag("input").metadata
    with pytest.raises(TypeError, match="item assignment"):
        metadata["colour"] = "red"


class Typed:
    """Looks like a protobuf message, as far as topics are concerned."""

    class DESCRIPTOR:  # noqa: D106 - it is what protobuf has there
        full_name = "heart.peripheral.input.InputEvent"


@pytest.mark.parametrize(
    ("update", "topic"),
    [
        (Frame(b""), "frame"),
        (Frame(b"", "cam-1"), "frame/cam-1"),
        (Peripheral("knob-1", {}), "peripheral/knob-1"),
        (Peripheral("frame", {}), "peripheral/frame"),
        (Peripheral("Ünï/code", {}), "peripheral/Ünï/code"),
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
def test_the_topic_of_an_update_is_its_id_or_its_tags_and_type(
    update: Frame | Peripheral, topic: str
) -> None:
    """Each topic has its own sequence numbers and last value; all frames share one."""
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
