"""Pictures and updates in recordings by other programs, each written by the other program's own library."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from mcap.reader import make_reader

from beats.kernel.envelope import Frame, Peripheral
from beats.proto.codec import OPEN_CODEC
from beats.recordings import foreign
from beats.recordings.copying import cut
from beats.recordings.foreign import Channel, ForeignMessages, NotShown, picture_id
from beats.recordings.info import Surveyor
from beats.recordings.selection import Selection
from tests.recordings.foreign_files import (
    BEGIN_NS,
    STEP_NS,
    WRITERS,
    by_ros2,
    updates_by_foxglove,
    without_pictures,
)
from tests.recordings.support import messages, silent
from tests.support import picture

PICTURES: Final = [picture("jpeg", 5, 4, shade) for shade in (0, 99)] + [picture("png", 3, 2)]
IMAGE: Final = Channel("/cam", "sensor_msgs/msg/CompressedImage", "cdr")


@pytest.mark.parametrize("name", WRITERS)
def test_pictures_of_other_programs_are_frames(name: str, tmp_path: Path) -> None:
    """Whatever the format is called: the bytes are kept, and tell what they are."""
    path = WRITERS[name](tmp_path / "a.mcap", "/camera/front/compressed", PICTURES)
    found = messages(path)
    decoded = [OPEN_CODEC.decode(each.encoded) for each in found]
    frames = [each.message for each in decoded]
    assert frames == [
        Frame(PICTURES[0], "camera/front", "image/jpeg", 5, 4),
        Frame(PICTURES[1], "camera/front", "image/jpeg", 5, 4),
        Frame(PICTURES[2], "camera/front", "image/png", 3, 2),
    ]
    captured = [BEGIN_NS + index * STEP_NS for index in range(3)]
    assert (
        [each.captured_unix_ns for each in decoded] == [each.captured_unix_ns for each in found] == captured
    )
    assert [each.log_unix_ns for each in found] == [each + STEP_NS for each in captured]
    assert {each.topic for each in found} == {"frame/camera/front"}
    assert [each.sequence for each in decoded] == [each.sequence for each in found]


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("/camera/front/compressed", "camera/front"),
        ("/camera/image_raw", "camera/image_raw"),
        ("camera", "camera"),
        ("/frame", ""),
        ("/frame/cam", "cam"),
        ("/compressed", ""),
        ("/frames", "frames"),
    ],
)
def test_the_id_of_a_picture_comes_from_its_topic(topic: str, expected: str) -> None:
    """Topics of `beats export --foxglove` give the ids that they came from."""
    assert picture_id(topic) == expected


def test_json_of_other_programs_is_updates(tmp_path: Path) -> None:
    """The topic is the id, without slashes around it and `peripheral/` before it."""
    values = [{"x": 1.5, "name": "a"}, {"x": None}]
    for topic, id_ in (("/robot/pose", "robot/pose"), ("/peripheral/knob", "knob")):
        found = messages(updates_by_foxglove(tmp_path / f"{id_.replace('/', '-')}.mcap", topic, values))
        decoded = [OPEN_CODEC.decode(each.encoded).message for each in found]
        assert decoded == [Peripheral(id_, value) for value in values]
        assert [each.topic for each in found] == [f"peripheral/{id_}"] * 2


def test_what_cannot_be_read_is_counted_and_skipped(tmp_path: Path) -> None:
    """The pictures around it are whole."""
    path = by_ros2(tmp_path / "a.mcap", "/cam", [PICTURES[0], b"BM no", b"BM neither", PICTURES[1]])
    info = Surveyor().survey(path)
    assert (info.counts.foreign, info.state) == (2, "whole")
    ((what, count),) = info.counts.not_shown.items()
    assert (what.channel, count) == (IMAGE, 2)
    assert what.why.startswith("data is a BMP")
    assert [OPEN_CODEC.decode(each.encoded).message for each in messages(path)] == [
        Frame(data, "cam", "image/jpeg", 5, 4) for data in PICTURES[:2]
    ]


@pytest.mark.parametrize("name", ["ros1", "ros2", "ros2 big-endian", "foxglove"])
def test_a_picture_that_is_cut_anywhere_never_escapes(name: str, tmp_path: Path) -> None:
    """It is counted, or is a picture whose own end is missing."""
    path = WRITERS[name](tmp_path / "a.mcap", "/cam", PICTURES[2:])
    with path.open("rb") as file:
        schema, channel, message = next(iter(make_reader(file).iter_messages()))
    assert schema is not None
    theirs = Channel(channel.topic, schema.name, channel.message_encoding)
    reader = ForeignMessages()
    for size in range(len(message.data) - len(PICTURES[2])):
        assert reader.read(theirs, 1, (0, 0), message.data[:size]) is None
    assert reader.not_shown.total() == len(message.data) - len(PICTURES[2])
    assert reader.read(theirs, 1, (0, 0), message.data) is not None


@pytest.mark.parametrize(
    ("channel", "data", "why"),
    [
        (IMAGE, b"\0\x02\0\0" + bytes(40), "its encapsulation header is 00 02 00 00, which is not plain CDR"),
        (
            IMAGE,
            b"\0\x01\0\0" + bytes(8) + b"\xff" * 4,
            "a field should have 4,294,967,295 bytes, and 0 are left",
        ),
        (Channel("/a", "", "json"), b"[" * 100_000, "recursion"),
        (Channel("/a", "", "json"), b'{"a": NaN}', "nan is not a number in JSON"),
        (Channel("/a", "", "json"), b"\xff", "utf-8"),
        (Channel("/a", "foxglove.CompressedImage", "json"), b"[]", "it holds list where an object should be"),
        (Channel("/a", "foxglove.CompressedImage", "json"), b'{"data": "?"}', "base64"),
        (Channel("/a", "foxglove.CompressedImage", "json"), b"{}", "its data is not text"),
    ],
)
def test_a_wrong_message_says_what_is_wrong(channel: Channel, data: bytes, why: str) -> None:
    """In the words of the first one of its channel."""
    reader = ForeignMessages()
    assert reader.read(channel, 0, (1, 2), data) is None
    assert reader.read(channel, 0, (1, 2), b"\xff\xff") is None
    (found,) = reader.not_shown
    assert found.channel == channel
    assert why in found.why
    assert reader.not_shown[found] == 2


@pytest.mark.parametrize(("times", "captured"), [((5, 6), 5), ((0, 6), 6), ((2**64 - 1, 1), 2**63 - 1)])
def test_a_message_without_a_time_has_that_of_its_record(times: tuple[int, int], captured: int) -> None:
    """The time of publication, or else that of the log; in the range of an envelope."""
    found = ForeignMessages().read(Channel("/a", "", "json"), 0, times, b"1")
    assert found is not None
    assert found[1] == captured == OPEN_CODEC.decode(found[2]).captured_unix_ns


def test_other_channels_are_named_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With their schema and encoding, up to a number of channels; then only as a sum."""
    path = without_pictures(tmp_path / "a.mcap")
    imu = NotShown(Channel("/imu", "sensor_msgs/msg/Imu", "cdr"), "")
    surveyor = Surveyor()
    info = surveyor.survey(path)
    assert info.counts.foreign == 3
    assert info.counts.not_shown == {imu: 2, NotShown(Channel("/bare", "", ""), ""): 1}
    assert surveyor.total.not_shown == info.counts.not_shown
    document: Any = json.loads(json.dumps(info.document()))
    assert document["not_shown"][0] == {
        "topic": "/imu",
        "schema": "sensor_msgs/msg/Imu",
        "encoding": "cdr",
        "messages": 2,
        "why": None,
    }
    monkeypatch.setattr(foreign, "MOST_CHANNELS", 1)
    again = Surveyor().survey(path)
    assert (again.counts.foreign, again.counts.not_shown) == (3, {imu: 2})


def test_a_selection_says_what_it_read_in_vain(tmp_path: Path) -> None:
    """A sentence for all channels of something else, and one for each with messages that are wrong."""
    by_ros2(tmp_path / "a.mcap", "/cam", [PICTURES[0], b"BM no"])
    selection = Selection([tmp_path / "a.mcap", without_pictures(tmp_path / "b.mcap")])
    assert sum(len(batch) for batch in selection.batches(0.0, lambda path, damage: None)) == 1
    others, wrong = selection.not_shown()
    assert others == "neither pictures nor updates: 3 messages of 2 channels, which `beats info` names"
    assert wrong.startswith(f"cannot be shown: 1 message of {IMAGE}, the first because data is a BMP")


def test_a_cut_of_a_foreign_recording_is_one_of_ours(tmp_path: Path) -> None:
    """With the same frames, times and numbers."""
    source = by_ros2(tmp_path / "a.mcap", "/cam", PICTURES)
    cut(Selection([source], start="0.04"), tmp_path / "b.mcap", silent)
    before, after = messages(source), messages(tmp_path / "b.mcap")
    assert [each for each in after if not each.carried] == before[1:]
    assert [each.encoded for each in after if each.carried] == [before[0].encoded]
