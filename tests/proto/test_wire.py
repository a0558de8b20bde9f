"""The part of the wire format that is written by hand, held against the protobuf runtime."""

from typing import Any, Final

import google.protobuf
import pytest
from google.protobuf.message import DecodeError as ProtobufDecodeError
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.envelope import Message
from beats.proto import wire
from beats.proto.codec import StreamCodec
from beats.proto.streaming_pb2 import JSON_UTF8, Frame, PeripheralEnvelope, PeripheralInfo, StreamEnvelope
from tests.proto.strategies import examples, messages, sequences, times_unix_ns

CODEC: Final = StreamCodec()
MAX_FIELD: Final = 2**29 - 1
PROTOBUF_MAJOR: Final = int(google.protobuf.__version__.partition(".")[0])


def tag(field: int, wire_type: int) -> bytes:
    return wire.varint(field << 3 | wire_type)


def of_length(field: int, body: bytes) -> bytes:
    return tag(field, 2) + wire.varint(len(body)) + body


def of_bits(field: int, body: bytes) -> bytes:
    """A field of 64 or of 32 bits, as many as the body has."""
    return tag(field, 1 if len(body) == 8 else 5) + body


def padded(number: int, size_bytes: int) -> bytes:
    """A number in at least this many bytes, more than it needs, which is allowed."""
    shortest = wire.varint(number)
    head = bytes(byte | 0x80 for byte in shortest) + b"\x80" * (size_bytes - len(shortest))
    return head[:-1] + bytes([head[-1] & 0x7F])


def of_number(field: int, number: int, size_bytes: int = 1) -> bytes:
    return tag(field, 0) + padded(number, size_bytes)


def of_time(unix_ns: int) -> bytes:
    return of_bits(101, unix_ns.to_bytes(8, "little", signed=True))


def frame(png_data: bytes) -> bytes:
    return of_length(1, Frame(png_data=png_data).SerializeToString())


def update(id_: str, payload: bytes) -> bytes:
    info = PeripheralInfo(id=id_)
    return of_length(2, PeripheralEnvelope(peripheral_info=info, payload=payload).SerializeToString())


@pytest.mark.parametrize(
    "png_bytes", [1, 120, 123, 127, 128, 16_379, 16_383, 16_384, 70_000, 2_097_147, 2_097_152]
)
def test_a_picture_with_its_head_is_what_protobuf_writes(png_bytes: int) -> None:
    """Of any length: inner and outer length each take one byte more at a power of 128."""
    png_data = bytes(png_bytes)
    expected = StreamEnvelope(frame=Frame(png_data=png_data)).SerializeToString()
    assert wire.frame_head(png_bytes) + png_data == expected


def test_the_largest_message_is_below_two_gibibytes() -> None:
    """Readers refuse larger ones, so a larger picture is refused before it is sent."""
    with pytest.raises(ValueError, match=r"has 2147483585 bytes; one message holds at most 2147483584"):
        wire.frame_head(wire.MAX_PICTURE_BYTES + 1)
    head = wire.frame_head(wire.MAX_PICTURE_BYTES)
    tail = wire.tail(wire.MAX_SEQUENCE, wire.MAX_UNIX_NS)
    assert len(head) + wire.MAX_PICTURE_BYTES + len(tail) < 2**31


@pytest.mark.parametrize(
    ("sequence", "captured_unix_ns", "why"),
    [
        *[(sequence, 0, f"sequence is {sequence};") for sequence in (-1, 0, 2**64)],
        *[(1, unix_ns, f"captured_unix_ns is {unix_ns};") for unix_ns in (-(2**63) - 1, 2**63)],
        (1, 1.7e18, "captured_unix_ns is float; it must be an int, in nanoseconds"),
    ],
)
def test_numbers_that_do_not_fit_their_fields_are_refused(
    sequence: int, captured_unix_ns: Any, why: str
) -> None:
    """Sequence numbers start at 1, since 0 means none, and have 64 bits; times are signed."""
    with pytest.raises((ValueError, TypeError), match=why):
        wire.tail(sequence, captured_unix_ns)


@pytest.mark.parametrize("payload_bytes", [2, 100, 119, 120, 127, 128, 300, 16_383, 16_384, 70_000])
@pytest.mark.parametrize("id_bytes", [1, 120, 127, 128, 20_000])
def test_an_update_with_its_head_is_what_protobuf_writes(id_bytes: int, payload_bytes: int) -> None:
    """Byte for byte, for all lengths."""
    info, payload = PeripheralInfo(id="i" * id_bytes), b"7" * payload_bytes
    update = PeripheralEnvelope(peripheral_info=info, payload=payload, payload_encoding=JSON_UTF8)
    head = wire.update_head(info.SerializeToString(), payload_bytes)
    assert head + payload + wire.JSON_ENCODED == StreamEnvelope(peripheral=update).SerializeToString()


# Reading

numbers = st.just(0) | sequences
short = st.binary(max_size=200)
bits = st.binary(min_size=8, max_size=8) | st.binary(min_size=4, max_size=4)
strange = st.integers(3, MAX_FIELD).filter(lambda number: number not in (100, 101))
# Fields that we do not know, among them our own numbers with other wire types.
unknown_fields = st.one_of(
    st.builds(of_number, strange | st.sampled_from([1, 2, 101]), numbers),
    st.builds(of_length, strange | st.sampled_from([100, 101]), short),
    st.builds(of_bits, strange | st.sampled_from([1, 2, 100]), bits),
)
payload_fields = st.builds(frame, short) | st.builds(update, st.text(max_size=10), short)
sequence_fields = st.builds(of_number, st.just(100), numbers, st.integers(1, 10))
time_fields = st.builds(of_time, st.just(0) | times_unix_ns)


def shuffled(groups: tuple[list[bytes], ...]) -> st.SearchStrategy[bytes]:
    return st.permutations([field for group in groups for field in group]).map(b"".join)


shuffled_envelopes = st.tuples(
    st.lists(payload_fields, max_size=1),
    st.lists(sequence_fields, max_size=2),
    st.lists(time_fields, max_size=2),
    st.lists(unknown_fields, max_size=3),
).flatmap(shuffled)


def agrees(encoded: bytes) -> bool:
    """Whether `fields` reads it; then it agrees with the runtime."""
    try:
        found = wire.fields(encoded)
    except ValueError:
        return False
    read = StreamEnvelope.FromString(encoded)
    payload = encoded[found.start : found.end]
    assert (found.sequence, found.captured_unix_ns) == (read.sequence, read.captured_unix_ns)
    assert found.payload == {None: 0, "frame": 1, "peripheral": 2}[read.WhichOneof("payload")]
    if found.payload == 1:
        png = wire.png_of(payload)
        assert png is None or png == read.frame.png_data
    return True


@given(messages, sequences, times_unix_ns)
@examples(300)
def test_the_fields_of_our_own_envelopes_are_found(message: Message, sequence: int, captured: int) -> None:
    """Payload, sequence and time are where `seal` put them, and a picture comes out as it went in."""
    encoded = CODEC.seal(CODEC.prepare(message), sequence, captured)
    found = wire.fields(encoded)
    read = StreamEnvelope.FromString(encoded)
    payload = encoded[found.start : found.end]
    assert (found.sequence, found.captured_unix_ns) == (sequence, captured)
    if read.HasField("frame"):
        assert found.payload == 1
        assert wire.png_of(payload) == read.frame.png_data
    else:
        assert found.payload == 2
        assert PeripheralEnvelope.FromString(payload) == read.peripheral


@given(shuffled_envelopes)
@examples(500)
def test_fields_are_those_that_protobuf_reads_in_any_order(encoded: bytes) -> None:
    """Of a field that occurs twice the last counts, and unknown fields are skipped."""
    assert agrees(encoded)
    found, read = wire.fields(encoded), StreamEnvelope.FromString(encoded)
    payload = encoded[found.start : found.end]
    if found.payload == 1:
        assert Frame.FromString(payload) == read.frame
    elif found.payload == 2:
        assert PeripheralEnvelope.FromString(payload) == read.peripheral
    else:
        assert (found.start, found.end) == (0, 0)


@given(st.lists(payload_fields | sequence_fields | unknown_fields, max_size=5).map(b"".join))
@examples(300)
def test_of_several_payloads_the_last_is_found(encoded: bytes) -> None:
    """As in any oneof; a picture in it is the one that protobuf reads."""
    assert agrees(encoded)


@given(st.binary(max_size=60))
@examples(1000)
def test_of_noise_come_fields_or_the_one_error(noise: bytes) -> None:
    """Random bytes raise ValueError and nothing else; what is found lies within them."""
    try:
        found = wire.fields(noise)
    except ValueError:
        return
    assert 0 <= found.start <= found.end <= len(noise)


@given(
    shuffled_envelopes,
    st.lists(
        st.tuples(st.integers(0, 1000), st.integers(0, 3), st.binary(max_size=4)), min_size=1, max_size=3
    ),
)
@examples(1000)
def test_of_a_damaged_envelope_come_the_fields_that_protobuf_reads_or_an_error(
    encoded: bytes, damage: list[tuple[int, int, bytes]]
) -> None:
    """After inserted, removed and changed bytes, both readers agree or raise."""
    for position, removed, inserted in damage:
        at = position % (len(encoded) + 1)
        encoded = encoded[:at] + inserted + encoded[at + removed :]
    try:
        agrees(encoded)
    except ProtobufDecodeError:
        assert wire.fields(encoded).payload  # it does not look into the payload, where the fault must be


@pytest.mark.parametrize(
    "encoded",
    [
        b"\x0a",
        b"\x0a\x05abc",
        b"\xa0\x06",
        b"\xa0\x06\x80",
        b"\xa9\x06\x00\x00",
        b"\xa0",
        b"\x00\x00",
        b"\x02\x00",
        tag(2**29, 0) + b"\x01",
        b"\xa0\x06" + padded(1, 11),
        b"\x0a" + wire.varint(2**63),
        b"\x0e",
        b"\x0c",
    ],
    ids=lambda encoded: encoded.hex(),
)
def test_what_protobuf_refuses_has_no_fields(encoded: bytes) -> None:
    """Cut off, without a field number, with too long numbers, or of an unknown wire type."""
    with pytest.raises(ProtobufDecodeError):
        StreamEnvelope.FromString(encoded)
    with pytest.raises(ValueError, match="not a StreamEnvelope"):
        wire.fields(encoded)


@pytest.mark.parametrize("encoded", [padded(100 << 3, 6) + b"\x01", b"\x0a" + padded(0, 6)])
def test_tags_and_lengths_have_at_most_five_bytes(encoded: bytes) -> None:
    """As protobuf 7 reads them; earlier versions take more of them."""
    if PROTOBUF_MAJOR >= 7:
        with pytest.raises(ProtobufDecodeError):
            StreamEnvelope.FromString(encoded)
    with pytest.raises(ValueError, match="not a StreamEnvelope"):
        wire.fields(encoded)


def test_of_a_number_of_more_than_64_bits_the_lowest_64_count() -> None:
    """Ten bytes hold six bits more, which readers ignore."""
    encoded = tag(100, 0) + b"\x85" + b"\x80" * 8 + b"\x7e"
    assert wire.fields(encoded).sequence == 5
    assert agrees(encoded)


def test_groups_are_refused() -> None:
    """Protobuf's runtime still skips them, but proto3 has none."""
    with pytest.raises(ValueError, match="wire type 3"):
        wire.fields(tag(7, 3) + tag(7, 4))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        Frame(png_data=b"a").SerializeToString() + b"\x10\x01",
        Frame(png_data=b"a").SerializeToString() * 2,
        b"\x10\x01" + Frame(png_data=b"a").SerializeToString(),
        b"\x0a\x05abc",
    ],
    ids=["empty", "a field behind", "twice", "a field before", "cut off"],
)
def test_only_a_frame_of_a_single_picture_is_read_by_hand(body: bytes) -> None:
    """Any other is left to the protobuf runtime."""
    assert wire.png_of(body) is None


@pytest.mark.parametrize("body", [b"\x0a", b"\x0a\x80", b"\x0a" + padded(1, 6) + b"a"])
def test_a_frame_whose_length_is_no_length_is_refused(body: bytes) -> None:
    """Missing, cut off, or of more than five bytes, in any version of the runtime."""
    with pytest.raises(ValueError, match="no number"):
        wire.png_of(body)


@given(st.binary(max_size=40).map(lambda rest: b"\x0a" + rest) | st.binary(max_size=40))
@examples(500)
def test_of_noise_comes_the_picture_that_protobuf_reads_or_none(noise: bytes) -> None:
    """Random bytes raise ValueError only where protobuf refuses them too."""
    try:
        png = wire.png_of(noise)
    except ValueError:
        with pytest.raises(ProtobufDecodeError):
            Frame.FromString(noise)
        return
    assert png is None or png == Frame.FromString(noise).png_data
