"""One message of a stream, and its form as JSON, which `beats run --stdin` accepts for peripherals."""

from typing import Final, NamedTuple

from beats.kernel.envelope import PNG, Frame, Message, kind_of
from beats.kit.updates import update_document
from beats.proto.codec import OPEN_CODEC
from beats.proto.wire import DecodeError

_SIGNATURE_BYTES: Final = 8
_SIZE_AT: Final = 16
"""The offset of width and height in a PNG file (PNG specification, sections 5.2, 5.3 and 11.2.1)."""


class Item(NamedTuple):
    """An envelope."""

    topic: str
    sequence: int
    """0 when the server sends none."""
    captured_unix_ns: int
    """0 when unknown."""
    received_unix_ns: int
    size_bytes: int
    message: Message

    @property
    def age_s(self) -> float | None:
        """The time from capture to reception, by the clocks of both machines; None when unknown."""
        if not self.captured_unix_ns:
            return None
        return (self.received_unix_ns - self.captured_unix_ns) / 1e9


class Unreadable(NamedTuple):
    """A message that is not an envelope."""

    received_unix_ns: int
    size_bytes: int
    why: str


class Notice(NamedTuple):
    """An event of the connection, for the user."""

    text: str


def read(message: str | bytes, received_unix_ns: int) -> Item | Unreadable:
    """Decode a message."""
    if isinstance(message, str):
        return Unreadable(received_unix_ns, len(message.encode()), "a text message: the stream is binary")
    try:
        found = OPEN_CODEC.decode(message)
    except DecodeError as error:
        return Unreadable(received_unix_ns, len(message), str(error))
    return Item(
        found.topic, found.sequence, found.captured_unix_ns, received_unix_ns, len(message), found.message
    )


def size_of(frame: Frame) -> tuple[int, int]:
    """Width and height in pixels; zeros when unknown."""
    if frame.width or frame.media_type != PNG:
        return frame.width, frame.height
    size = frame.data[_SIZE_AT : _SIZE_AT + _SIGNATURE_BYTES].ljust(_SIGNATURE_BYTES, b"\0")
    return int.from_bytes(size[:4]), int.from_bytes(size[4:])


def document(item: Item) -> dict[str, object]:
    """An envelope without the bytes of a picture, as JSON. Unknown values are null."""
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
        width, height = size_of(message)
        size_name = "png_bytes" if message.media_type == PNG else "data_bytes"
        return common | {
            "id": message.id,
            "media_type": message.media_type,
            size_name: len(message.data),
            "width_px": width,
            "height_px": height,
        }
    return common | update_document(message)
