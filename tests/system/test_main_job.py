"""A picture and another program's readings on air, seen by clients in two languages."""

import hashlib
import io
import json
import shlex
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from beats.app import Stream
from beats.kernel.envelope import Frame, Peripheral, Sealed
from tests.browser.node import NODE
from tests.support import (
    BEATS,
    PORT_0,
    TIMEOUT_S,
    Program,
    Viewer,
    beats,
    clean_environment,
    picture,
    quiet,
    watching,
)

NODE_FOLDER = Path(__file__).resolve().parents[1] / "node"
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]


@pytest.fixture(autouse=True, scope="module")
def _installed() -> None:
    if not (NODE_FOLDER / "node_modules" / "protobufjs").is_dir():
        pytest.fail("protobufjs is not installed in tests/node; `make test` does that")


@contextmanager
def node_watching(url: str, count: int) -> Generator[Program]:
    """A client in a second language, connected; it leaves after so many messages."""
    command = [str(NODE), "client.mjs", url, str(count), str(TIMEOUT_S)]
    with Program(command, NODE_FOLDER, clean_environment()) as node:
        node.out.wait_for('"connected":true')
        yield node


def messages_of(node: Program) -> list[dict[str, Any]]:
    """What it says of each message, once all that it wants have come."""
    assert node.end() == 0
    _, *lines = node.out.text().splitlines()
    return [json.loads(line) for line in lines]


def place(envelope: Sealed) -> tuple[str, int]:
    return envelope.topic, envelope.sequence


def hashes(viewer: Viewer) -> dict[tuple[str, int], str]:
    """The hash of each message's raw bytes, by topic and sequence."""
    return {place: hashlib.sha256(raw).hexdigest() for place, raw in viewer.by_place().items()}


def node_hashes(messages: Sequence[dict[str, Any]]) -> dict[tuple[str, int], str]:
    return {(message["topic"], int(message["sequence"])): message["sha256"] for message in messages}


@pytest.fixture
def gif(tmp_path: Path) -> str:
    """A GIF of four plain colours, 30 ms each."""
    first, *others = [Image.new("RGB", (8, 8), colour) for colour in COLOURS]
    first.save(tmp_path / "some.gif", save_all=True, append_images=others, duration=30, loop=0)
    return "some.gif"


def colour_of(envelope: Sealed) -> object:
    assert isinstance(envelope.message, Frame)
    with Image.open(io.BytesIO(envelope.message.data), formats=["PNG"]) as image:
        assert image.size == (8, 8)
        return image.convert("RGB").getpixel((4, 4))


def peripheral_of(envelope: Sealed) -> Peripheral:
    assert isinstance(envelope.message, Peripheral)
    return envelope.message


def test_a_gif_arrives_in_two_languages_byte_for_byte(gif: str, tmp_path: Path) -> None:
    """`beats run some.gif` shows its pictures in order, the same bytes to a Python and to a Node client."""
    with beats("run", gif, *PORT_0, cwd=tmp_path) as program:
        with watching(program.url) as viewer, node_watching(program.url, 10) as node:
            seen = node_hashes(messages_of(node))
            last = max(sequence for _, sequence in seen)
            viewer.until(lambda envelope: envelope.sequence == last)
        assert program.interrupt() == 0
    ours = hashes(viewer)
    assert len(seen) == 10
    assert seen.items() <= ours.items()
    assert {topic for topic, _ in ours} == {"frame"}
    sequences = [envelope.sequence for envelope in viewer.seen]
    assert sequences == list(range(sequences[0], last + 1))
    assert [colour_of(envelope) for envelope in viewer.seen] == [COLOURS[(n - 1) % 4] for n in sequences]


def test_old_clients_see_png_of_the_main_picture_when_a_program_publishes_jpeg() -> None:
    """Files, or pixels that are encoded as JPEG: a Python and a Node client that ask for nothing get one PNG.

    They get nothing of another picture.
    """
    jpeg = picture("jpeg", 8, 8, shade=99)
    with Stream.open(overrides=quiet() | {"pixels": {"format": "jpeg"}}) as stream:
        url = f"ws://127.0.0.1:{stream.sinks['browser'].address.port}"
        with watching(url) as viewer, node_watching(url, 2) as node:
            stream.publish_frame(jpeg, id="cam", captured_unix_ns=1)
            stream.publish_frame(jpeg, captured_unix_ns=2)
            viewer.next()
            stream.publish_pixels(Image.new("RGB", (8, 8), (99, 99, 99)), captured_unix_ns=3)
            viewer.next()
            messages = messages_of(node)
    assert [(each["sequence"], each["captured_unix_ns"]) for each in messages] == [("1", "2"), ("2", "3")]
    assert node_hashes(messages) == hashes(viewer)
    assert [colour_of(envelope) for envelope in viewer.seen] == [(99, 99, 99)] * 2
    pngs = [envelope.message.data for envelope in viewer.seen if isinstance(envelope.message, Frame)]
    assert [each["payload_sha256"] for each in messages] == [hashlib.sha256(png).hexdigest() for png in pngs]


READINGS: list[dict[str, Any]] = [
    {"id": "knob-1", "data": {"rotation": 3}},
    {"id": "knob-1", "data": {"rotation": 4}, "captured_unix_ns": 1_700_000_000_000_000_001},
    {"id": "größe", "data": [1.5, None, "ü"], "tags": ["plain", {"name": "input", "variant": "rotary"}]},
    {"id": "phone", "data": "hi", "location": {"x": 1, "y": -2.5, "time": "2024-05-01T00:00:00Z"}},
]


def test_a_shell_pipe_arrives_in_two_languages_byte_for_byte(tmp_path: Path) -> None:
    """`sensor | beats run --stdin` brings each line to both clients, and the pipe's end ends the run."""
    pipe = ["/bin/sh", "-c", f"cat | {shlex.join(BEATS)} run --stdin {shlex.join(PORT_0)}"]
    with Program(pipe, tmp_path, clean_environment(), subprocess.PIPE) as program:
        with watching(program.url) as viewer, node_watching(program.url, len(READINGS)) as node:
            program.write(*map(json.dumps, READINGS))  # only now, when both would miss nothing
            updates = viewer.take(len(READINGS))
            messages = messages_of(node)
        program.close_input()
        assert program.end() == 0, program.err.text()
        assert program.leaves_nothing()
    assert node_hashes(messages) == hashes(viewer)
    assert [message["data"] for message in messages] == [reading["data"] for reading in READINGS]
    assert messages[2]["tags"] == [
        {"name": "plain", "variant": "", "metadata": {}},
        {"name": "input", "variant": "rotary", "metadata": {}},
    ]
    assert messages[3]["location"] == {"x": 1, "y": -2.5, "z": 0, "time": "2024-05-01T00:00:00Z"}
    assert [place(update) for update in updates] == [
        ("peripheral/knob-1", 1),
        ("peripheral/knob-1", 2),
        ("peripheral/größe", 1),
        ("peripheral/phone", 1),
    ]
    assert [peripheral_of(update).data for update in updates] == [reading["data"] for reading in READINGS]
    assert updates[1].captured_unix_ns == 1_700_000_000_000_000_001


def test_a_picture_and_a_pipe_go_on_air_together(gif: str, tmp_path: Path) -> None:
    """`sensor | beats run some.gif --stdin` streams both and no demo; the picture outlasts the pipe."""
    with beats("run", gif, "--stdin", *PORT_0, cwd=tmp_path, stdin=subprocess.PIPE) as program:
        with watching(program.url) as viewer:
            program.write('{"id": "knob", "data": 1}', "no JSON", '{"id": "knob", "data": 2}')
            viewer.until(lambda envelope: place(envelope) == ("peripheral/knob", 2))
            program.close_input()
            last = viewer.until(lambda envelope: envelope.kind == "frame")
            viewer.until(lambda envelope: envelope.sequence == last.sequence + 4)
        assert program.interrupt() == 0
        assert "line 2 is skipped: not JSON" in program.err.text()
    assert set(viewer.topics()) == {"frame", "peripheral/knob"}
    assert viewer.topics()["peripheral/knob"] == [1, 2]
