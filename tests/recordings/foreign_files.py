"""Recordings by other programs' own writers: Foxglove's SDK, and the MCAP libraries for ROS 1 and ROS 2."""

import base64
import io
import json
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

import foxglove
from foxglove.channels import CompressedImageChannel
from foxglove.messages import CompressedImage, Timestamp
from mcap.writer import Writer
from mcap_ros1.writer import Writer as Ros1Writer
from mcap_ros2._cdr import CdrWriter, EncapsulationKind
from mcap_ros2.writer import Writer as Ros2Writer

BEGIN_NS: Final = 1_700_000_000_000_000_000
STEP_NS: Final = 40_000_000
HEADER: Final = """
================================================================================
MSG: std_msgs/Header
"""
IMAGE: Final = "std_msgs/Header header\nstring format\nuint8[] data\n"
ROS1_IMAGE: Final = f"{IMAGE}{HEADER}uint32 seq\ntime stamp\nstring frame_id\n"
TIME: Final = """
================================================================================
MSG: builtin_interfaces/Time
int32 sec
uint32 nanosec
"""
ROS2_IMAGE: Final = f"{IMAGE}{HEADER}builtin_interfaces/Time stamp\nstring frame_id\n{TIME}"
FOXGLOVE_IMAGE: Final = "string frame_id\nuint8[] data\nstring format\n"
ROS_FORMAT: Final = "bgr8; jpeg compressed bgr8"

Write = Callable[[Path, str, Sequence[bytes]], Path]
"""Writes pictures of one topic, captured every `STEP_NS` from `BEGIN_NS` on, each logged one step later."""


def _times(index: int) -> tuple[int, int, int]:
    """Seconds and nanoseconds of the capture, and when it is logged."""
    captured_ns = BEGIN_NS + index * STEP_NS
    return *divmod(captured_ns, 10**9), captured_ns + STEP_NS


def by_foxglove(path: Path, topic: str, pictures: Sequence[bytes]) -> Path:
    """Protobuf, by Foxglove's SDK."""
    context = foxglove.Context()
    with foxglove.open_mcap(path, context=context):
        channel = CompressedImageChannel(topic, context=context)
        for index, data in enumerate(pictures):
            sec, nsec, log_ns = _times(index)
            image = CompressedImage(timestamp=Timestamp(sec, nsec), frame_id="cam", data=data, format="any")
            channel.log(image, log_time=log_ns)
    return path


def updates_by_foxglove(path: Path, topic: str, values: Sequence[Any]) -> Path:
    """JSON without a schema, by Foxglove's SDK."""
    context = foxglove.Context()
    with foxglove.open_mcap(path, context=context):
        channel = foxglove.Channel(topic, message_encoding="json", context=context)
        for index, value in enumerate(values):
            channel.log(json.dumps(value).encode(), log_time=_times(index)[2])
    return path


def by_foxglove_in_json(path: Path, topic: str, pictures: Sequence[bytes]) -> Path:
    """JSON of Foxglove's schema."""
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema("foxglove.CompressedImage", "jsonschema", b'{"type":"object"}')
        channel = writer.register_channel(topic, "json", schema)
        for index, data in enumerate(pictures):
            sec, nsec, log_ns = _times(index)
            image = {"timestamp": {"sec": sec, "nsec": nsec}, "data": base64.b64encode(data).decode()}
            writer.add_message(channel, log_ns, json.dumps(image).encode(), log_ns)
        writer.finish()  # type: ignore[no-untyped-call]  # the library forgot `-> None`
    return path


def _ros1(path: Path, topic: str, pictures: Sequence[bytes], name: str, definition: str) -> Path:
    library: Any = import_module("mcap_ros1._vendor.genpy.dynamic")  # it has no types
    made = library.generate_dynamic(name, definition)[name]
    with path.open("wb") as file, Ros1Writer(file) as writer:
        for index, data in enumerate(pictures):
            sec, nsec, log_ns = _times(index)
            message = made(format=ROS_FORMAT, data=data)
            stamped, stamp = (
                (message.header, message.header.stamp)
                if hasattr(message, "header")
                else (message, message.timestamp)
            )
            stamped.frame_id = "cam"
            stamp.secs, stamp.nsecs = sec, nsec
            writer.write_message(topic, message, log_time=log_ns, sequence=index + 1)
    return path


def by_ros1(path: Path, topic: str, pictures: Sequence[bytes]) -> Path:
    """ROS 1, with messages of its own library."""
    return _ros1(path, topic, pictures, "sensor_msgs/CompressedImage", ROS1_IMAGE)


def by_foxglove_in_ros1(path: Path, topic: str, pictures: Sequence[bytes]) -> Path:
    """Foxglove's message in ROS 1."""
    return _ros1(path, topic, pictures, "foxglove_msgs/CompressedImage", f"time timestamp\n{FOXGLOVE_IMAGE}")


def _ros2(path: Path, topic: str, pictures: Sequence[bytes], name: str, definition: str) -> Path:
    with path.open("wb") as file, Ros2Writer(file) as writer:
        schema = writer.register_msgdef(name, definition)
        for index, data in enumerate(pictures):
            sec, nsec, log_ns = _times(index)
            stamp = {"sec": sec, "nanosec": nsec}
            header = {"stamp": stamp, "frame_id": "cam"}  # of one message; the other has its fields itself
            message = {
                "header": header,
                "timestamp": stamp,
                "frame_id": "cam",
                "format": ROS_FORMAT,
                "data": data,
            }
            writer.write_message(topic, schema, message, log_time=log_ns, sequence=index + 1)
    return path


def by_ros2(path: Path, topic: str, pictures: Sequence[bytes]) -> Path:
    """ROS 2, little-endian."""
    return _ros2(path, topic, pictures, "sensor_msgs/msg/CompressedImage", ROS2_IMAGE)


def by_foxglove_in_ros2(path: Path, topic: str, pictures: Sequence[bytes]) -> Path:
    """Foxglove's message in ROS 2."""
    definition = f"builtin_interfaces/Time timestamp\n{FOXGLOVE_IMAGE}{TIME}"
    return _ros2(path, topic, pictures, "foxglove_msgs/msg/CompressedImage", definition)


def by_ros2_big_endian(path: Path, topic: str, pictures: Sequence[bytes]) -> Path:
    """ROS 2 as on a machine whose numbers begin with the highest byte."""
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(profile="ros2")
        schema = writer.register_schema("sensor_msgs/msg/CompressedImage", "ros2msg", ROS2_IMAGE.encode())
        channel = writer.register_channel(topic, "cdr", schema)
        for index, data in enumerate(pictures):
            sec, nsec, log_ns = _times(index)
            out = io.BytesIO()
            cdr = CdrWriter(cast("Any", out), EncapsulationKind.CDR_BE)
            cdr.write_int32(sec)
            cdr.write_uint32(nsec)
            cdr.write_string("cam")
            cdr.write_string(ROS_FORMAT)
            cdr.write_uint32(len(data))
            cdr.write_uint8_array(list(data))
            writer.add_message(channel, log_ns, out.getvalue(), log_ns, index + 1)
        writer.finish()  # type: ignore[no-untyped-call]  # as above
    return path


def without_pictures(path: Path) -> Path:
    """Messages that are not shown: two of one channel, one of another."""
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        imu = writer.register_schema("sensor_msgs/msg/Imu", "ros2msg", b"")
        channels = [writer.register_channel("/imu", "cdr", imu), writer.register_channel("/bare", "", 0)]
        for at, channel in enumerate([*channels, channels[0]]):
            writer.add_message(channel, BEGIN_NS + at, b"", BEGIN_NS + at)
        writer.finish()  # type: ignore[no-untyped-call]  # as above
    return path


WRITERS: Final[dict[str, Write]] = {
    "foxglove": by_foxglove,
    "foxglove json": by_foxglove_in_json,
    "ros1": by_ros1,
    "foxglove in ros1": by_foxglove_in_ros1,
    "ros2": by_ros2,
    "foxglove in ros2": by_foxglove_in_ros2,
    "ros2 big-endian": by_ros2_big_endian,
}
