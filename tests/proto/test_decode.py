import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.envelope import OpaquePayload, Peripheral, Tag
from beats.proto.codec import StreamCodec
from beats.proto.decode import decode
from beats.proto.encode import PNG_SIGNATURE
from beats.proto.events import input_event
from beats.proto.messages import Decoded, DecodedFrame, DecodedPeripheral, DecodeError
from beats.proto.registry import DEFAULT_REGISTRY, OpenRegistry
from beats.proto.streaming_pb2 import (
    JSON_UTF8,
    PROTOBUF,
    Frame,
    PeripheralEnvelope,
    PeripheralInfo,
    PeripheralPayloadEncoding,
    StreamEnvelope,
)
from tests.proto.strategies import examples, messages

CODEC = StreamCodec()


def envelope(
    payload: bytes,
    encoding: "PeripheralPayloadEncoding | int" = JSON_UTF8,
    payload_type: str = "",
    id_: str = "knob",
) -> bytes:
    """A peripheral's envelope as any server might send it, without place and time."""
    peripheral = PeripheralEnvelope(
        peripheral_info=PeripheralInfo(id=id_),
        payload=payload,
        payload_encoding=encoding,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        payload_type=payload_type,
    )
    return StreamEnvelope(peripheral=peripheral).SerializeToString()


def refusal(data: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        decode(data, DEFAULT_REGISTRY)
    return str(caught.value)


def test_an_old_server_s_frame_has_no_place_and_no_time() -> None:
    """A server without our additions is understood; what it does not say is 0."""
    png_data = PNG_SIGNATURE + b"rest"
    data = StreamEnvelope(frame=Frame(png_data=png_data)).SerializeToString()
    assert decode(data, DEFAULT_REGISTRY) == Decoded("frame", "frame", 0, 0, DecodedFrame(png_data))


def test_an_old_server_s_peripheral_has_no_place_and_no_time() -> None:
    """The same for a peripheral, whose topic holds its id."""
    assert decode(envelope(b'{"a":1}'), DEFAULT_REGISTRY) == Decoded(
        "peripheral",
        "peripheral/knob",
        0,
        0,
        DecodedPeripheral("knob", {"a": 1}, (), None, "JSON_UTF8", ""),
    )


def test_fields_that_we_do_not_know_are_skipped() -> None:
    """A newer server's additions do not stop us."""
    unknown = b"\xa2\x1f\x03new"  # field 500, three bytes
    decoded = decode(envelope(b"1") + unknown, DEFAULT_REGISTRY)
    assert decoded == decode(envelope(b"1"), DEFAULT_REGISTRY)


@pytest.mark.parametrize("data", [b"\x0a", b"\x0a\x05abc", b"\xff", b"\x00", b"\x08\x01"])
def test_bytes_that_are_no_envelope_are_refused(data: bytes) -> None:
    """Cut off, of a wrong wire type, or noise: all are the one decode error."""
    refusal(data)


@pytest.mark.parametrize("data", [b"", StreamEnvelope(sequence=1).SerializeToString()])
def test_an_envelope_of_nothing_is_refused(data: bytes) -> None:
    """An envelope has to carry something."""
    assert refusal(data) == "a StreamEnvelope with neither a frame nor a peripheral"


def test_every_truncation_is_refused_or_read() -> None:
    """Wherever a connection breaks off, what came is refused or is a shorter message, and never a crash."""
    event = input_event("press", "2024-05-01T00:00:00Z", {"a": 1})
    whole = CODEC.seal(CODEC.prepare(Peripheral("knob", event)), 300, 1)
    for length in range(len(whole)):
        try:
            decoded = decode(whole[:length], DEFAULT_REGISTRY)
        except DecodeError:
            continue
        assert decoded.payload.data == event  # type: ignore[union-attr]  # pyright: ignore


@pytest.mark.parametrize("png_data", [b"", b"GIF89a", PNG_SIGNATURE[:-1]])
def test_a_frame_that_is_no_png_is_refused(png_data: bytes) -> None:
    """A frame holds a PNG file; anything else would break whoever shows or records it."""
    data = StreamEnvelope(frame=Frame(png_data=png_data)).SerializeToString()
    assert refusal(data).startswith(f"png_data starts with {png_data[:8]!r}; a PNG file starts with ")


def test_an_update_without_id_is_read_and_has_the_topic_of_its_tags() -> None:
    """Most existing producers send no id."""
    update = Peripheral("", 1, (Tag("input", "rotary", {"steps": "24"}), Tag("left")))
    decoded = decode(CODEC.seal(CODEC.prepare(update), 1, 0), DEFAULT_REGISTRY)
    assert decoded.topic == "peripheral/(input:rotary, left)"
    assert isinstance(decoded.payload, DecodedPeripheral)
    assert decoded.payload.id == ""


def test_an_update_without_anything_but_data_is_read() -> None:
    """Not even an empty PeripheralInfo has to be there."""
    decoded = decode(envelope(b"1", id_=""), DEFAULT_REGISTRY)
    assert decoded.topic == "peripheral/()"


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
    """A payload that does not say how to read it, or says it in a way we do not know, is not guessed at."""
    assert refusal(envelope(b"{}", encoding)).startswith(f"payload_encoding is {encoding}; known are 1 ")


def test_an_unknown_payload_type_is_refused() -> None:
    """A type that is not registered is an error, not a crash."""
    assert "payload_type 'some.Type' is unknown" in refusal(envelope(b"", PROTOBUF, "some.Type"))


def test_with_an_open_registry_a_payload_of_an_unknown_type_is_kept() -> None:
    """Whoever passes messages on reads all of one but that payload, which stays as it came."""
    decoded = decode(envelope(b"\x0a\xff", PROTOBUF, "some.Type"), OpenRegistry())
    kept = OpaquePayload("some.Type", b"\x0a\xff")
    assert decoded.topic == "peripheral/knob"
    assert decoded.payload == DecodedPeripheral("knob", kept, (), None, "PROTOBUF", "some.Type")


@pytest.mark.parametrize("payload_type", ["", "heart.peripheral.input.InputEvent"])
def test_with_an_open_registry_garbage_is_refused_all_the_same(payload_type: str) -> None:
    """A payload without a type, and one that is not of the known type that it names."""
    with pytest.raises(DecodeError, match="payload"):
        decode(envelope(b"\x0a\xff", PROTOBUF, payload_type), OpenRegistry())


def test_a_payload_that_is_not_of_its_type_is_refused() -> None:
    """The named type has to fit the bytes."""
    data = envelope(b"\x0a\xff", PROTOBUF, "heart.peripheral.input.InputEvent")
    assert "the payload is not a heart.peripheral.input.InputEvent" in refusal(data)


@given(st.binary(max_size=200))
@examples(500)
def test_noise_is_refused_or_read(data: bytes) -> None:
    """Of random bytes comes a message or the one decode error, and nothing else."""
    _refused_or_encodable(data)


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
    """Of a valid message with bytes put in, taken out and changed comes a message or the one decode error."""
    data = CODEC.seal(CODEC.prepare(message), 1, 2)
    for position, removed, inserted in damage:
        at = position % (len(data) + 1)
        data = data[:at] + inserted + data[at + removed :]
    _refused_or_encodable(data)


def _refused_or_encodable(data: bytes) -> None:
    try:
        decoded = decode(data, DEFAULT_REGISTRY)
    except DecodeError:
        return
    again = CODEC.seal(CODEC.prepare(decoded.payload), decoded.sequence or 1, decoded.captured_unix_ns)
    # Compared as text, since a coordinate that is NaN differs from itself.
    assert str(decode(again, DEFAULT_REGISTRY).payload) == str(decoded.payload)
