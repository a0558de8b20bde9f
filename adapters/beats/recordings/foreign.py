"""Reads the messages of other programs: compressed pictures as frames, JSON as peripheral updates.

Pictures are `foxglove.CompressedImage` in protobuf or JSON, and `CompressedImage` of ROS 1 and ROS 2, by the
names of `sensor_msgs` and of `foxglove_msgs`. Their field `format` is not relied on: ROS has values such as
`bgr8; jpeg compressed bgr8`, and the bytes tell what they are.
"""

import base64
import json
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, cast

from beats.kernel.envelope import Frame, Location, Message, Peripheral, Tag
from beats.pictures.formats import identify
from beats.proto import foxglove, wire
from beats.proto.codec import OPEN_CODEC
from beats.proto.foxglove import Image

MOST_CHANNELS: Final = 1000
"""How many channels that are not shown are named; further ones are only counted."""
_NS_PER_S: Final = 10**9
_COMPRESSED: Final = "/compressed"
"""ROS adds it to the topic of a camera (https://wiki.ros.org/image_transport)."""
_LITTLE, _BIG = (struct.Struct("<I"), struct.Struct(">I"))
_ENDIANS: Final = {0: _BIG, 1: _LITTLE, 6: _BIG, 7: _LITTLE}
"""By the second byte of the encapsulation header: CDR and plain CDR2, which differ in 64-bit fields alone
(DDS-XTypes 1.3, section 7.6.3.1.2)."""


class Channel(NamedTuple):
    """A channel of another program."""

    topic: str
    schema: str
    """The name of its schema; empty when it has none."""
    encoding: str
    """The encoding of the channel's messages."""

    def __str__(self) -> str:
        kind = " in ".join(each for each in (self.schema, self.encoding) if each)
        return f"{self.topic} ({kind or 'without a schema'})"


class NotShown(NamedTuple):
    """Why messages of a channel are not shown."""

    channel: Channel
    why: str
    """What is wrong with the first such message; empty for a channel of something else."""


class ForeignMessages:
    """Reads the messages of other programs' channels, and counts those that are not shown."""

    def __init__(self) -> None:
        self.not_shown: Final[Counter[NotShown]] = Counter()
        """How many messages, by channel; of the first `MOST_CHANNELS`."""
        self._why: Final[dict[Channel, str]] = {}

    def read(
        self, channel: Channel, sequence: int, times_ns: tuple[int, int], data: bytes
    ) -> tuple[Message, int, bytes] | None:
        """The message of ours in a message of theirs, its capture time, and its serialized envelope.

        Args:
            channel: where it is.
            sequence: its number; 0 when it has none.
            times_ns: when it was published and logged; the first counts when it does not state a time.
            data: its content.

        Returns:
            None when it is not shown.
        """
        reader = _reader_of(channel)
        if reader is None:
            self._count(channel, "")
            return None
        try:
            message, stamp_ns = reader(channel, data)
            captured_ns = min(stamp_ns or times_ns[0] or times_ns[1], wire.MAX_UNIX_NS)
            prepared = OPEN_CODEC.prepare(message)
            if sequence:
                return message, captured_ns, OPEN_CODEC.seal(prepared, sequence, captured_ns)
            return message, captured_ns, OPEN_CODEC.seal_without_number(prepared, captured_ns)
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            self._count(channel, str(error) or type(error).__name__)
            return None

    def _count(self, channel: Channel, why: str) -> None:
        if channel in self._why or len(self._why) < MOST_CHANNELS:
            self.not_shown[NotShown(channel, self._why.setdefault(channel, why))] += 1


def picture_id(topic: str) -> str:
    """The id of a topic's picture: without slashes around it, `frame/` before it, `/compressed` after it.

    So `/camera/front/compressed` is the picture `camera/front`, and `/frame` is the main picture.
    """
    name = f"/{topic.strip('/')}".removesuffix(_COMPRESSED)
    return "" if name == "/frame" else name.removeprefix("/frame/").removeprefix("/")


def peripheral_id(topic: str) -> str:
    """The id of the peripheral of a topic: without slashes around it, and without `peripheral/` before it."""
    return topic.strip("/").removeprefix("peripheral/")


_Reader = Callable[[Channel, bytes], tuple[Message, int]]
"""Gives the message of ours and its time, 0 when unknown. Raises ValueError, TypeError or LookupError."""


def _reader_of(channel: Channel) -> _Reader | None:
    package, _, name = channel.schema.replace("/msg/", "/").rpartition("/")
    if name == "CompressedImage" and package in ("sensor_msgs", "foxglove_msgs"):
        return {"ros1": _ros1_picture, "cdr": _ros2_picture}.get(channel.encoding)
    if channel.schema == foxglove.IMAGE_SCHEMA_NAME:
        return {"protobuf": _protobuf_picture, "json": _json_picture}.get(channel.encoding)
    return _update if channel.encoding == "json" else None


def _frame(channel: Channel, image: Image) -> tuple[Frame, int]:
    return Frame(image.data, picture_id(channel.topic), *identify(image.data)), max(0, image.unix_ns)


def _protobuf_picture(channel: Channel, data: bytes) -> tuple[Message, int]:
    return _frame(channel, foxglove.read_image(data))


def _json_picture(channel: Channel, data: bytes) -> tuple[Message, int]:
    image = _object(json.loads(data))
    stamp = _object(image.get("timestamp", {}))
    seconds, ns = (_whole(stamp.get(name, 0)) for name in ("sec", "nsec"))
    text = image.get("data")
    if not isinstance(text, str):
        raise TypeError("its data is not text in base64")
    picture = base64.b64decode(text, validate=True)
    return _frame(channel, Image(picture, str(image.get("format", "")), seconds * _NS_PER_S + ns))


def _ros1_picture(channel: Channel, data: bytes) -> tuple[Message, int]:
    """https://wiki.ros.org/msg, "Fields": little-endian, without padding."""
    begins = 0 if _is_foxgloves(channel) else 4  # std_msgs/Header begins with a number
    return _frame(channel, _ros_image(_Fields(data, begins, _LITTLE, 1), channel))


def _ros2_picture(channel: Channel, data: bytes) -> tuple[Message, int]:
    """CDR: numbers are aligned, texts end with a NUL, and a header says which byte order it is."""
    kind = data[1] if len(data) >= 4 and data[0] == 0 else -1
    endian = _ENDIANS.get(kind)
    if endian is None:
        raise ValueError(
            f"its encapsulation header is {data[:4].hex(' ') or 'missing'}, which is not plain CDR"
        )
    return _frame(channel, _ros_image(_Fields(data, 4, endian, 4), channel))


def _is_foxgloves(channel: Channel) -> bool:
    return channel.schema.startswith("foxglove_msgs/")


def _ros_image(fields: "_Fields", channel: Channel) -> Image:
    """A time and a coordinate frame, then the format and the picture, which `foxglove_msgs` swaps."""
    unix_ns = fields.number() * _NS_PER_S + fields.number()
    fields.bytes()
    one, other = fields.bytes(), fields.bytes()
    form, picture = (other, one) if _is_foxgloves(channel) else (one, other)
    return Image(picture, form.rstrip(b"\0").decode(errors="replace"), unix_ns)


class _Fields:
    """Reads the fields of a ROS message one after the other."""

    def __init__(self, data: bytes, begins: int, endian: struct.Struct, alignment: int) -> None:
        self._data: Final = data
        self._at = begins
        self._number: Final = endian
        self._alignment: Final = alignment  # the header of CDR has four bytes, so that it changes nothing

    def number(self) -> int:
        """An unsigned number of 32 bits."""
        self._at += -self._at % self._alignment
        after = self._at + 4
        if after > len(self._data):
            raise ValueError(f"it ends after {len(self._data):,} bytes, within its fields")
        (number,) = self._number.unpack_from(self._data, self._at)
        self._at = after
        return int(number)

    def bytes(self) -> bytes:
        """A text or an array of bytes."""
        length = self.number()
        after = self._at + length
        if after > len(self._data):
            raise ValueError(
                f"a field should have {length:,} bytes, and {len(self._data) - self._at:,} are left"
            )
        found = self._data[self._at : after]
        self._at = after
        return found


def _update(channel: Channel, data: bytes) -> tuple[Message, int]:
    """A message in JSON; one that `beats export --foxglove` wrote is the update that it was."""
    value: object = json.loads(data.decode())
    if channel.schema.startswith(foxglove.UPDATE_SCHEMA_PREFIX) and (ours := _own_update(value)) is not None:
        return ours, 0
    return Peripheral(peripheral_id(channel.topic), value), 0


def _own_update(value: object) -> Peripheral | None:
    """The update of which these are the `foxglove.update_fields`; None when they are not."""
    try:
        fields = _object(value)
        tags = tuple(
            Tag(str(tag["name"]), str(tag["variant"]), cast("dict[str, str]", _object(tag["metadata"])))
            for tag in map(_object, cast("list[object]", fields["tags"]))
        )
        place = None if fields["location"] is None else _place(_object(fields["location"]))
        return Peripheral(str(fields["id"]), fields["data"], tags, place)
    except (ValueError, TypeError, LookupError):
        return None


def _place(fields: Mapping[str, object]) -> Location:
    x, y, z = (float(str(fields[axis])) for axis in "xyz")
    return Location(x, y, z, str(fields["time"]))


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"it holds {type(value).__qualname__} where an object should be")
    return cast("dict[str, object]", value)


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"a time has {value!r:.40}, not a whole number")
    return value
