import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.proto import wire
from beats.proto.streaming_pb2 import (
    JSON_UTF8,
    Frame,
    PeripheralEnvelope,
    PeripheralInfo,
    StreamEnvelope,
)
from tests.proto.strategies import examples, sequences, times_unix_ns


@given(sequences, times_unix_ns)
@examples(300)
def test_a_tail_is_what_protobuf_writes(sequence: int, captured_unix_ns: int) -> None:
    """Place and time are, byte for byte, what the runtime writes for the same fields."""
    expected = StreamEnvelope(sequence=sequence, captured_unix_ns=captured_unix_ns).SerializeToString()
    assert wire.tail(sequence, captured_unix_ns) == expected


@given(st.integers(1, 70_000))
@examples(200)
def test_a_picture_with_its_head_is_what_protobuf_writes(png_bytes: int) -> None:
    """The head before a picture is, byte for byte, what the runtime writes there, whatever the length."""
    png_data = bytes(png_bytes)
    expected = StreamEnvelope(frame=Frame(png_data=png_data)).SerializeToString()
    assert wire.frame_head(png_bytes) + png_data == expected


@pytest.mark.parametrize("png_bytes", [120, 123, 127, 128, 16_379, 16_383, 16_384, 2_097_147, 2_097_152])
def test_lengths_grow_a_byte_where_protobuf_lets_them(png_bytes: int) -> None:
    """The inner and the outer length each take one byte more at their own powers of 128."""
    png_data = bytes(png_bytes)
    expected = StreamEnvelope(frame=Frame(png_data=png_data)).SerializeToString()
    assert wire.frame_head(png_bytes) + png_data == expected


def test_the_largest_message_is_below_two_gibibytes() -> None:
    """A picture of the greatest size, its head and the longest tail stay below what readers take."""
    head = wire.frame_head(wire.MAX_PNG_BYTES)
    tail = wire.tail(wire.MAX_SEQUENCE, wire.MAX_UNIX_NS)
    assert len(head) + wire.MAX_PNG_BYTES + len(tail) < 2**31


def test_a_picture_too_large_for_one_message_is_refused() -> None:
    """A size that readers would refuse is refused before it is sent."""
    with pytest.raises(ValueError, match=r"has 2147483585 bytes; one message holds at most 2147483584"):
        wire.frame_head(wire.MAX_PNG_BYTES + 1)


@pytest.mark.parametrize("sequence", [-1, 0, 2**64])
def test_a_sequence_outside_of_its_field_is_refused(sequence: int) -> None:
    """Sequences start at 1, since 0 says that there is none, and end with 64 bits."""
    with pytest.raises(ValueError, match=rf"sequence is {sequence};"):
        wire.tail(sequence, 0)


@pytest.mark.parametrize("captured_unix_ns", [-(2**63) - 1, 2**63])
def test_a_time_outside_of_its_field_is_refused(captured_unix_ns: int) -> None:
    """Times are signed numbers of 64 bits."""
    with pytest.raises(ValueError, match=rf"captured_unix_ns is {captured_unix_ns};"):
        wire.tail(1, captured_unix_ns)


def test_a_time_that_is_no_whole_number_is_refused() -> None:
    """As a mistake of the caller's type."""
    with pytest.raises(TypeError, match="captured_unix_ns is float; it must be an int, in nanoseconds"):
        wire.tail(1, 1.7e18)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("payload_bytes", [2, 100, 119, 120, 127, 128, 300, 16_383, 16_384, 70_000])
@pytest.mark.parametrize("id_bytes", [1, 120, 127, 128, 20_000])
def test_an_update_with_its_head_is_what_protobuf_writes(id_bytes: int, payload_bytes: int) -> None:
    """What stands around a JSON payload is, byte for byte, what the runtime writes, whatever the lengths."""
    info, payload = PeripheralInfo(id="i" * id_bytes), b"7" * payload_bytes
    update = PeripheralEnvelope(peripheral_info=info, payload=payload, payload_encoding=JSON_UTF8)
    head = wire.update_head(info.SerializeToString(), payload_bytes)
    assert head + payload + wire.JSON_ENCODED == StreamEnvelope(peripheral=update).SerializeToString()
