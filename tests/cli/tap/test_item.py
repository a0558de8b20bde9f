"""What came with a message."""

import pytest

from beats.cli.tap.item import Item, Unreadable, png_size, read
from beats.kernel.envelope import OpaquePayload, Peripheral
from tests.cli.tap.envelopes import AT_NS, frame, item, opaque, update
from tests.support import tiny_png


def test_an_envelope_is_read() -> None:
    """With what is known of its way."""
    message = frame(7)
    found = item(message, after_ms=2.5)
    assert (found.topic, found.sequence, found.captured_unix_ns) == ("frame", 7, AT_NS)
    assert (found.size_bytes, found.age_s) == (len(message), 0.0025)
    assert item(update(3)).topic == "peripheral/knob-1"


def test_an_envelope_that_does_not_say_when_has_no_age() -> None:
    """Zero is no time: a server of another kind leaves it out."""
    assert item(frame(1, at_ns=0)).age_s is None


def test_a_payload_of_a_type_that_is_not_known_is_kept() -> None:
    """Whoever taps need not know every type."""
    payload = item(opaque(1, "wall.Weather", b"\x08\x05")).message
    assert isinstance(payload, Peripheral)
    assert payload.data == OpaquePayload("wall.Weather", b"\x08\x05")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", "neither a frame nor a peripheral"),
        (b"\xff" * 40, "not a StreamEnvelope"),
        (b"hello", "not a StreamEnvelope"),
        ("hello", "a text: the stream is binary"),
        (opaque(1, "", b"\x08\x05"), "payload_type"),
        (
            opaque(1, "heart.peripheral.input.InputEvent", b"\xff\xff"),
            "not a heart.peripheral.input.InputEvent",
        ),
    ],
)
def test_anything_else_is_unreadable_and_says_why(message: str | bytes, why: str) -> None:
    """It is no error: the next message may be fine."""
    found = read(message, 5)
    assert isinstance(found, Unreadable)
    assert why in found.why
    assert (found.received_unix_ns, found.size_bytes) == (5, len(message))


def test_the_size_of_a_picture_is_in_its_header() -> None:
    """It is not decoded for that; what is cut short has none."""
    assert png_size(tiny_png()) == (1, 1)
    assert png_size(b"\x89PNG") == (0, 0)


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_cut_messages_are_no_error(cut: int) -> None:
    """At whichever byte."""
    for message in (frame(1), update(1, {"a": [1, "b"]})):
        assert isinstance(read(message[:cut], 1), Item | Unreadable)
