"""The message types under which Foxglove's tools show a stream: pictures and peripheral updates.

A picture is a `foxglove.CompressedImage` in protobuf
(https://docs.foxglove.dev/docs/sdk/schemas/compressed-image). An update is JSON in UTF-8, one object with the
fields `id`, `tags`, `location` and `data`, whose JSON Schema is inferred from it. A topic has the name that
it has here, after a slash: `/frame`, `/frame/cam`, `/peripheral/knob`.
"""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, Protocol, cast

from google.protobuf import timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message as ProtobufMessage
from google.protobuf.message_factory import GetMessageClass

from beats.kernel.envelope import Frame, OpaquePayload, Peripheral, topic_of
from beats.proto import wire
from beats.proto.normalise import iso_8601, to_json
from beats.proto.wire import DecodeError

IMAGE_SCHEMA_NAME: Final = "foxglove.CompressedImage"
IMAGE_ENCODING: Final = "protobuf"
"""The encoding of pictures, and of their schema."""
UPDATE_ENCODING: Final = "json"
UPDATE_SCHEMA_ENCODING: Final = "jsonschema"
UPDATE_SCHEMA_PREFIX: Final = "beats."
"""Begins the name of an update's schema, which the topic follows: their types differ from topic to topic."""
_DATA: Final = b"\x12"  # CompressedImage.data = 2
_NS_PER_S: Final = 10**9


def _described() -> FileDescriptorSet:
    """The schema of a picture, after that of the time in it."""
    files = FileDescriptorSet()
    time, image = files.file.add(), files.file.add()
    timestamp_pb2.DESCRIPTOR.CopyToProto(time)
    image.name, image.package, image.syntax = "foxglove/CompressedImage.proto", "foxglove", "proto3"
    image.dependency.append(time.name)
    message = image.message_type.add(name="CompressedImage")
    message.field.add(
        name="timestamp",
        number=1,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
        type=FieldDescriptorProto.TYPE_MESSAGE,
        type_name=".google.protobuf.Timestamp",
    )
    for number, name, kind in (
        (2, "data", FieldDescriptorProto.TYPE_BYTES),
        (3, "format", FieldDescriptorProto.TYPE_STRING),
        (4, "frame_id", FieldDescriptorProto.TYPE_STRING),
    ):
        message.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL, type=kind)
    return files


_FILES: Final = _described()
IMAGE_SCHEMA: Final = _FILES.SerializeToString(deterministic=True)
"""The schema of a picture with its dependency: a serialized `FileDescriptorSet`."""


class _WireImage(Protocol):
    timestamp: timestamp_pb2.Timestamp
    data: bytes
    format: str
    frame_id: str


def _image_class() -> type[ProtobufMessage]:
    pool = DescriptorPool()  # not the default one: see `beats.proto.pool`
    for file in _FILES.file:
        pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(IMAGE_SCHEMA_NAME))


_Image: Final = _image_class()


class Image(NamedTuple):
    """A picture from a `CompressedImage`."""

    data: bytes
    format: str
    """The format as the producer states it, such as `jpeg` or `bgr8; jpeg compressed bgr8`; may be wrong."""
    unix_ns: int
    """0 when unknown."""


def channel_topic(topic: str) -> str:
    """The name of a topic of ours among those of Foxglove."""
    return f"/{topic}"


def image_head(frame: Frame, captured_unix_ns: int) -> bytes:
    """The bytes before the picture in a serialized `CompressedImage`, so that it is copied once.

    The coordinate frame is named as the picture: by its id, or `frame`.

    Raises:
        ValueError: the picture is too large for one message.
    """
    if len(frame.data) > wire.MAX_PICTURE_BYTES:
        raise ValueError(
            f"data has {len(frame.data)} bytes; one message holds at most {wire.MAX_PICTURE_BYTES}"
        )
    seconds, ns = divmod(captured_unix_ns, _NS_PER_S)
    head = cast("_WireImage", _Image())
    head.timestamp.seconds, head.timestamp.nanos = seconds, ns
    head.format = frame.media_type.removeprefix("image/")
    head.frame_id = frame.id or topic_of(frame)
    return cast("ProtobufMessage", head).SerializeToString() + _DATA + wire.varint(len(frame.data))


def read_image(encoded: bytes) -> Image:
    """The picture in a serialized `CompressedImage`.

    Raises:
        DecodeError: the bytes are something else.
    """
    try:
        image = cast("_WireImage", _Image.FromString(encoded))
    # The runtime's pure Python form lets errors of text through as they are.
    except (ProtobufDecodeError, ValueError) as error:
        raise DecodeError(f"not a {IMAGE_SCHEMA_NAME}: {error}") from error
    return Image(image.data, image.format, image.timestamp.seconds * _NS_PER_S + image.timestamp.nanos)


def update_fields(update: Peripheral) -> dict[str, object]:
    """An update as an object of JSON: `id`, `tags`, `location` (null when unknown) and `data`.

    A protobuf message is written in its JSON form; one of an unknown type as `payload_type` and `hex`.
    """
    return {
        "id": update.id,
        "tags": [
            {"name": tag.name, "variant": tag.variant, "metadata": dict(tag.metadata)} for tag in update.tags
        ],
        "location": _location(update),
        "data": _data(update.data),
    }


def update_json(update: Peripheral, data: bytes | None = None) -> bytes:
    """The message of an update.

    Args:
        update: the update.
        data: its data as JSON, if that is known already.

    Raises:
        TypeError, ValueError: it cannot be published either; says what in it has no JSON.
    """
    fields = update_fields(update)
    value = fields.pop("data")
    if data is None:
        data = to_json(value)  # by itself, since it may be as deeply nested as is allowed
    return to_json(fields)[:-1] + b',"data":' + data + b"}"


def update_schema(message: bytes) -> bytes:
    """The JSON Schema of a message of `update_json`; later ones of the topic may hold something else.

    It describes what Foxglove's tools accept in a schema: no nulls, no empty, mixed or nested arrays. Fields
    that hold such values are left out, and nothing is required, so the tools read them without a schema.
    (https://github.com/lichtblick-suite/lichtblick, packages/mcap-support/src/parseJsonSchema.ts)
    """
    return json.dumps(_schema(json.loads(message)), ensure_ascii=False, separators=(",", ":")).encode()


def update_schema_name(topic: str) -> str:
    """The name of the schema of a topic of updates."""
    return UPDATE_SCHEMA_PREFIX + topic


def _location(update: Peripheral) -> dict[str, object] | None:
    if update.location is None:
        return None
    x, y, z, time = update.location
    moment = iso_8601(time) if isinstance(time, datetime) else time
    return {"x": _number(x), "y": _number(y), "z": _number(z), "time": moment}


def _number(value: float) -> float | str:
    """JSON lacks infinities and NaN; they are written as in the JSON of protobuf."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _data(data: object) -> object:
    if isinstance(data, OpaquePayload):
        return {"payload_type": data.payload_type, "hex": data.payload.hex()}
    if isinstance(data, ProtobufMessage):
        try:
            return MessageToDict(data)
        except Exception:  # an Any of an unknown type, a time outside of the calendar
            return {"payload_type": data.DESCRIPTOR.full_name, "hex": data.SerializeToString().hex()}
    return data


def _schema(value: object) -> dict[str, object] | None:
    """The schema of a value; None when there is none that the tools accept."""
    match value:
        case bool():
            return {"type": "boolean"}
        case int() | float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case dict():
            return _object_schema([cast("dict[str, object]", value)])
        case list():
            items = _items_schema(cast("list[object]", value))
            return None if items is None else {"type": "array", "items": items}
        case _:
            return None


def _object_schema(objects: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """The schema that all of the objects have; without the fields in which they differ."""
    found: dict[str, dict[str, object] | None] = {}
    for each in objects:
        for name, value in each.items():
            schema = _schema(value)
            found[name] = schema if found.setdefault(name, schema) == schema else None
    return {"type": "object", "properties": {name: each for name, each in found.items() if each is not None}}


def _items_schema(items: list[object]) -> dict[str, object] | None:
    if items and all(isinstance(item, dict) for item in items):
        return _object_schema(cast("list[dict[str, object]]", items))
    first = _schema(items[0]) if items else None
    if first is None or first["type"] == "array" or any(_schema(item) != first for item in items):
        return None
    return first
