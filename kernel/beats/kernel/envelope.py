"""What travels on the bus: immutable envelopes, each around one frame or one peripheral update."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

Kind = Literal["frame", "peripheral"]
KINDS: Final[tuple[Kind, ...]] = ("frame", "peripheral")
FRAME_TOPIC: Final = "frame"
"""The topic of the main picture."""
PNG: Final = "image/png"
"""The media type that a frame has unless it says otherwise."""

_PICTURES: Final = "frame/"

_NO_METADATA: Final[Mapping[str, str]] = MappingProxyType({})


_SEPARATORS: Final = re.compile(r"[\\,:()]")


class Tag(NamedTuple):
    """A label on a peripheral, such as ("input", "rotary")."""

    name: str
    variant: str = ""
    metadata: Mapping[str, str] = _NO_METADATA


class Location(NamedTuple):
    """Where a peripheral is, in the units of the installation, and when it was there."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    time: str | datetime = ""
    """ISO 8601 text, empty when unknown, or a datetime, which is in UTC unless it has an offset."""


class Frame(NamedTuple):
    """One state of a picture."""

    data: bytes
    """A whole file, of the type that `media_type` names."""
    id: str = ""
    """Which picture: unique within the stream; empty for the main one."""
    media_type: str = PNG
    width: int = 0
    """Width in pixels; 0 when unknown, as of a PNG that was not examined."""
    height: int = 0


class Peripheral(NamedTuple):
    """One update of a knob, a sensor, a phone.

    `data` is any value that the codec can encode. It must not be changed once published: a producer that goes
    on changing it must publish a copy.
    """

    id: str
    """Unique within the stream; may be empty, see `peripheral_topic`."""
    data: object
    tags: tuple[Tag, ...] = ()
    location: Location | None = None


class OpaquePayload(NamedTuple):
    """A serialized protobuf message of an unknown type, kept as it came."""

    payload_type: str
    """Full name of the message type."""
    payload: bytes


Message = Frame | Peripheral


class Envelope(NamedTuple):
    """The immutable item on the bus. A named tuple, which is fast to create."""

    kind: Kind
    topic: str
    """`frame`, `frame/<id>` or `peripheral/<id>`; see `topic_of`."""
    sequence: int
    """Starts at 1 within the topic and rises by 1."""
    captured_unix_ns: int
    """When the producer captured it, by the wall clock."""
    published_unix_ns: int
    """When it came onto the bus, by steady time: never falls in order of publication."""
    message: Message
    encoded: bytes
    """The serialized `StreamEnvelope`, made once."""


class Sealed(NamedTuple):
    """A message with its sequence number, capture time and encoded bytes.

    It was on a bus before, and comes from a recording or another machine. It is forwarded without encoding it
    again.
    """

    message: Message
    sequence: int
    """0 when it had none."""
    captured_unix_ns: int
    """0 when it had none."""
    encoded: bytes

    @property
    def kind(self) -> Kind:
        """The kind of its message."""
        return kind_of(self.message)

    @property
    def topic(self) -> str:
        """The topic of its message."""
        return topic_of(self.message)


def kind_of(message: Message) -> Kind:
    """The kind of a message."""
    return "frame" if isinstance(message, Frame) else "peripheral"


def topic_of(message: Message) -> str:
    """The topic that a message belongs to."""
    if isinstance(message, Frame):
        return _PICTURES + message.id if message.id else FRAME_TOPIC
    if message.id:
        return peripheral_topic(message.id)
    return peripheral_topic("", message.tags, payload_type_of(message.data))


def frame_topic(id: str) -> str:  # noqa: A002 - the wire's own word
    """The topic of a picture: `frame`, or `frame/<id>` of one with an id."""
    return _PICTURES + id if id else FRAME_TOPIC


def kind_of_topic(topic: str) -> Kind:
    """The kind of the messages of a topic."""
    return "frame" if topic == FRAME_TOPIC or topic.startswith(_PICTURES) else "peripheral"


def payload_type_of(data: object) -> str:
    """The full name of the type of a protobuf message; empty for data that travels as JSON."""
    if isinstance(data, OpaquePayload):
        return data.payload_type
    # A protobuf message knows its type; this module knows nothing of protobuf.
    name: object = getattr(getattr(data, "DESCRIPTOR", None), "full_name", "")
    return name if isinstance(name, str) else ""


def peripheral_topic(id: str, tags: Iterable[Tag] = (), payload_type: str = "") -> str:  # noqa: A002 - the wire's own word
    r"""The topic of an update: `peripheral/<id>`, or, without an id, `peripheral/(<tags and type>)`.

    Updates without an id have a topic for each combination of tags (name and variant, not metadata) and
    payload type, such as `peripheral/(input:rotary, position)`. A `\` precedes the characters ``\ , : ( )``
    in names and variants, so that different tags never give the same text.

    Args:
        id: the peripheral's id; may be empty.
        tags: the tags of the update.
        payload_type: full name of the type of a PROTOBUF payload; empty for JSON.
    """
    if id:
        return f"peripheral/{id}"
    parts = [
        f"{_escaped(tag.name)}:{_escaped(tag.variant)}" if tag.variant else _escaped(tag.name) for tag in tags
    ]
    if payload_type:
        parts.append(payload_type)
    return f"peripheral/({', '.join(parts)})"


def _escaped(text: str) -> str:
    return _SEPARATORS.sub(r"\\\g<0>", text)


class ClientIdentity(NamedTuple):
    """Who sent a control message."""

    sink: str
    """The name of the sink that the client is connected to, or of the source that the command came by."""
    id: int
    """Unique within the sink while the process runs; 0 where there are no connections, as with UDP."""
    remote: str
    """Host and port of the other side, as text."""


class Control(NamedTuple):
    """One valid command from a client, as it travels on the bus's `control` signal."""

    command: str
    fields: Mapping[str, object]
    """The command's own fields, with defaults filled in."""
    client: ClientIdentity
