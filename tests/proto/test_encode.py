from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import numpy
import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.envelope import Frame, Location, Peripheral, Tag
from beats.proto.codec import OPEN_CODEC
from beats.proto.encode import PNG_SIGNATURE, prepare
from beats.proto.events import input_event
from beats.proto.streaming_pb2 import (
    JSON_UTF8,
    PROTOBUF,
    PeripheralEnvelope,
    PeripheralInfo,
    PeripheralLocation,
    PeripheralTag,
    StreamEnvelope,
)
from tests.proto.strategies import examples, plain_json


def envelope_of(message: Frame | Peripheral) -> StreamEnvelope:
    return StreamEnvelope.FromString(OPEN_CODEC.seal(prepare(message), 1, 1))


def test_a_picture_is_not_copied_before_it_is_sealed() -> None:
    """The producer's bytes are used as they are."""
    frame = Frame(PNG_SIGNATURE + b"rest")
    assert prepare(frame).body is frame.data
    assert envelope_of(frame).frame.png_data == frame.data


def test_a_peripheral_is_encoded_field_by_field() -> None:
    """Each in the field where clients look for it."""
    tags = (Tag("input", "rotary", {"b": "2", "a": "ä"}), Tag("stage"))
    knob = Peripheral("knob/ü", {"turn": 1.5}, tags, Location(1, 2.5, -3, "2024-05-01T00:00:00Z"))
    assert envelope_of(knob).peripheral == PeripheralEnvelope(
        peripheral_info=PeripheralInfo(
            id="knob/ü",
            tags=[
                PeripheralTag(name="input", variant="rotary", metadata={"a": "ä", "b": "2"}),
                PeripheralTag(name="stage"),
            ],
            location=PeripheralLocation(x=1, y=2.5, z=-3, time="2024-05-01T00:00:00Z"),
        ),
        payload=b'{"turn":1.5}',
        payload_encoding=JSON_UTF8,
    )


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (datetime(2024, 5, 1, 12), "2024-05-01T12:00:00+00:00"),
        (datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2))), "2024-05-01T12:00:00+02:00"),
    ],
)
def test_the_time_of_a_location_may_be_a_datetime(time: datetime, expected: str) -> None:
    """It is sent as ISO 8601 with its offset, by default UTC."""
    update = envelope_of(Peripheral("a", 1, location=Location(time=time)))
    assert update.peripheral.peripheral_info.location.time == expected


def test_a_location_takes_the_numbers_of_numpy() -> None:
    """They are not subclasses of int and float."""
    numbers: list[Any] = [numpy.float32(0.5), numpy.int64(-1), numpy.uint8(2)]
    location = envelope_of(
        Peripheral("a", 1, location=Location(*numbers))
    ).peripheral.peripheral_info.location
    assert (location.x, location.y, location.z) == (0.5, -1, 2)


def test_the_origin_is_a_location() -> None:
    """A location of nothing but zeros is sent, and differs from none."""
    assert envelope_of(Peripheral("a", 1, location=Location())).peripheral.peripheral_info.HasField(
        "location"
    )
    assert not envelope_of(Peripheral("a", 1)).peripheral.peripheral_info.HasField("location")


def test_a_protobuf_message_travels_as_one() -> None:
    """It is not converted to JSON, and has its full name."""
    event = input_event("press", "2024-05-01T00:00:00Z", {"button": 1})
    peripheral = envelope_of(Peripheral("pad", event)).peripheral
    assert peripheral.payload_encoding == PROTOBUF
    assert peripheral.payload_type == "heart.peripheral.input.InputEvent"
    assert peripheral.payload == event.SerializeToString()


def test_the_same_message_is_the_same_bytes() -> None:
    """Regardless of the order of maps."""
    keys = [f"key {number}" for number in range(20)]
    one, other = Struct(), Struct()
    one.update(dict.fromkeys(keys, 1))
    other.update(dict.fromkeys(reversed(keys), 1))
    tag, same_tag = Tag("t", "", dict.fromkeys(keys, "v")), Tag("t", "", dict.fromkeys(reversed(keys), "v"))
    assert prepare(Peripheral("a", one, (tag,))) == prepare(Peripheral("a", other, (same_tag,)))


@pytest.mark.parametrize("png_data", [bytearray(PNG_SIGNATURE), memoryview(PNG_SIGNATURE), "png", None])
def test_a_picture_that_is_not_bytes_is_refused(png_data: Any) -> None:
    """A buffer that can change later cannot be shared with every viewer."""
    with pytest.raises(TypeError, match=rf"^data is {type(png_data).__name__}; it must be bytes"):
        prepare(Frame(png_data))


@pytest.mark.parametrize("png_data", [b"", b"\xff\xd8\xff\xe0 a JPEG", PNG_SIGNATURE[:7]])
def test_a_picture_that_is_no_png_is_refused(png_data: bytes) -> None:
    """The message says what the bytes start with and what they should start with."""
    with pytest.raises(ValueError, match=r"^data starts with b'.*'; a file of image/png starts") as caught:
        prepare(Frame(png_data))
    assert repr(png_data[:12]) in str(caught.value)
    assert repr(PNG_SIGNATURE) in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "error", "why"),
    [
        (Frame(PNG_SIGNATURE, 5), TypeError, "id is int; it must be text"),  # type: ignore[arg-type]  # pyright: ignore
        (Frame(PNG_SIGNATURE, [5]), TypeError, "id is list; it must be text"),  # type: ignore[arg-type]  # pyright: ignore
        (Frame(PNG_SIGNATURE, "\ud800"), ValueError, "not Unicode"),
        (Frame(PNG_SIGNATURE, "a", width=-1), ValueError, "width is -1; it must be from 0 to 2"),
        (Frame(PNG_SIGNATURE, "a", height=2**32), ValueError, "height is 4294967296; it must be from 0"),
        (Frame(PNG_SIGNATURE, "a", width=1.5), TypeError, "width is float; it must be an int"),  # type: ignore[arg-type]  # pyright: ignore
        (Frame(PNG_SIGNATURE, media_type="image/jpeg"), ValueError, "a file of image/jpeg starts with"),
        (Frame(b"RIFF", media_type="image/webp"), ValueError, "a file of image/webp has b'WEBP' at byte 8"),
        (
            Frame(b"GIF89a", media_type="image/gif"),
            ValueError,
            "media_type is 'image/gif'; known are",
        ),
        (Frame(PNG_SIGNATURE, media_type=None), TypeError, "media_type is NoneType; it must be text"),  # type: ignore[arg-type]  # pyright: ignore
    ],
)
def test_wrong_fields_of_a_frame_are_refused(frame: Frame, error: type[Exception], why: str) -> None:
    """The message names the field, what it is, and what it must be."""
    with pytest.raises(error, match=why):
        prepare(frame)


@pytest.mark.parametrize("message", [None, 5, "frame", {"png_data": PNG_SIGNATURE}, Tag("a")])
def test_what_is_no_message_is_refused(message: Any) -> None:
    """Anything but a Frame or a Peripheral is the caller's mistake."""
    with pytest.raises(TypeError, match=r"^\w+ is not a message; publish a Frame or a Peripheral$"):
        prepare(message)


def knob_with(fields: Mapping[str, Any]) -> Peripheral:
    """A peripheral with fields that the type checkers would not let through."""
    every: dict[str, Any] = {"id": "knob", "data": 1, **fields}
    return Peripheral(**every)


BAD_METADATA: Any = {"a": 1}
BAD_KEY: Any = {1: "a"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": 5}, r"^peripheral 5: id is int; it must be text$"),
        ({"id": 10**5000}, r"^peripheral <int>: id is int; it must be text$"),
        ({"id": b"knob"}, r"^peripheral b'knob': id is bytes; it must be text$"),
        ({"tags": None}, r"tags is NoneType; it must be a tuple or a list of tags$"),
        ({"tags": "input"}, r"tags is str; it must be a tuple or a list of tags$"),
        ({"tags": Tag("input")}, r"tags\[0\] is str; it must be a Tag$"),
        ({"tags": (Tag("a"), None)}, r"tags\[1\] is NoneType; it must be a Tag$"),
        ({"tags": (Tag(1),)}, r"tags\[0\]\.name is int; it must be text$"),  # type: ignore[arg-type]  # pyright: ignore
        ({"tags": [Tag("a", None)]}, r"tags\[0\]\.variant is NoneType"),  # type: ignore[arg-type]  # pyright: ignore
        ({"tags": [Tag("a", "", None)]}, r"tags\[0\]\.metadata is NoneType"),  # type: ignore[arg-type]  # pyright: ignore
        ({"tags": [Tag("a", "", BAD_METADATA)]}, r"tags\[0\]\.metadata\['a'\] is int; it must be text$"),
        ({"tags": [Tag("a", "", BAD_KEY)]}, r"tags\[0\]\.metadata: a key is int; it must be text$"),
        ({"location": (1, 2, 3)}, r"location is tuple; it must be a Location$"),
        ({"location": Location("1")}, r"location\.x is str; it must be a number$"),  # type: ignore[arg-type]  # pyright: ignore
        ({"location": Location(0, True)}, r"location\.y is bool; it must be a number$"),
        ({"location": Location(0, 0, 0, None)}, r"location\.time is NoneType"),  # type: ignore[arg-type]  # pyright: ignore
        ({"data": object()}, r"^peripheral 'knob': data: object has no JSON form"),
    ],
)
def test_a_field_of_a_wrong_type_is_named(fields: Mapping[str, Any], message: str) -> None:
    """The message says which peripheral, which field, what it is and what it must be."""
    with pytest.raises(TypeError, match=message):
        prepare(knob_with(fields))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": "\ud800"}, r"id is '\\ud800', not Unicode: surrogates not allowed$"),
        ({"tags": [Tag("\ud800")]}, r"tags\[0\]\.name is '\\ud800', not Unicode"),
        ({"tags": [Tag("a", "", {"é": "\ud800"})]}, r"tags\[0\]\.metadata\['é'\] is '\\ud800', not Unicode"),
        ({"location": Location(10**400)}, r"location\.x is too large for a double$"),
        ({"data": {"a": float("nan")}}, r"^peripheral 'knob': data\['a'\]: nan is not a number in JSON$"),
        ({"data": descriptor_pb2.UninterpretedOption.NamePart()}, r"data: .*required"),
    ],
)
def test_a_value_that_cannot_be_sent_is_named(fields: Mapping[str, Any], message: str) -> None:
    """The message is as exact for a wrong value of the right type."""
    with pytest.raises(ValueError, match=message):
        prepare(knob_with(fields))


@given(st.text(min_size=1), plain_json)
@examples(300)
def test_a_plain_update_is_the_same_bytes_by_either_way(id_: str, data: object) -> None:
    """An update without tags and location is written by hand, and is what the protobuf runtime writes."""
    by_hand, by_protobuf = Peripheral(id_, data, ()), Peripheral(id_, data, cast("Any", []))
    assert OPEN_CODEC.seal(prepare(by_hand), 1, 1) == OPEN_CODEC.seal(prepare(by_protobuf), 1, 1)
