"""Read serialized messages of the stream, trusting nothing in them."""

import json

from google.protobuf.message import DecodeError as ProtobufDecodeError

from beats.kernel.envelope import peripheral_topic
from beats.proto.encode import checked_png
from beats.proto.messages import (
    Decoded,
    DecodedFrame,
    DecodedLocation,
    DecodedPeripheral,
    DecodedTag,
    DecodeError,
    PayloadEncoding,
)
from beats.proto.normalise import to_json
from beats.proto.registry import TypeRegistry
from beats.proto.streaming_pb2 import JSON_UTF8, PROTOBUF, PeripheralEnvelope, PeripheralInfo, StreamEnvelope


def decode(data: bytes, registry: TypeRegistry) -> Decoded:
    """Read one serialized `StreamEnvelope`.

    Its message can be encoded again: what `prepare` would refuse is refused here too.

    Raises:
        DecodeError: the bytes are something else, or hold something that cannot be read; says what.
    """
    try:
        envelope = StreamEnvelope.FromString(data)
    # The runtime's pure Python form lets errors of text through as they are.
    except (ProtobufDecodeError, ValueError) as error:
        raise DecodeError(f"not a StreamEnvelope: {error}") from error
    match envelope.WhichOneof("payload"):
        case "frame":
            frame = _frame(envelope.frame.png_data)
            return Decoded("frame", "frame", envelope.sequence, envelope.captured_unix_ns, frame)
        case "peripheral":
            update = _peripheral(envelope.peripheral, registry)
            payload_type = update.payload_type if update.payload_encoding == "PROTOBUF" else ""
            topic = peripheral_topic(update.id, update.tags, payload_type)
            return Decoded("peripheral", topic, envelope.sequence, envelope.captured_unix_ns, update)
        case _:
            raise DecodeError("a StreamEnvelope with neither a frame nor a peripheral")


def _frame(png_data: bytes) -> DecodedFrame:
    try:
        return DecodedFrame(checked_png(png_data))
    except ValueError as error:
        raise DecodeError(str(error)) from None


def _peripheral(peripheral: PeripheralEnvelope, registry: TypeRegistry) -> DecodedPeripheral:
    info = peripheral.peripheral_info
    data, encoding = _data(peripheral, registry)
    tags = tuple(DecodedTag(tag.name, tag.variant, dict(tag.metadata)) for tag in info.tags)
    return DecodedPeripheral(info.id, data, tags, _location(info), encoding, peripheral.payload_type)


def _data(peripheral: PeripheralEnvelope, registry: TypeRegistry) -> tuple[object, PayloadEncoding]:
    # An enum of proto3 is open: a number that the schema does not have comes through as it is.
    encoding = peripheral.payload_encoding
    if encoding == JSON_UTF8:
        return _from_json(peripheral.payload), "JSON_UTF8"
    if encoding == PROTOBUF:
        return registry.decode(peripheral.payload_type, peripheral.payload), "PROTOBUF"
    raise DecodeError(f"payload_encoding is {int(encoding)}; known are 1 (JSON_UTF8) and 2 (PROTOBUF)")


def _from_json(payload: bytes) -> object:
    """Read JSON that we could have sent.

    Python's reader takes more than that: NaN, numbers that become infinite, half surrogate pairs, any depth
    that its stack allows, and (given bytes) UTF-16. Writing what was read finds all of these.
    """
    try:
        data: object = json.loads(payload.decode())
        to_json(data)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"the payload is not JSON: {error}") from error
    return data


def _location(info: PeripheralInfo) -> DecodedLocation | None:
    if not info.HasField("location"):
        return None
    location = info.location
    return DecodedLocation(location.x, location.y, location.z, location.time)
