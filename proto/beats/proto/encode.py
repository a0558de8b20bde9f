"""Checks messages and serializes all of them but their sequence number and capture time."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from numbers import Real
from typing import Final, NamedTuple, cast

from google.protobuf.message import EncodeError as ProtobufEncodeError
from google.protobuf.message import Message as ProtobufMessage

from beats.kernel.envelope import PNG, Frame, Location, Message, Peripheral, Tag
from beats.proto import wire
from beats.proto.normalise import iso_8601, short, to_json
from beats.proto.streaming_pb2 import (
    JSON_UTF8,
    PROTOBUF,
    PeripheralEnvelope,
    PeripheralInfo,
    PeripheralLocation,
    StreamEnvelope,
)
from beats.proto.streaming_pb2 import Frame as WireFrame

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
"""The first eight bytes of every PNG file (PNG specification, section 5.2)."""
SIGNATURES: Final = {
    PNG: (0, PNG_SIGNATURE),
    "image/jpeg": (0, b"\xff\xd8\xff"),
    "image/webp": (8, b"WEBP"),
    "image/avif": (4, b"ftyp"),
}
"""The media types of frames, and where in such a file is what."""


class Prepared(NamedTuple):
    """A peripheral without its sequence number and capture time: its serialized payload in two pieces."""

    head: bytes
    body: bytes


class PreparedFrame(NamedTuple):
    """A checked frame. The bytes before its picture depend on sizes, and are written when it is sealed."""

    info: bytes
    """The serialized fields of the frame, without the picture."""
    body: bytes
    """The producer's own bytes, not copied."""
    is_png: bool


def prepare(message: Message) -> Prepared | PreparedFrame:
    """Check a message, and serialize what the producer may change: all but a picture, number and time.

    Raises:
        TypeError, ValueError: the message holds something that cannot be encoded; says what.
    """
    if isinstance(message, Frame):
        picture, id_, media_type, width, height = message
        is_png = media_type == PNG
        if not (is_png and type(picture) is bytes and picture.startswith(PNG_SIGNATURE)):
            checked_picture(picture, media_type)
        if id_ == "" and is_png:  # without `info`: this is all that the oldest clients understand
            info = b""
        else:
            info = _frame_info(_text(id_, "id"), media_type, _side(width, "width"), _side(height, "height"))
        if len(picture) > wire.MAX_PICTURE_BYTES - len(info):
            wire.frame_head(len(picture), info)  # raises
        return PreparedFrame(info, picture, is_png)
    given = cast("object", message)
    if not isinstance(given, Peripheral):
        raise TypeError(f"{_kind(given)} is not a message; publish a Frame or a Peripheral")
    id_, data, tags, location = given
    try:
        if tags == () and location is None and type(id_) is str and not isinstance(data, ProtobufMessage):
            payload = to_json(data)
            return Prepared(wire.update_head(_plain_info(id_), len(payload)), payload + wire.JSON_ENCODED)
        envelope = StreamEnvelope()
        _fill(envelope.peripheral, id_, data, tags, location)
    except TypeError as error:
        raise TypeError(f"peripheral {short(id_)}: {error}") from error
    except ValueError as error:
        raise ValueError(f"peripheral {short(id_)}: {error}") from error
    # Deterministic: the same message always gives the same bytes, whatever the order of a tag's metadata.
    return Prepared(envelope.SerializeToString(deterministic=True), b"")


@lru_cache(maxsize=1024)
def _plain_info(id_: str) -> bytes:
    """The serialized `PeripheralInfo` of a peripheral that has only an id."""
    return PeripheralInfo(id=_text(id_, "id")).SerializeToString()


@lru_cache(maxsize=1024)
def _frame_info(id_: str, media_type: str, width: int, height: int) -> bytes:
    """The serialized fields of a `Frame` but its picture."""
    wire_type = "" if media_type == PNG else media_type
    return WireFrame(id=id_, media_type=wire_type, width=width, height=height).SerializeToString()


def checked_picture(data: object, media_type: object = PNG) -> bytes:
    """Return the bytes if they start as a file of this media type does.

    Raises:
        TypeError, ValueError: the bytes are not of this type, or frames have no such type; says which.
    """
    if not isinstance(data, bytes):
        raise TypeError(f"data is {_kind(data)}; it must be bytes, which cannot change later")
    if not isinstance(media_type, str):
        raise TypeError(f"media_type is {_kind(media_type)}; it must be text, such as {PNG}")
    expected = SIGNATURES.get(media_type)
    if expected is None:
        raise ValueError(f"media_type is {short(media_type)}; known are {', '.join(SIGNATURES)}")
    at, signature = expected
    if not data.startswith(signature, at):
        where = f"has {signature!r} at byte {at}" if at else f"starts with {signature!r}"
        raise ValueError(f"data starts with {data[:12]!r}; a file of {media_type} {where}")
    return data


def _side(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} is {_kind(value)}; it must be an int, in pixels")
    if not 0 <= value < 2**32:
        raise ValueError(f"{what} is {value}; it must be from 0 to 2**32 - 1")
    return value


def _fill(peripheral: PeripheralEnvelope, id_: object, data: object, tags: object, location: object) -> None:
    info = peripheral.peripheral_info
    info.SetInParent()  # also with an empty id
    info.id = _text(id_, "id")
    if isinstance(data, ProtobufMessage):
        peripheral.payload_encoding = PROTOBUF
        peripheral.payload_type = data.DESCRIPTOR.full_name
        try:
            peripheral.payload = data.SerializeToString(deterministic=True)
        except ProtobufEncodeError as error:
            raise ValueError(f"data: {error}") from error
    else:
        peripheral.payload_encoding = JSON_UTF8
        peripheral.payload = to_json(data)
    if not isinstance(tags, tuple | list):
        raise TypeError(f"tags is {_kind(tags)}; it must be a tuple or a list of tags")
    for index, tag in enumerate(cast("Iterable[object]", tags)):
        _add_tag(info, index, tag)
    if location is not None:
        _fill_location(info.location, location)


def _add_tag(info: PeripheralInfo, index: int, tag: object) -> None:
    if not isinstance(tag, Tag):
        raise TypeError(f"tags[{index}] is {_kind(tag)}; it must be a Tag")
    name, variant, metadata = cast("tuple[object, ...]", tag)
    added = info.tags.add()
    added.name = _text(name, "tags[{}].name", index)
    added.variant = _text(variant, "tags[{}].variant", index)
    if not isinstance(metadata, Mapping):
        raise TypeError(f"tags[{index}].metadata is {_kind(metadata)}; it must be a mapping of text to text")
    for key, value in cast("Mapping[object, object]", metadata).items():
        checked_key = _text(key, "tags[{}].metadata: a key", index)
        added.metadata[checked_key] = _text(value, "tags[{}].metadata[{}]", index, key)


def _fill_location(filled: PeripheralLocation, location: object) -> None:
    if not isinstance(location, Location):
        raise TypeError(f"location is {_kind(location)}; it must be a Location")
    x, y, z, time = cast("tuple[object, ...]", location)
    filled.SetInParent()  # the origin is a location too, although all its fields are zero and left out
    filled.x = _number(x, "x")
    filled.y = _number(y, "y")
    filled.z = _number(z, "z")
    filled.time = iso_8601(time) if isinstance(time, datetime) else _text(time, "location.time")


def _text(value: object, what: str, *where: object) -> str:
    """Return the value if it is text that UTF-8 can hold. `what` and `where` name it in the error."""
    if not isinstance(value, str):
        raise TypeError(f"{_name(what, where)} is {_kind(value)}; it must be text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            shown = f"{_name(what, where)} is {short(value)}"
            raise ValueError(f"{shown}, not Unicode: {error.reason}") from None
    return value


def _name(what: str, where: tuple[object, ...]) -> str:
    return what.format(*map(short, where))


def _number(value: object, axis: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"location.{axis} is {_kind(value)}; it must be a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"location.{axis} is too large for a double") from None


def _kind(value: object) -> str:
    return type(value).__qualname__
