"""Envelopes as JSON objects; those of peripherals can be fed to `beats run --stdin`."""

import base64
import json
import math
from typing import cast

from beats.cli.tap.item import Item, png_size
from beats.kernel.envelope import Frame, Location, OpaquePayload, Peripheral, kind_of, payload_type_of
from beats.proto.input_event_pb2 import InputEvent


def document(item: Item) -> dict[str, object]:
    """All of an envelope but a picture's bytes. What nobody knows is null."""
    message = item.message
    common: dict[str, object] = {
        "kind": kind_of(message),
        "topic": item.topic,
        "sequence": item.sequence or None,
        "captured_unix_ns": item.captured_unix_ns or None,
        "received_unix_ns": item.received_unix_ns,
        "size_bytes": item.size_bytes,
    }
    if isinstance(message, Frame):
        width, height = png_size(message.png_data)
        return common | {"png_bytes": len(message.png_data), "width_px": width, "height_px": height}
    update: dict[str, object] = {
        "id": message.id,
        "tags": [tag._asdict() | {"metadata": dict(tag.metadata)} for tag in message.tags],
        "location": _location(message.location),
        "data": data_of(message),
    }
    if payload_type := payload_type_of(message.data):
        update["payload_type"] = payload_type
    return common | update


def data_of(message: Peripheral) -> object:
    """The value as JSON has it: an input event as an object, a message of an unknown type in base64."""
    data = message.data
    if isinstance(data, OpaquePayload):
        return {"base64": base64.b64encode(data.payload).decode()}
    if isinstance(data, InputEvent):
        return {
            "event_type": data.event_type,
            "timestamp": data.timestamp,
            "data": _json(data.data_json),
        }
    return data


def _json(text: bytes) -> object:
    """What an event's text says; the text itself when it says nothing."""
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
