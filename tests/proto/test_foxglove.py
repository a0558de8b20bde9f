"""Pictures and updates as Foxglove's tools know them, held against Foxglove's own code."""

import json
from typing import Any, Final

import pytest
from foxglove.messages import CompressedImage, Timestamp
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from jsonschema import Draft202012Validator

from beats.kernel.envelope import Frame, Location, OpaquePayload, Peripheral, Tag
from beats.proto import foxglove
from beats.proto.input_event_pb2 import InputEvent

PNG: Final = b"\x89PNG\r\n\x1a\n and the rest"


@pytest.mark.parametrize("unix_ns", [0, 1, 1_700_000_000_123_456_789])
@pytest.mark.parametrize(("id_", "named"), [("", "frame"), ("cam/left", "cam/left")])
def test_a_picture_is_what_foxglove_writes(unix_ns: int, id_: str, named: str) -> None:
    """The same message as from Foxglove's own class, whatever the order of its fields."""
    frame = Frame(PNG, id_)
    ours = foxglove.image_head(frame, unix_ns) + frame.data
    time = Timestamp(*divmod(unix_ns, 10**9))
    theirs = CompressedImage(timestamp=time, frame_id=named, data=PNG, format="png").encode()
    assert sorted(ours) == sorted(theirs)
    assert foxglove.read_image(theirs) == foxglove.read_image(ours) == (PNG, "png", unix_ns)


def test_our_schema_is_part_of_foxgloves() -> None:
    """Each field of ours has the number and type that it has in Foxglove's own schema."""
    ours, theirs = (
        FileDescriptorSet.FromString(data)
        for data in (foxglove.IMAGE_SCHEMA, CompressedImage.get_schema().data)
    )
    by_name = [
        {
            field.name: (field.number, field.type, field.type_name)
            for file in files.file
            for message in file.message_type
            if f"{file.package}.{message.name}" == CompressedImage.get_schema().name
            for field in message.field
        }
        for files in (ours, theirs)
    ]
    assert by_name[0] == {name: by_name[1][name] for name in ("timestamp", "data", "format", "frame_id")}
    assert "google/protobuf/timestamp.proto" in [file.name for file in ours.file]


def test_a_program_may_have_its_own_code_for_the_schema() -> None:
    """Ours is not in protobuf's default pool, which refuses a name that it knows."""
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindFileByName("foxglove/CompressedImage.proto")


def test_bytes_that_are_no_picture_are_refused() -> None:
    """With an error of ours."""
    with pytest.raises(ValueError, match=r"not a foxglove\.CompressedImage"):
        foxglove.read_image(b"\xff\xff")


@pytest.mark.parametrize(
    ("data", "written"),
    [
        ({"angle": 1.5}, {"angle": 1.5}),
        (3, 3),
        (None, None),
        (InputEvent(event_type="press"), {"eventType": "press"}),
        (OpaquePayload("a.B", b"\x01"), {"payload_type": "a.B", "hex": "01"}),
    ],
)
def test_an_update_is_an_object_whatever_its_data(data: object, written: object) -> None:
    """Foxglove's tools take objects only."""
    update = Peripheral("knob", data, (Tag("input", "rotary", {"a": "b"}),), Location(1.0, float("nan")))
    assert json.loads(foxglove.update_json(update)) == {
        "id": "knob",
        "tags": [{"name": "input", "variant": "rotary", "metadata": {"a": "b"}}],
        "location": {"x": 1.0, "y": "NaN", "z": 0.0, "time": ""},
        "data": written,
    }


def test_the_deepest_data_that_can_be_published_can_be_written() -> None:
    """The object around it is no level of the data."""
    data: object = 1
    for _ in range(100):
        data = [data]
    assert b"[[1]]" in foxglove.update_json(Peripheral("deep", data))


def test_a_schema_describes_its_message_in_terms_that_the_tools_accept() -> None:
    """What Lichtblick's reader of schemas refuses is left out: nulls, and empty, mixed and nested arrays."""
    data: dict[str, object] = {
        "text": "a",
        "on": True,
        "count": 3,
        "nothing": None,
        "empty": [],
        "numbers": [1, 2.5],
        "mixed": [1, "a"],
        "nested": [[1]],
        "points": [{"x": 1, "name": "a"}, {"x": 2, "name": 3, "y": 4}],
        "of": {},
    }
    message = foxglove.update_json(Peripheral("knob", data))
    schema = json.loads(foxglove.update_schema(message))
    number = {"type": "number"}
    assert schema["properties"].keys() == {"id", "data"}  # neither tags nor a location are known
    assert schema["properties"]["data"]["properties"] == {
        "text": {"type": "string"},
        "on": {"type": "boolean"},
        "count": number,
        "numbers": {"type": "array", "items": number},
        "points": {"type": "array", "items": {"type": "object", "properties": {"x": number, "y": number}}},
        "of": {"type": "object", "properties": {}},
    }
    validator: Any = Draft202012Validator(schema)
    assert validator.is_valid(json.loads(message))
