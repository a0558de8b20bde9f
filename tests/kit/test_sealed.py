"""From the bytes of an envelope to what can be put on a bus again."""

import pytest

from beats.kernel.envelope import Frame, Location, Peripheral, Sealed, Tag
from beats.kit.sealed import sealed
from beats.proto import wire
from tests.recordings.support import BEGIN_NS, line
from tests.support import tiny_png


@pytest.mark.parametrize(
    "message",
    [
        Frame(tiny_png(5)),
        Peripheral("knob", {"value": [1, 2.5, None, "x"]}),
        Peripheral("text", "\0 ü"),
        Peripheral("phone", 1, (Tag("input", "touch", {"a": "b"}),), Location(1.0, 2.0, 3.0, "2023-11-14")),
    ],
)
def test_a_recorded_message_is_what_was_published(message: Frame | Peripheral) -> None:
    """The message, its place, its time, and the very bytes."""
    recorded = line(message, 7, BEGIN_NS)
    assert sealed(recorded.encoded) == Sealed(message, 7, recorded.captured_unix_ns, recorded.encoded)


def test_a_picture_that_is_written_otherwise_is_read_too() -> None:
    """Another program may write a frame's fields in another way; protobuf readers take all of them."""
    png = tiny_png(1)
    recorded = line(Frame(png), 7, BEGIN_NS).encoded
    unknown = b"\xa2\x1f\x01x"  # field 500, of which nobody knows
    inner = unknown + b"\x0a" + wire.varint(len(png)) + png
    encoded = b"\x0a" + wire.varint(len(inner)) + inner + wire.tail(7, 5)
    assert sealed(encoded) == Sealed(Frame(png), 7, 5, encoded)
    assert sealed(recorded).message == Frame(png)


@pytest.mark.parametrize("encoded", [b"", b"\xff", wire.tail(3, 4), wire.frame_head(3) + b"abc"])
def test_what_is_no_envelope_is_refused(encoded: bytes) -> None:
    """Whoever replays it goes on with the next one."""
    with pytest.raises(ValueError, match=r"."):
        sealed(encoded)
