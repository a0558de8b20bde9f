"""The value of an update as JSON, for programs that do not speak protobuf."""

import base64
import json
from typing import cast

from beats.kernel.envelope import OpaquePayload, Peripheral
from beats.proto.input_event_pb2 import InputEvent


def data_of(message: Peripheral) -> object:
    """The value as JSON: an input event as an object, a message of an unknown type in base64."""
    data = message.data
    if isinstance(data, OpaquePayload):
        return {"base64": base64.b64encode(data.payload).decode()}
    if isinstance(data, InputEvent):
        return {"event_type": data.event_type, "timestamp": data.timestamp, "data": _json(data.data_json)}
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
