"""What travels on the bus: an immutable envelope around one frame or one peripheral update."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Kind = Literal["frame", "peripheral"]
KINDS: Final[tuple[Kind, ...]] = ("frame", "peripheral")
FRAME_TOPIC: Final = "frame"

_NO_METADATA: Final[Mapping[str, str]] = MappingProxyType({})


class Tag(NamedTuple):
    """A label on a peripheral, such as ("input", "rotary")."""

    name: str
    variant: str = ""
    metadata: Mapping[str, str] = _NO_METADATA


class Location(NamedTuple):
    """Where a peripheral is, in the units of its installation, and when it was there."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    time: str = ""
    """ISO 8601, empty when unknown."""


class Frame(NamedTuple):
    """One picture."""

    png_data: bytes
    """A whole PNG file."""


class Peripheral(NamedTuple):
    """One update of a knob, a sensor, a phone.

    `data` is any value that the codec can encode. It belongs to the envelope once published: a producer
    that goes on changing it must publish a copy.
    """

    id: str
    data: object
    tags: tuple[Tag, ...] = ()
    location: Location | None = None


Message = Frame | Peripheral


class Envelope(NamedTuple):
    """The immutable item on the bus. A named tuple, because one is made for every message."""

    kind: Kind
    topic: str
    """`frame`, or `peripheral/<id>`."""
    sequence: int
    """From 1 within the topic, rising by 1."""
    captured_unix_ns: int
    """When the producer captured it."""
    published_unix_ns: int
    """When it came onto the bus."""
    message: Message
    encoded: bytes
    """The serialized `StreamEnvelope`, made once."""


class Sealed(NamedTuple):
    """A message that was on a bus before, with the place and time that it had there and its bytes.

    What a recording or another machine gives: it is passed on as it is, not made anew.
    """

    message: Message
    sequence: int
    """0 when it had none."""
    captured_unix_ns: int
    encoded: bytes


def topic_of(message: Message) -> str:
    """The topic that a message belongs to."""
    return FRAME_TOPIC if isinstance(message, Frame) else f"peripheral/{message.id}"


class ClientIdentity(NamedTuple):
    """Who sent a control message."""

    sink: str
    """The name of the sink that the client is connected to."""
    id: int
    """Unique within the sink while the process runs."""
    remote: str
    """Host and port of the other side, as text."""


class Control(NamedTuple):
    """One valid command from a client, as it travels on the bus's `control` signal."""

    command: str
    fields: Mapping[str, object]
    """The command's own fields, with defaults filled in."""
    client: ClientIdentity
