"""Messages of a stream, and their form as JSON."""

import json
from datetime import UTC, datetime
from math import inf, nan

import pytest

from beats.adapters.sources.jsonl.lines import parse
from beats.cli.tap.item import Item, Unreadable, document, read, size_of
from beats.kernel.envelope import Frame, OpaquePayload, Peripheral
from beats.proto.events import input_event
from beats.proto.input_event_pb2 import InputEvent
from beats.proto.streaming_pb2 import StreamEnvelope
from tests.cli.tap.envelopes import AT_NS, PLACE, TAGS, frame, item, opaque, update
from tests.support import tiny_png

INPUT_EVENT = "heart.peripheral.input.InputEvent"


def test_an_envelope_is_read() -> None:
    """With its times and size; other servers may leave the time out, which gives no age."""
    message = frame(7)
    found = item(message, after_ms=2.5)
    assert (found.topic, found.sequence, found.captured_unix_ns) == ("frame", 7, AT_NS)
    assert (found.size_bytes, found.age_s) == (len(message), 0.0025)
    assert item(update(3)).topic == "peripheral/knob-1"
    assert item(frame(1, at_ns=0)).age_s is None


def test_a_payload_of_a_type_that_is_not_known_is_kept() -> None:
    """A tap need not know every type; as JSON it is in base64, with its type."""
    payload = item(opaque(1, "wall.Weather", b"\x08\x05")).message
    assert isinstance(payload, Peripheral)
    assert payload.data == OpaquePayload("wall.Weather", b"\x08\x05")
    found = document(item(opaque(1, "wall.Weather", b"\x08\x05")))
    assert (found["payload_type"], found["data"]) == ("wall.Weather", {"base64": "CAU="})
    assert parse(json.dumps(found).encode()).message == Peripheral("knob-1", {"base64": "CAU="})


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", "neither a frame nor a peripheral"),
        (b"\xff" * 40, "not a StreamEnvelope"),
        (b"hello", "not a StreamEnvelope"),
        ("hello", "a text message: the stream is binary"),
        (opaque(1, "", b"\x08\x05"), "payload_type"),
        (opaque(1, INPUT_EVENT, b"\xff\xff"), f"not a {INPUT_EVENT}"),
    ],
)
def test_anything_else_is_unreadable_and_says_why(message: str | bytes, why: str) -> None:
    """It is not an error: the next message may be fine."""
    found = read(message, 5)
    assert isinstance(found, Unreadable)
    assert why in found.why
    assert (found.received_unix_ns, found.size_bytes) == (5, len(message))


def test_a_frame_is_told_with_its_size_and_without_its_bytes() -> None:
    """The picture is not decoded for its size in pixels; a cut header gives zeros."""
    assert size_of(Frame(tiny_png())) == (1, 1)
    assert size_of(Frame(b"\x89PNG")) == (0, 0)
    assert document(item(frame(7), after_ms=2)) == {
        "kind": "frame",
        "topic": "frame",
        "sequence": 7,
        "captured_unix_ns": AT_NS,
        "received_unix_ns": AT_NS + 2_000_000,
        "size_bytes": len(frame(7)),
        "id": "",
        "media_type": "image/png",
        "png_bytes": len(tiny_png(7)),
        "width_px": 1,
        "height_px": 1,
    }


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_cut_messages_are_no_error(cut: int) -> None:
    """At any byte."""
    for message in (frame(1), update(1, {"a": [1, "b"]})):
        assert isinstance(read(message[:cut], 1), Item | Unreadable)


def test_an_update_has_all_that_it_says_and_null_for_the_rest() -> None:
    """Tags with metadata, location and value; what is missing is null, and can be published too."""
    found = document(item(update(3, {"rotation": [1, None, "ä"]})))
    assert (found["kind"], found["topic"], found["id"]) == ("peripheral", "peripheral/knob-1", "knob-1")
    assert found["tags"] == [
        {"name": "input", "variant": "rotary", "metadata": {"unit": "detent"}},
        {"name": "demo", "variant": "", "metadata": {}},
    ]
    assert found["location"] == {"x": 1.0, "y": -2.5, "z": 0.0, "time": "2026-01-02T03:04:05Z"}
    assert found["data"] == {"rotation": [1, None, "ä"]}
    assert "payload_type" not in found
    bare = StreamEnvelope.FromString(update(1, at_ns=0))
    bare.peripheral.peripheral_info.ClearField("location")
    bare.ClearField("sequence")
    found = document(item(bare.SerializeToString()))
    assert (found["sequence"], found["captured_unix_ns"], found["location"]) == (None, None, None)
    assert parse(json.dumps(found).encode()).captured_unix_ns is None


@pytest.mark.parametrize("data", [None, 0, "text\x1b", [1, [2]], {"ä": "€"}, True, 1e300])
def test_what_is_told_can_be_published_again(data: object) -> None:
    """`beats run --stdin` makes the same update from it."""
    line = json.dumps(document(item(update(3, data))), allow_nan=False).encode()
    assert parse(line) == (Peripheral("knob-1", data, TAGS, PLACE), AT_NS)


@pytest.mark.parametrize("value", [inf, -inf, nan])
def test_a_place_that_json_cannot_say_is_null(value: float) -> None:
    """The wire can carry numbers that JSON lacks."""
    strange = StreamEnvelope.FromString(update(1))
    strange.peripheral.peripheral_info.location.y = value
    location = document(item(strange.SerializeToString()))["location"]
    assert location == {"x": 1.0, "y": None, "z": 0.0, "time": "2026-01-02T03:04:05Z"}


def test_an_input_event_is_an_object() -> None:
    """With its data as JSON, and its type."""
    event = input_event("press", datetime(2026, 1, 2, tzinfo=UTC), {"key": "a"})
    found = document(item(update(1, event)))
    assert found["payload_type"] == INPUT_EVENT
    assert found["data"] == {
        "event_type": "press", "timestamp": "2026-01-02T00:00:00+00:00", "data": {"key": "a"}
    }  # fmt: skip
    parse(json.dumps(found).encode())


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (b"", None),
        (b"{", "{"),
        (b"\xff", "\ufffd"),
        (b"NaN", "NaN"),
        (b"1e999", "1e999"),
        (b"[" * 5000, "[" * 5000),
    ],
    ids=["empty", "cut", "no text", "NaN", "too large", "deep"],
)
def test_an_event_whose_json_is_none_is_text(text: bytes, data: object) -> None:
    """Invalid data of a device does not end the tap."""
    event = InputEvent(event_type="press", timestamp="2026-01-02T00:00:00Z", data_json=text)
    found = document(item(opaque(1, INPUT_EVENT, event.SerializeToString())))
    assert found["data"] == {"event_type": "press", "timestamp": "2026-01-02T00:00:00Z", "data": data}
    json.dumps(found, allow_nan=False)
