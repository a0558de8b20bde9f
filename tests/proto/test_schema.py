import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from beats.proto import input_event_pb2, streaming_pb2
from beats.proto.streaming_pb2 import Frame, StreamEnvelope

ROOT = Path(__file__).resolve().parents[2]

STREAMING = "heart.beats.streaming."
BYTES, STRING, DOUBLE = FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_DOUBLE
UINT32 = FieldDescriptor.TYPE_UINT32
UINT64, SFIXED64 = FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_SFIXED64

# Message -> name of each field -> (number, type, repeated). A message's or enum's type is its full name.
WIRE: dict[str, dict[str, tuple[int, int | str, bool]]] = {
    "heart.beats.streaming.StreamEnvelope": {
        "frame": (1, STREAMING + "Frame", False),
        "peripheral": (2, STREAMING + "PeripheralEnvelope", False),
        "sequence": (100, UINT64, False),
        "captured_unix_ns": (101, SFIXED64, False),
    },
    "heart.beats.streaming.Frame": {
        "png_data": (1, BYTES, False),
        "id": (100, STRING, False),
        "media_type": (101, STRING, False),
        "data": (102, BYTES, False),
        "width": (103, UINT32, False),
        "height": (104, UINT32, False),
    },
    "heart.beats.streaming.PeripheralEnvelope": {
        "peripheral_info": (1, STREAMING + "PeripheralInfo", False),
        "payload": (2, BYTES, False),
        "payload_encoding": (3, STREAMING + "PeripheralPayloadEncoding", False),
        "payload_type": (4, STRING, False),
    },
    "heart.beats.streaming.PeripheralInfo": {
        "id": (1, STRING, False),
        "tags": (2, STREAMING + "PeripheralTag", True),
        "location": (3, STREAMING + "PeripheralLocation", False),
    },
    "heart.beats.streaming.PeripheralTag": {
        "name": (1, STRING, False),
        "variant": (2, STRING, False),
        "metadata": (3, STREAMING + "PeripheralTag.MetadataEntry", True),
    },
    "heart.beats.streaming.PeripheralLocation": {
        "x": (1, DOUBLE, False),
        "y": (2, DOUBLE, False),
        "z": (3, DOUBLE, False),
        "time": (4, STRING, False),
    },
    "heart.peripheral.input.InputEvent": {
        "event_type": (1, STRING, False),
        "timestamp": (2, STRING, False),
        "data_json": (3, BYTES, False),
    },
}

DESCRIPTORS: dict[str, Descriptor] = {
    descriptor.full_name: descriptor
    for file in (streaming_pb2.DESCRIPTOR, input_event_pb2.DESCRIPTOR)
    for descriptor in file.message_types_by_name.values()
}


def test_the_messages_are_those_of_the_wire() -> None:
    """Only the messages that clients know, under the same names."""
    assert sorted(DESCRIPTORS) == sorted(WIRE)


@pytest.mark.parametrize("name", sorted(WIRE))
def test_fields_keep_names_numbers_and_types(name: str) -> None:
    """Existing clients rely on each field's name, number and type."""
    proto = descriptor_pb2.DescriptorProto()
    DESCRIPTORS[name].CopyToProto(proto)  # the descriptor itself tells in another way in each major version
    repeated = {field.name for field in proto.field if field.label == field.LABEL_REPEATED}
    fields = {
        field.name: (field.number, _type_of(field), field.name in repeated)
        for field in DESCRIPTORS[name].fields
    }
    assert fields == WIRE[name]


def _type_of(field: FieldDescriptor) -> int | str:
    if field.message_type is not None:
        return field.message_type.full_name
    if field.enum_type is not None:
        return field.enum_type.full_name
    return field.type


def test_a_tag_s_metadata_is_a_map_of_text_to_text() -> None:
    """Its entries are those of a map field."""
    entry = DESCRIPTORS["heart.beats.streaming.PeripheralTag"].fields_by_name["metadata"].message_type
    assert entry is not None
    assert entry.GetOptions().map_entry
    assert [(field.name, field.number, field.type) for field in entry.fields] == [
        ("key", 1, STRING),
        ("value", 2, STRING),
    ]


def test_an_envelope_holds_a_frame_or_a_peripheral() -> None:
    """The oneof `payload` has those two members; sequence and time are outside of it."""
    (oneof,) = StreamEnvelope.DESCRIPTOR.oneofs
    assert (oneof.name, [field.name for field in oneof.fields]) == ("payload", ["frame", "peripheral"])


def test_encodings_keep_names_and_numbers() -> None:
    """The enum's values are those that clients know."""
    assert dict(streaming_pb2.PeripheralPayloadEncoding.items()) == {
        "PERIPHERAL_PAYLOAD_ENCODING_UNSPECIFIED": 0,
        "JSON_UTF8": 1,
        "PROTOBUF": 2,
    }


def test_a_client_without_our_additions_reads_the_rest() -> None:
    """A client with the original schema skips sequence, time and size as unknown fields."""
    frame = Frame(png_data=b"png", id="cam", width=3)
    envelope = StreamEnvelope(frame=frame, sequence=7, captured_unix_ns=8)
    old = _original_envelope_class().FromString(envelope.SerializeToString())
    assert [(field.name, value.png_data) for field, value in old.ListFields()] == [("frame", b"png")]


def _original_envelope_class() -> type[Message]:
    file = descriptor_pb2.FileDescriptorProto()
    streaming_pb2.DESCRIPTOR.CopyToProto(file)
    (envelope,) = (message for message in file.message_type if message.name == "StreamEnvelope")
    (frame,) = (message for message in file.message_type if message.name == "Frame")
    for message in (envelope, frame):
        for field in [field for field in message.field if field.number >= 100]:
            message.field.remove(field)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(STREAMING + "StreamEnvelope"))


def test_generated_code_is_what_the_schema_gives(tmp_path: Path) -> None:
    """The committed code and stubs come, byte for byte, from the committed schema by `make proto`."""
    subprocess.run([sys.executable, "proto/generate.py", str(tmp_path)], cwd=ROOT, check=True)
    generated = tmp_path / "beats" / "proto"
    committed = ROOT / "proto" / "beats" / "proto"
    names = sorted(path.name for path in generated.iterdir())
    assert names == sorted(path.name for path in committed.glob("*_pb2.py*"))
    for name in names:
        assert (committed / name).read_bytes() == (generated / name).read_bytes(), (
            f"{name} is not what this grpcio-tools makes of its schema; run `make proto`"
        )
