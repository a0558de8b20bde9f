"""What the codec writes and reads."""

from typing import Any, Final

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.envelope import Frame, Message, OpaquePayload, Peripheral, Sealed, Tag, topic_of
from beats.proto import wire
from beats.proto.codec import OPEN_CODEC, StreamCodec
from beats.proto.encode import PNG_SIGNATURE
from beats.proto.events import input_event
from beats.proto.registry import TypeRegistry
from beats.proto.streaming_pb2 import (
    JSON_UTF8,
    PROTOBUF,
    PeripheralEnvelope,
    PeripheralInfo,
    PeripheralPayloadEncoding,
    StreamEnvelope,
)
from beats.proto.streaming_pb2 import Frame as WireFrame
from beats.proto.wire import DecodeError
from tests.proto.strategies import examples, messages, pictures, sequences, times_unix_ns

CODEC: Final = StreamCodec()


def sealed(message: Message, sequence: int = 1, captured_unix_ns: int = 2) -> bytes:
    return CODEC.seal(CODEC.prepare(message), sequence, captured_unix_ns)


@given(messages | pictures, sequences, times_unix_ns)
@examples(400)
def test_what_was_encoded_is_decoded_equal(message: Message, sequence: int, captured_unix_ns: int) -> None:
    """Any message with any sequence number and time comes back as it went, with its bytes."""
    encoded = sealed(message, sequence, captured_unix_ns)
    decoded = CODEC.decode(encoded)
    assert decoded == Sealed(message, sequence, captured_unix_ns, encoded)
    assert decoded.topic == topic_of(message)
    assert decoded.kind == ("frame" if isinstance(message, Frame) else "peripheral")


@given(messages, sequences, times_unix_ns)
@examples(300)
def test_sealed_bytes_are_what_protobuf_writes(
    message: Message, sequence: int, captured_unix_ns: int
) -> None:
    """The joined pieces are, byte for byte, what the runtime writes."""
    encoded = sealed(message, sequence, captured_unix_ns)
    assert encoded == StreamEnvelope.FromString(encoded).SerializeToString(deterministic=True)


def test_one_prepared_message_may_be_sealed_many_times() -> None:
    """Sealing uses up nothing."""
    prepared = CODEC.prepare(Peripheral("knob", [1]))
    assert [CODEC.decode(CODEC.seal(prepared, sequence, 0)).sequence for sequence in (1, 2, 3)] == [1, 2, 3]


def test_changing_the_data_later_changes_nothing() -> None:
    """What was prepared is what is sent, whatever the producer does with its own data."""
    data, event = [1], Duration(seconds=1)
    prepared, prepared_event = CODEC.prepare(Peripheral("a", data)), CODEC.prepare(Peripheral("b", event))
    data.append(2)
    event.seconds = 2
    assert b"[1]" in CODEC.seal(prepared, 1, 1)
    assert Duration(seconds=1).SerializeToString() in CODEC.seal(prepared_event, 1, 1)


def test_a_codec_reads_the_types_of_its_registry() -> None:
    """A codec with another registry refuses them."""
    registry = TypeRegistry()
    registry.register(Duration)
    timer = Peripheral("timer", Duration(seconds=3))
    assert StreamCodec(registry).decode(sealed(timer)).message == timer
    known = "known are heart.peripheral.input.InputEvent"
    with pytest.raises(DecodeError, match=f"payload_type 'google.protobuf.Duration' is unknown; {known}"):
        CODEC.decode(sealed(timer))


@given(messages | pictures, sequences, sequences, times_unix_ns | st.just(0))
@examples(300)
def test_renumbered_bytes_are_those_of_sealing_with_the_new_number(
    message: Message, before: int, sequence: int, captured_unix_ns: int
) -> None:
    """Nothing is left of the number that this codec wrote before."""
    renumbered = CODEC.renumber(sealed(message, before, captured_unix_ns), before, sequence, captured_unix_ns)
    assert renumbered == sealed(message, sequence, captured_unix_ns)


png_data = st.binary(max_size=50).map(lambda rest: PNG_SIGNATURE + rest)


@given(png_data, st.just(0) | sequences, sequences, st.just(0) | times_unix_ns, st.booleans(), st.booleans())
@examples(300)
def test_an_envelope_of_any_writer_can_be_renumbered(
    png: bytes, before: int, sequence: int, captured_unix_ns: int, tail_first: bool, unknown: bool
) -> None:
    """Fields in another order, unknown fields, no number at all: readers find the new number."""
    payload = StreamEnvelope(frame=WireFrame(png_data=png)).SerializeToString()
    place = StreamEnvelope(sequence=before, captured_unix_ns=captured_unix_ns).SerializeToString()
    parts = [place, payload] if tail_first else [payload, place]
    encoded = b"".join(parts) + (b"\xa2\x1f\x03new" if unknown else b"")  # field 500, three bytes
    renumbered = CODEC.renumber(encoded, before, sequence, captured_unix_ns)
    assert CODEC.decode(renumbered)[:3] == (Frame(png), sequence, captured_unix_ns)


def test_a_payload_that_ends_in_the_bytes_of_its_number_is_left_whole() -> None:
    """A picture may end so where another writer put the number first."""
    png = PNG_SIGNATURE + wire.tail(5, 7)
    encoded = wire.tail(5, 7) + StreamEnvelope(frame=WireFrame(png_data=png)).SerializeToString()
    assert CODEC.decode(CODEC.renumber(encoded, 5, 6, 7))[:3] == (Frame(png), 6, 7)


def test_a_sequence_number_that_does_not_fit_is_refused() -> None:
    """The same bounds hold as for sealing."""
    for sequence in (0, 2**64):
        with pytest.raises(ValueError, match=f"sequence is {sequence}"):
            CODEC.seal(CODEC.prepare(Peripheral("knob", 1)), sequence, 2)
        with pytest.raises(ValueError, match=f"sequence is {sequence}"):
            CODEC.renumber(sealed(Peripheral("knob", 1)), 1, sequence, 2)


def envelope(
    payload: bytes,
    encoding: "PeripheralPayloadEncoding | int" = JSON_UTF8,
    payload_type: str = "",
    id_: str = "knob",
) -> bytes:
    """A peripheral's envelope as any server may send it, without sequence number and time."""
    peripheral = PeripheralEnvelope(
        peripheral_info=PeripheralInfo(id=id_),
        payload=payload,
        payload_encoding=encoding,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        payload_type=payload_type,
    )
    return StreamEnvelope(peripheral=peripheral).SerializeToString()


def refusal(data: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        CODEC.decode(data)
    return str(caught.value)


def test_an_old_server_s_messages_have_no_number_and_no_time() -> None:
    """A server without our additions is understood; what is missing is 0."""
    png_data = PNG_SIGNATURE + b"rest"
    frame = StreamEnvelope(frame=WireFrame(png_data=png_data)).SerializeToString()
    assert CODEC.decode(frame) == Sealed(Frame(png_data), 0, 0, frame)
    update = envelope(b'{"a":1}')
    assert CODEC.decode(update) == Sealed(Peripheral("knob", {"a": 1}), 0, 0, update)


def test_unknown_fields_are_skipped() -> None:
    """A newer server may add fields."""
    unknown = b"\xa2\x1f\x03new"  # field 500, three bytes
    assert CODEC.decode(envelope(b"1") + unknown).message == CODEC.decode(envelope(b"1")).message
    png = PNG_SIGNATURE + b"rest"
    inner = unknown + b"\x0a" + wire.varint(len(png)) + png
    assert CODEC.decode(b"\x0a" + wire.varint(len(inner)) + inner).message == Frame(png)


@pytest.mark.parametrize("data", [b"", StreamEnvelope(sequence=1).SerializeToString()])
def test_an_envelope_of_nothing_is_refused(data: bytes) -> None:
    """An envelope must have a payload."""
    assert refusal(data) == "a StreamEnvelope with neither a frame nor a peripheral"


def test_every_truncation_is_refused_or_read() -> None:
    """Wherever a connection breaks, the bytes are refused or are a shorter message."""
    event = input_event("press", "2024-05-01T00:00:00Z", {"a": 1})
    whole = sealed(Peripheral("knob", event), 300, 1)
    for length in range(len(whole)):
        try:
            message = CODEC.decode(whole[:length]).message
        except DecodeError:
            continue
        assert message == Peripheral("knob", event)


@pytest.mark.parametrize("png_data", [b"", b"GIF89a", PNG_SIGNATURE[:-1]])
def test_a_frame_that_is_no_png_is_refused(png_data: bytes) -> None:
    """A frame holds a PNG file; anything else would break viewers and recorders."""
    data = StreamEnvelope(frame=WireFrame(png_data=png_data)).SerializeToString()
    assert refusal(data).startswith(f"data starts with {png_data[:12]!r}; a file of image/png starts with ")


JPEG: Final = b"\xff\xd8\xff\xe0 a JPEG"


def test_a_frame_in_the_order_of_another_writer_is_read() -> None:
    """Fields in the order of their numbers, with unknown ones, and in two pieces that merge."""
    expected = Frame(JPEG, "cam-1", "image/jpeg", 640, 480)
    wire_frame = WireFrame(id="cam-1", media_type="image/jpeg", data=JPEG, width=640, height=480)
    assert CODEC.decode(StreamEnvelope(frame=wire_frame).SerializeToString()).message == expected
    content = wire_frame.SerializeToString() + b"\xa2\x1f\x03new"
    assert CODEC.decode(b"\x0a" + wire.varint(len(content)) + content).message == expected
    pieces = [WireFrame(id="cam-1", width=1), WireFrame(png_data=PNG_SIGNATURE, width=640)]
    encoded = b"".join(StreamEnvelope(frame=piece).SerializeToString() for piece in pieces)
    assert CODEC.decode(encoded).message == Frame(PNG_SIGNATURE, "cam-1", width=640)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"data": JPEG}, "holds both png_data and data, or data without media_type"),
        (
            {"png_data": PNG_SIGNATURE, "data": JPEG, "media_type": "image/jpeg"},
            "holds both png_data and data",
        ),
        ({"png_data": PNG_SIGNATURE, "media_type": "image/jpeg"}, "both png_data and data"),
        ({"data": PNG_SIGNATURE, "media_type": "image/png"}, "a PNG is in png_data, without media_type"),
        ({"data": b"GIF89a", "media_type": "image/gif"}, "media_type is 'image/gif'; known are image/png"),
        ({"data": b"GIF89a", "media_type": "image/jpeg"}, "data starts with b'GIF89a'"),
        ({"id": "cam-1"}, "data starts with b''"),
    ],
)
def test_a_frame_that_contradicts_itself_is_refused(fields: dict[str, Any], why: str) -> None:
    """What a viewer would read differently from another never reaches one."""
    assert why in refusal(StreamEnvelope(frame=WireFrame(**fields)).SerializeToString())


def _piece(field: int, content: bytes) -> bytes:
    return wire.varint(field << 3 | 2) + wire.varint(len(content)) + content


_contents = st.binary(max_size=6) | st.sampled_from([PNG_SIGNATURE, JPEG, b"image/jpeg", b"cam"])
_pieces = st.builds(_piece, st.sampled_from([1, 2, 100, 101, 102, 103]), _contents) | st.binary(max_size=4)


@given(st.lists(st.lists(_pieces, max_size=5).map(b"".join), min_size=1, max_size=2))
@examples(500)
def test_of_any_bytes_comes_the_frame_that_protobuf_reads_or_an_error(frames: list[bytes]) -> None:
    """Fields in any order, twice, cut off, in two pieces: no reader sees another picture than the rest."""
    encoded = b"".join(_piece(1, frame) for frame in frames)
    try:
        message = CODEC.decode(encoded).message
    except DecodeError:
        return
    read = StreamEnvelope.FromString(encoded).frame
    data = read.data if read.media_type else read.png_data
    assert message == Frame(data, read.id, read.media_type or "image/png", read.width, read.height)


def test_an_id_that_is_no_text_is_refused() -> None:
    """Also where the picture is read without the protobuf runtime."""
    whole = sealed(Frame(PNG_SIGNATURE, "cam"))
    assert refusal(whole.replace(b"cam", b"c\xffm")).startswith("not a Frame")


def test_an_update_without_id_is_read_and_has_the_topic_of_its_tags() -> None:
    """Most existing producers send no id."""
    update = Peripheral("", 1, (Tag("input", "rotary", {"steps": "24"}), Tag("left")))
    decoded = CODEC.decode(sealed(update))
    assert (decoded.topic, decoded.message) == ("peripheral/(input:rotary, left)", update)
    assert CODEC.decode(envelope(b"1", id_="")).topic == "peripheral/()"


def test_text_that_is_not_utf_8_is_refused() -> None:
    """Protobuf's strings are UTF-8, and so is an id."""
    assert "not a StreamEnvelope" in refusal(envelope(b"1", id_="knob").replace(b"knob", b"kn\xffb"))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"{} {}",
        b"\xff",
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b"NaN",
        b"[Infinity]",
        b'{"a":-Infinity}',
        b"1e999",
        b'"\\ud800"',
        b"1" * 5000,
        b"[" * 101 + b"]" * 101,
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=lambda payload: str(payload[:20]),
)
def test_a_payload_that_is_not_our_json_is_refused(payload: bytes) -> None:
    """What is not UTF-8, not JSON, no finite number, no Unicode, or too long or deep, is refused."""
    assert refusal(envelope(payload)).startswith("the payload is not JSON: ")


@pytest.mark.parametrize("encoding", [0, 3, 1000, -1])
def test_an_unknown_encoding_is_refused(encoding: int) -> None:
    """A payload of an unknown encoding is not guessed at."""
    assert refusal(envelope(b"{}", encoding)).startswith(f"payload_encoding is {encoding}; known are 1 ")


def test_with_an_open_registry_a_payload_of_an_unknown_type_is_kept() -> None:
    """A relay reads all of a message except that payload, which stays as it came."""
    decoded = OPEN_CODEC.decode(envelope(b"\x0a\xff", PROTOBUF, "some.Type"))
    kept = OpaquePayload("some.Type", b"\x0a\xff")
    assert decoded.message == Peripheral("knob", kept)
    assert OPEN_CODEC.decode(envelope(b"", PROTOBUF, "some.Type", "")).topic == "peripheral/(some.Type)"


@pytest.mark.parametrize("codec", [CODEC, OPEN_CODEC])
@pytest.mark.parametrize(
    ("payload_type", "why"),
    [
        ("", "payload"),
        ("heart.peripheral.input.InputEvent", "the payload is not a heart.peripheral.input.InputEvent"),
    ],
)
def test_a_payload_that_is_not_of_its_type_is_refused(
    codec: StreamCodec, payload_type: str, why: str
) -> None:
    """Or has no type; with an open registry, too."""
    with pytest.raises(DecodeError, match=why):
        codec.decode(envelope(b"\x0a\xff", PROTOBUF, payload_type))


edits = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 3), st.binary(max_size=4)), min_size=1, max_size=4
)
events = st.builds(input_event, st.text(min_size=1), st.just("2024-05-01"), st.none() | st.text()).map(
    lambda event: Peripheral("pad", event)
)


@given(messages | events, edits)
@examples(500)
def test_a_damaged_message_is_refused_or_read(
    message: Peripheral, damage: list[tuple[int, int, bytes]]
) -> None:
    """Inserted, removed and changed bytes give a message or the decode error."""
    data = sealed(message)
    for position, removed, inserted in damage:
        at = position % (len(data) + 1)
        data = data[:at] + inserted + data[at + removed :]
    _refused_or_encodable(data)


def _refused_or_encodable(data: bytes) -> None:
    try:
        decoded = CODEC.decode(data)
    except DecodeError:
        return
    again = sealed(decoded.message, decoded.sequence or 1, decoded.captured_unix_ns)
    # Compared as text, since a coordinate that is NaN differs from itself.
    assert str(CODEC.decode(again).message) == str(decoded.message)
