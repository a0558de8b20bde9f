"""The latest update of each peripheral as JSON."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from beats.adapters.http import last_values as module
from beats.adapters.http.last_values import last_values
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import (
    Envelope,
    Frame,
    Location,
    Message,
    OpaquePayload,
    Peripheral,
    Tag,
    kind_of,
    topic_of,
)
from beats.kernel.ports import Context
from beats.proto.codec import StreamCodec
from beats.proto.events import input_event
from beats.proto.streaming_pb2 import PeripheralTag
from tests.support import tiny_png

CODEC = StreamCodec()
CAPTURED_UNIX_NS = 1_700_000_000_123_456_789


def sealed(message: Message, sequence: int = 1) -> Envelope:
    encoded = CODEC.seal(CODEC.prepare(message), sequence, CAPTURED_UNIX_NS)
    return Envelope(kind_of(message), topic_of(message), sequence, CAPTURED_UNIX_NS, 0, message, encoded)


def asked(*messages: Message, query: str = "") -> dict[str, Any]:
    values = [sealed(message, number) for number, message in enumerate(messages, 1)]
    context = Context("it", "test", SystemClock(), lambda _: None, last_values=lambda: values)
    reply = last_values(context, query)
    assert reply.content_type == "application/json"
    found: dict[str, Any] = json.loads(reply.body)
    return found


def test_an_update_has_all_that_is_known_of_it() -> None:
    """Pictures are left out."""
    knob = Peripheral("knob", {"turn": 7}, (Tag("input", "rotary", {"a": "b"}),), Location(1.0, 2.0, 3.0))
    found = asked(Frame(tiny_png()), knob)
    assert found["left_out"] == 0
    assert found["peripherals"] == [
        {
            "topic": "peripheral/knob",
            "sequence": 2,
            "captured": "2023-11-14T22:13:20.123+00:00",
            "captured_unix_ns": CAPTURED_UNIX_NS,
            "id": "knob",
            "tags": [{"name": "input", "variant": "rotary", "metadata": {"a": "b"}}],
            "location": {"x": 1.0, "y": 2.0, "z": 3.0, "time": ""},
            "data": {"turn": 7},
        }
    ]


def test_values_of_all_kinds_become_json() -> None:
    """Objects of a program, input events, messages of known and of unknown types."""

    @dataclass
    class Place:
        x: float

    found = asked(
        Peripheral("a", Place(1.5)),
        Peripheral("b", input_event("press", "2026-01-01T00:00:00Z", {"key": "ü"})),
        Peripheral("c", PeripheralTag(name="n", variant="v")),
        Peripheral("d", OpaquePayload("their.Type", b"\0\1")),
        Peripheral("e", float("1e300")),
    )
    data = [each["data"] for each in found["peripherals"]]
    assert data[0] == {"x": 1.5}
    assert data[1]["data"] == {"key": "ü"}
    assert data[2] == {"name": "n", "variant": "v"}
    assert data[3:] == [{"base64": "AAE="}, 1e300]
    assert [each.get("payload_type") for each in found["peripherals"]][2:4] == [
        "heart.beats.streaming.PeripheralTag",
        "their.Type",
    ]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("id=knob-*", ["knob-1"]),
        ("id=c,b,knob-?&token=x", ["b", "knob-1"]),
        ("id=z", []),
        ("t=1", ["b", "knob-1"]),
    ],
)
def test_ids_are_chosen_by_patterns(query: str, ids: list[str]) -> None:
    """With commas; all without any."""
    found = asked(Peripheral("b", 1), Peripheral("knob-1", 2), query=query)
    assert [each["id"] for each in found["peripherals"]] == ids


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("ids=a", "unknown parameter 'ids'"),
        ("id=a,", "it takes 1 to 32 patterns with commas, such as knob-*,accel-1"),
    ],
)
def test_a_wrong_query_is_explained(query: str, why: str) -> None:
    """In a line of text."""
    reply = last_values(Context("it", "test", SystemClock(), lambda _: None), query)
    assert (int(reply.status), why in reply.body.decode()) == (400, True)


def test_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is left out, and counted."""
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    found = asked(Peripheral("a", 1), Peripheral("b", "x" * 900), Peripheral("c", 3))
    assert ([each["id"] for each in found["peripherals"]], found["left_out"]) == (["a", "c"], 1)
