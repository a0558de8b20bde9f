import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given

from beats.kernel.envelope import Frame, Message, Peripheral, topic_of
from beats.kernel.ports import Codec
from beats.proto.codec import StreamCodec
from beats.proto.encode import PNG_SIGNATURE
from beats.proto.messages import DecodedFrame, DecodedPeripheral, DecodeError
from beats.proto.registry import TypeRegistry
from beats.proto.streaming_pb2 import StreamEnvelope
from tests.proto.strategies import examples, messages, sequences, times_unix_ns


def test_it_is_a_codec_as_the_kernel_asks_for() -> None:
    """It fits the kernel's contract without knowing it; the type checkers see to it."""
    codec: Codec = StreamCodec()
    sealed = codec.seal(codec.prepare(Frame(PNG_SIGNATURE)), 1, 2)
    assert StreamEnvelope.FromString(sealed).frame.png_data == PNG_SIGNATURE


@given(messages, sequences, times_unix_ns)
@examples(400)
def test_what_was_encoded_is_decoded_equal(message: Message, sequence: int, captured_unix_ns: int) -> None:
    """Any message with any place and time comes back as it went."""
    codec = StreamCodec()
    decoded = codec.decode(codec.seal(codec.prepare(message), sequence, captured_unix_ns))
    assert (decoded.topic, decoded.sequence) == (topic_of(message), sequence)
    assert decoded.captured_unix_ns == captured_unix_ns
    if isinstance(message, Frame):
        assert decoded.kind == "frame"
        assert decoded.payload == DecodedFrame(message.png_data)
    else:
        assert decoded.kind == "peripheral"
        assert isinstance(decoded.payload, DecodedPeripheral)
        assert tuple(decoded.payload) == (*message, "JSON_UTF8", "")


@given(messages, sequences, times_unix_ns)
@examples(300)
def test_sealed_bytes_are_what_protobuf_writes(
    message: Message, sequence: int, captured_unix_ns: int
) -> None:
    """Putting the pieces together gives, byte for byte, what the runtime makes of the whole envelope."""
    codec = StreamCodec()
    sealed = codec.seal(codec.prepare(message), sequence, captured_unix_ns)
    assert sealed == StreamEnvelope.FromString(sealed).SerializeToString(deterministic=True)


def test_one_prepared_message_may_be_sealed_many_times() -> None:
    """Sealing uses up nothing."""
    codec = StreamCodec()
    prepared = codec.prepare(Peripheral("knob", [1]))
    assert [codec.decode(codec.seal(prepared, sequence, 0)).sequence for sequence in (1, 2, 3)] == [1, 2, 3]


def test_changing_the_data_later_changes_nothing() -> None:
    """What was prepared is what is sent, whatever the producer does with its own data."""
    codec = StreamCodec()
    data, event = [1], Duration(seconds=1)
    prepared, prepared_event = codec.prepare(Peripheral("a", data)), codec.prepare(Peripheral("b", event))
    data.append(2)
    event.seconds = 2
    assert b"[1]" in codec.seal(prepared, 1, 1)
    assert Duration(seconds=1).SerializeToString() in codec.seal(prepared_event, 1, 1)


def test_a_codec_reads_the_types_of_its_registry() -> None:
    """A type that only one registry knows is read by the codec that has it, and refused by the other."""
    registry = TypeRegistry()
    registry.register(Duration)
    sealed = StreamCodec().seal(StreamCodec().prepare(Peripheral("timer", Duration(seconds=3))), 1, 2)
    payload = StreamCodec(registry).decode(sealed).payload
    assert payload == DecodedPeripheral(
        "timer", Duration(seconds=3), (), None, "PROTOBUF", "google.protobuf.Duration"
    )
    with pytest.raises(DecodeError, match="is unknown"):
        StreamCodec().decode(sealed)


def test_a_place_or_time_that_does_not_fit_is_refused() -> None:
    """The kernel counts from 1, and a time is 64 bits."""
    codec = StreamCodec()
    prepared = codec.prepare(Peripheral("knob", 1))
    with pytest.raises(ValueError, match="sequence is 0"):
        codec.seal(prepared, 0, 0)
    with pytest.raises(ValueError, match="captured_unix_ns is 9223372036854775808"):
        codec.seal(prepared, 1, 2**63)
