"""MQTT topics of ids."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.adapters.mqtt.topics import MAX_BYTES, MAX_LEVELS, Topics, escaped

IDS = st.text(
    st.sampled_from("ab/+#%$\x00\n\x7fä\ufffe ") | st.characters(exclude_categories=["Cs"]), min_size=1
)


@given(IDS)
def test_an_id_can_be_read_back_from_its_topic(id_: str) -> None:
    """So different ids never share a topic. Wildcards, control characters and empty levels do not occur."""
    topic = escaped(id_)
    assert unquote(topic) == id_
    assert all(topic.split("/"))
    assert not set(topic) & set("+#")
    assert topic.isprintable()


@given(IDS)
def test_no_update_passes_for_the_status_or_a_picture(id_: str) -> None:
    """Whatever its id is."""
    topics = Topics("p")
    update = topics.of(f"peripheral/{id_}")
    assert update.startswith("p/")
    assert update != topics.status
    assert update.split("/")[1] != "frame"
    assert unquote(update.removeprefix("p/")) == id_


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("frame", "p/frame"),
        ("frame/cam/1", "p/frame/cam/1"),
        ("peripheral/desk/knob", "p/desk/knob"),
        ("peripheral/a//b/", "p/a/%2Fb%2F"),
        ("peripheral/50%+#", "p/50%25%2B%23"),
        ("peripheral/status", "p/%73tatus"),
        ("peripheral/frame/x", "p/%66rame/x"),
        ("peripheral/frames", "p/frames"),
        ("peripheral/(input:rotary, position)", "p/(input:rotary, position)"),
    ],
)
def test_the_topics_of_a_stream(topic: str, expected: str) -> None:
    """Ids stay readable, and slashes are levels."""
    assert Topics("p").of(topic) == expected


@pytest.mark.parametrize("id_", ["x" * (MAX_BYTES + 1), "x/" * MAX_LEVELS + "x"])
def test_an_id_that_brokers_refuse_has_its_digest(id_: str) -> None:
    """Too long, or with too many levels: a broker would close the connection."""
    assert escaped(id_).startswith("%sha256-")
    assert escaped(id_) != escaped(f"{id_}y")
