import pytest

from beats.kernel.envelope import Frame, Location, Peripheral, Tag
from beats.proto.messages import (
    Decoded,
    DecodedFrame,
    DecodedLocation,
    DecodedPeripheral,
    DecodedTag,
    DecodeError,
    FrameLike,
    LocationLike,
    PeripheralLike,
    TagLike,
)


def test_the_kernel_s_messages_fit() -> None:
    """What the kernel publishes has the attributes that the codec reads; the type checkers see to it."""
    frame: FrameLike = Frame(b"")
    tag: TagLike = Tag("input")
    location: LocationLike = Location()
    peripheral: PeripheralLike = Peripheral("knob", 1, (Tag("input"),), Location())
    assert (frame.png_data, tag.variant, location.time, peripheral.id) == (b"", "", "", "knob")


def test_what_was_decoded_fits_again() -> None:
    """A relay or a replay can publish what it decoded."""
    frame: FrameLike = DecodedFrame(b"")
    tag = DecodedTag("input", "", {})
    peripheral: PeripheralLike = DecodedPeripheral(
        "knob", 1, (tag,), DecodedLocation(0, 0, 0, ""), "JSON_UTF8", ""
    )
    assert (frame.png_data, peripheral.tags) == (b"", (tag,))


@pytest.mark.parametrize("name", Decoded._fields)
def test_what_was_decoded_cannot_be_changed(name: str) -> None:
    """One decoded message may be handed to many readers."""
    decoded = Decoded("frame", "frame", 1, 2, DecodedFrame(b""))
    with pytest.raises(AttributeError):
        setattr(decoded, name, None)


def test_a_decode_error_is_a_value_error() -> None:
    """Callers that know only builtin exceptions catch it as what it is: a wrong value."""
    assert issubclass(DecodeError, ValueError)
