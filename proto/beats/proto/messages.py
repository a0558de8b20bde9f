"""The shapes that go into the codec and those that come out of it.

What goes in is described by its attributes alone, so that whoever publishes brings types of their own.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

PayloadEncoding = Literal["JSON_UTF8", "PROTOBUF"]


class DecodeError(ValueError):
    """The bytes are not a message of the stream. The fault is the sender's, and the text says which."""


class FrameLike(Protocol):
    """One picture to encode."""

    @property
    def png_data(self) -> bytes:
        """A whole PNG file."""
        ...


class TagLike(Protocol):
    """A label on a peripheral to encode."""

    @property
    def name(self) -> str:
        """What is labelled."""
        ...

    @property
    def variant(self) -> str:
        """Which of its kinds; may be empty."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """Anything else worth saying."""
        ...


class LocationLike(Protocol):
    """A peripheral's place to encode."""

    @property
    def x(self) -> float:
        """In the units of the installation."""
        ...

    @property
    def y(self) -> float:
        """In the units of the installation."""
        ...

    @property
    def z(self) -> float:
        """In the units of the installation."""
        ...

    @property
    def time(self) -> str | datetime:
        """ISO 8601 when it is text, empty when unknown."""
        ...


class PeripheralLike(Protocol):
    """One update of a peripheral to encode."""

    @property
    def id(self) -> str:
        """Unique within the stream; empty for a producer that has none."""
        ...

    @property
    def data(self) -> object:
        """A protobuf message, or anything that `normalise.to_json` takes."""
        ...

    @property
    def tags(self) -> Sequence[TagLike]:
        """What it is."""
        ...

    @property
    def location(self) -> LocationLike | None:
        """Where it is; None when nobody knows."""
        ...


class DecodedTag(NamedTuple):
    """A label as it came."""

    name: str
    variant: str
    metadata: Mapping[str, str]


class DecodedLocation(NamedTuple):
    """A place as it came."""

    x: float
    y: float
    z: float
    time: str
    """ISO 8601, empty when unknown."""


class DecodedFrame(NamedTuple):
    """A picture as it came."""

    png_data: bytes


class DecodedPeripheral(NamedTuple):
    """An update as it came. It fits `PeripheralLike`, so it can be published again."""

    id: str
    data: object
    """What the JSON says, or the protobuf message."""
    tags: tuple[DecodedTag, ...]
    location: DecodedLocation | None
    payload_encoding: PayloadEncoding
    payload_type: str
    """Full name of the message type; empty for JSON."""


class Decoded(NamedTuple):
    """One message of the stream."""

    kind: Literal["frame", "peripheral"]
    topic: str
    """`frame`, or `peripheral/<id>`; see `beats.kernel.envelope.peripheral_topic`."""
    sequence: int
    """From 1 within the topic; 0 when the server does not number its messages."""
    captured_unix_ns: int
    """0 when the server does not say."""
    payload: DecodedFrame | DecodedPeripheral
