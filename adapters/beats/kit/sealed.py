"""From the bytes of an envelope that comes from elsewhere to what can be put on a bus again."""

from typing import Final

from beats.kernel.envelope import Frame, Location, Peripheral, Sealed, Tag
from beats.proto import wire
from beats.proto.codec import StreamCodec
from beats.proto.encode import PNG_SIGNATURE
from beats.proto.messages import DecodedFrame, DecodedPeripheral
from beats.proto.registry import OpenRegistry

_CODEC: Final = StreamCodec(OpenRegistry())
"""Whoever passes an envelope on need not know the types in it."""


def sealed(encoded: bytes) -> Sealed:
    """The message in some bytes, with its place and time.

    Raises:
        DecodeError: they are no envelope.
        ValueError: likewise.
    """
    parts = wire.parts(encoded)
    if parts.field == 1:  # by hand: the protobuf runtime copies a picture twice
        png = wire.png_of(encoded[parts.start : parts.end])
        if png is not None and png.startswith(PNG_SIGNATURE):
            return Sealed(Frame(png), parts.sequence, parts.captured_unix_ns, encoded)
    decoded = _CODEC.decode(encoded)
    message = decoded.payload
    made = Frame(message.png_data) if isinstance(message, DecodedFrame) else _peripheral(message)
    return Sealed(made, decoded.sequence, decoded.captured_unix_ns, encoded)


def _peripheral(update: DecodedPeripheral) -> Peripheral:
    tags = tuple(Tag(tag.name, tag.variant, tag.metadata) for tag in update.tags)
    location = None if update.location is None else Location(*update.location)
    return Peripheral(update.id, update.data, tags, location)
