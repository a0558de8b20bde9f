"""What came with one message."""

from typing import Final, NamedTuple

from beats.kernel.envelope import Message
from beats.proto.codec import OPEN_CODEC
from beats.proto.wire import DecodeError

_SIGNATURE_BYTES: Final = 8
_SIZE_AT: Final = 16
"""Where a PNG file has its width and height: its specification, sections 5.2, 5.3 and 11.2.1."""


class Item(NamedTuple):
    """An envelope."""

    topic: str
    sequence: int
    """0 when the server does not number."""
    captured_unix_ns: int
    """0 when nobody knows."""
    received_unix_ns: int
    size_bytes: int
    message: Message

    @property
    def age_s(self) -> float | None:
        """From its capture to here, by two clocks; None when nobody knows."""
        if not self.captured_unix_ns:
            return None
        return (self.received_unix_ns - self.captured_unix_ns) / 1e9


class Unreadable(NamedTuple):
    """A message that is none of the stream's."""

    received_unix_ns: int
    size_bytes: int
    why: str


def read(message: str | bytes, received_unix_ns: int) -> Item | Unreadable:
    """Read a message, whatever it is."""
    if isinstance(message, str):
        return Unreadable(received_unix_ns, len(message.encode()), "a text: the stream is binary")
    try:
        found = OPEN_CODEC.decode(message)
    except DecodeError as error:
        return Unreadable(received_unix_ns, len(message), str(error))
    return Item(
        found.topic,
        found.sequence,
        found.captured_unix_ns,
        received_unix_ns,
        len(message),
        found.message,
    )


def png_size(png_data: bytes) -> tuple[int, int]:
    """Width and height in pixels as the header says them; zeros when it is too short for that."""
    size = png_data[_SIZE_AT : _SIZE_AT + _SIGNATURE_BYTES].ljust(_SIGNATURE_BYTES, b"\0")
    return int.from_bytes(size[:4]), int.from_bytes(size[4:])
