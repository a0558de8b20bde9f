import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.envelope import Frame, Message, Peripheral, topic_of
from beats.kernel.ports import Codec
from beats.proto import wire
from beats.proto.codec import StreamCodec
from beats.proto.encode import PNG_SIGNATURE
from beats.proto.messages import DecodedFrame, DecodedPeripheral, DecodeError
from beats.proto.registry import TypeRegistry
from beats.proto.streaming_pb2 import Frame as WireFrame
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


@given(messages, sequences, sequences, times_unix_ns | st.just(0))
@examples(300)
def test_renumbered_bytes_are_those_of_sealing_it_in_its_new_place(
    message: Message, before: int, sequence: int, captured_unix_ns: int
) -> None:
    """Of what this codec sealed nothing is left that tells of the place it had."""
    codec = StreamCodec()
    prepared = codec.prepare(message)
    sealed = codec.seal(prepared, before, captured_unix_ns)
    expected = codec.seal(prepared, sequence, captured_unix_ns)
    assert codec.renumber(sealed, before, sequence, captured_unix_ns) == expected


png_data = st.binary(max_size=50).map(lambda rest: PNG_SIGNATURE + rest)


@given(png_data, st.just(0) | sequences, sequences, st.just(0) | times_unix_ns, st.booleans(), st.booleans())
@examples(300)
def test_whatever_wrote_it_a_renumbered_envelope_is_the_same_but_for_its_place(
    png: bytes, before: int, sequence: int, captured_unix_ns: int, tail_first: bool, unknown: bool
) -> None:
    """Fields in another order, fields that we do not know, no number at all: readers find the new place."""
    payload = StreamEnvelope(frame=WireFrame(png_data=png)).SerializeToString()
    place = StreamEnvelope(sequence=before, captured_unix_ns=captured_unix_ns).SerializeToString()
    parts = [place, payload] if tail_first else [payload, place]
    encoded = b"".join(parts) + (b"\xa2\x1f\x03new" if unknown else b"")  # field 500, three bytes
    codec = StreamCodec()
    decoded = codec.decode(codec.renumber(encoded, before, sequence, captured_unix_ns))
    assert decoded == codec.decode(encoded)._replace(sequence=sequence)


def test_a_payload_that_ends_as_a_place_does_is_left_whole() -> None:
    """The last bytes of a picture may be those of its number, where another writer put the number first."""
    png, codec = PNG_SIGNATURE + wire.tail(5, 7), StreamCodec()
    encoded = wire.tail(5, 7) + StreamEnvelope(frame=WireFrame(png_data=png)).SerializeToString()
    decoded = codec.decode(codec.renumber(encoded, 5, 6, 7))
    assert (decoded.sequence, decoded.captured_unix_ns) == (6, 7)
    assert decoded.payload == DecodedFrame(png)


def test_a_number_that_does_not_fit_is_refused_when_renumbering_too() -> None:
    """The same bounds hold as for sealing."""
    codec = StreamCodec()
    sealed = codec.seal(codec.prepare(Peripheral("knob", 1)), 1, 2)
    for sequence in (0, 2**64):
        with pytest.raises(ValueError, match=f"sequence is {sequence}"):
            codec.renumber(sealed, 1, sequence, 2)
