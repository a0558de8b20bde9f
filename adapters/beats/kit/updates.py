"""Updates of peripherals as plain JSON, for programs that know neither protobuf nor this project's types."""

import base64
import json
import math
from typing import cast

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message as ProtobufMessage

from beats.kernel.envelope import Location, OpaquePayload, Peripheral, payload_type_of
from beats.proto.input_event_pb2 import InputEvent


def update_document(message: Peripheral) -> dict[str, object]:
    """An update that was decoded from the wire, as JSON; `payload_type` only if it has one."""
    update: dict[str, object] = {
        "id": message.id,
        "tags": [tag._asdict() | {"metadata": dict(tag.metadata)} for tag in message.tags],
        "location": _location(message.location),
        "data": data_of(message),
    }
    if payload_type := payload_type_of(message.data):
        update["payload_type"] = payload_type
    return update


def data_of(message: Peripheral) -> object:
    """The value as JSON: a message of a known type as an object, of an unknown type in base64."""
    data = message.data
    if isinstance(data, OpaquePayload):
        return {"base64": base64.b64encode(data.payload).decode()}
    if isinstance(data, InputEvent):
        return {"event_type": data.event_type, "timestamp": data.timestamp, "data": _json(data.data_json)}
    if isinstance(data, ProtobufMessage):
        return MessageToDict(data, preserving_proto_field_name=True)
    return data


def _json(text: bytes) -> object:
    """The parsed JSON of an event; the text itself when it is not valid JSON."""
    try:
        found = cast("object", json.loads(text or "null", parse_constant=_refuse))
        json.dumps(found, allow_nan=False)
    except (ValueError, RecursionError):
        return text.decode(errors="replace")
    return found


def _refuse(name: str) -> object:
    raise ValueError(name)


def _location(location: Location | None) -> dict[str, object] | None:
    if location is None:
        return None
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in location._asdict().items()
    }
