"""The codec that the kernel is given: the wire format of the stream."""

import json
from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError

from beats.kernel.envelope import PNG, Frame, Location, Message, Peripheral, Sealed, Tag
from beats.proto import encode, wire
from beats.proto.encode import PNG_SIGNATURE, Prepared, PreparedFrame, checked_picture
from beats.proto.normalise import to_json
from beats.proto.registry import DEFAULT_REGISTRY, OpenRegistry, TypeRegistry
from beats.proto.streaming_pb2 import (
    JSON_UTF8,
    PROTOBUF,
    PeripheralEnvelope,
    PeripheralInfo,
    StreamEnvelope,
)
from beats.proto.streaming_pb2 import Frame as WireFrame
from beats.proto.wire import DecodeError


def _sealed(prepared: Prepared | PreparedFrame, tail: bytes) -> bytes:
    if isinstance(prepared, PreparedFrame):
        info, body, is_png = prepared
        head = wire.frame_head(len(body), info, is_png=is_png)
    else:
        head, body = prepared
    return b"".join((head, body, tail))


class StreamCodec:
    """Encodes and decodes messages of the type `StreamEnvelope`. Any thread may use it at any time."""

    def __init__(self, registry: TypeRegistry = DEFAULT_REGISTRY) -> None:
        self.registry: Final = registry
        """The types that a PROTOBUF payload may have when it is decoded."""

    prepare = staticmethod(encode.prepare)

    def seal(self, prepared: Prepared | PreparedFrame, sequence: int, captured_unix_ns: int) -> bytes:
        """The serialized `StreamEnvelope`. This makes the only copy of a picture.

        Raises:
            ValueError: the sequence is not from 1 to 2**64 - 1, or the time does not fit in 64 bits.
        """
        return _sealed(prepared, wire.tail(sequence, captured_unix_ns))

    def seal_without_number(self, prepared: Prepared | PreparedFrame, captured_unix_ns: int) -> bytes:
        """Seal a message that has no sequence number, such as those of other programs' files."""
        return _sealed(prepared, wire.time_tail(captured_unix_ns))

    def renumber(self, encoded: bytes, before: int, sequence: int, captured_unix_ns: int) -> bytes:
        """A serialized `StreamEnvelope` with another sequence number.

        The fields that `seal` wrote are removed from the end. If the end is something else, such as a payload
        whose last bytes are the same, the new fields are appended: of a field that occurs twice, readers take
        the last.

        Raises:
            ValueError: as `seal`.
        """
        new = wire.tail(sequence, captured_unix_ns)
        old = wire.tail(before, captured_unix_ns) if before else b""
        rest = encoded.removesuffix(old)
        try:
            wire.fields(rest)  # whole fields, unless the removed bytes were the end of one
        except DecodeError:
            return encoded + new
        return rest + new

    def decode(self, encoded: bytes) -> Sealed:
        """Read one serialized `StreamEnvelope`, trusting nothing in it.

        What `prepare` would refuse is refused here too, so the message can be encoded again.

        Raises:
            DecodeError: the bytes are something else, or hold something that cannot be read; says what.
        """
        found = wire.fields(encoded)
        if found.payload == 1 and not found.is_merged:  # by hand: the protobuf runtime copies a picture twice
            content = encoded[found.start : found.end]
            png = wire.png_of(content)
            if png is not None and png.startswith(PNG_SIGNATURE):
                return Sealed(Frame(png), found.sequence, found.captured_unix_ns, encoded)
            if (frame := _frame_in_parts(content)) is not None:
                return Sealed(frame, found.sequence, found.captured_unix_ns, encoded)
        envelope = _parsed(encoded)
        match envelope.WhichOneof("payload"):
            case "frame":
                message: Message = _frame(envelope.frame, envelope.frame.png_data, envelope.frame.data)
            case "peripheral":
                message = _peripheral(envelope.peripheral, self.registry)
            case _:
                raise DecodeError("a StreamEnvelope with neither a frame nor a peripheral")
        return Sealed(message, envelope.sequence, envelope.captured_unix_ns, encoded)


OPEN_CODEC: Final = StreamCodec(OpenRegistry())
"""Decodes what is passed on or recorded: a payload of an unknown type is kept as it is."""


def _parsed(encoded: bytes) -> StreamEnvelope:
    try:
        return StreamEnvelope.FromString(encoded)
    # The runtime's pure Python form lets errors of text through as they are.
    except (ProtobufDecodeError, ValueError) as error:
        raise DecodeError(f"not a StreamEnvelope: {error}") from error


def _frame_in_parts(content: bytes) -> Frame | None:
    """A serialized `Frame`, its picture not copied by the runtime; None when that is not at the end."""
    found = wire.picture_of(content)
    if found is None:
        return None
    try:
        info = WireFrame.FromString(found.info)
    except (ProtobufDecodeError, ValueError) as error:
        raise DecodeError(f"not a Frame: {error}") from error
    picture = content[found.start :]  # of a field that occurs twice, the last counts
    return _frame(info, picture, info.data) if found.is_png else _frame(info, info.png_data, picture)


def _frame(frame: WireFrame, png_data: bytes, data: bytes) -> Frame:
    """Check the fields of a frame, whose picture may be beside them."""
    if frame.media_type == PNG:
        raise DecodeError("a frame's media_type is image/png; a PNG is in png_data, without media_type")
    picture, other = (data, png_data) if frame.media_type else (png_data, data)
    if other:
        raise DecodeError("a frame holds both png_data and data, or data without media_type")
    try:
        checked = checked_picture(picture, frame.media_type or PNG)
    except ValueError as error:
        raise DecodeError(str(error)) from None
    return Frame(checked, frame.id, frame.media_type or PNG, frame.width, frame.height)


def _peripheral(peripheral: PeripheralEnvelope, registry: TypeRegistry) -> Peripheral:
    info = peripheral.peripheral_info
    tags = tuple(Tag(tag.name, tag.variant, dict(tag.metadata)) for tag in info.tags)
    return Peripheral(info.id, _data(peripheral, registry), tags, _location(info))


def _data(peripheral: PeripheralEnvelope, registry: TypeRegistry) -> object:
    # An enum of proto3 is open: a number that the schema does not have comes through as it is.
    encoding = peripheral.payload_encoding
    if encoding == JSON_UTF8:
        return _from_json(peripheral.payload)
    if encoding == PROTOBUF:
        return registry.decode(peripheral.payload_type, peripheral.payload)
    raise DecodeError(f"payload_encoding is {int(encoding)}; known are 1 (JSON_UTF8) and 2 (PROTOBUF)")


def _from_json(payload: bytes) -> object:
    """Read JSON that this codec could have written.

    Python's reader takes more than that: NaN, numbers that become infinite, half surrogate pairs, any depth
    that its stack allows, and (given bytes) UTF-16. Writing what was read finds all of these.
    """
    try:
        data: object = json.loads(payload.decode())
        to_json(data)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"the payload is not JSON: {error}") from error
    return data


def _location(info: PeripheralInfo) -> Location | None:
    if not info.HasField("location"):
        return None
    location = info.location
    return Location(location.x, location.y, location.z, location.time)
