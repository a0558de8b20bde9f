"""A recording that is replayed and recorded again stays the same."""

import io
import subprocess
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from beats.kernel.envelope import PNG, Frame
from tests.support import CODEC, beats, called, ran, watching
from tests.system.tapes import damages, read_in_node, recorded, strictly_read

OFF: Final = ("--set", "sinks.browser.enabled=false", "--set", "sinks.recorder.min_free_bytes=0")
AGAIN: Final = ("--profile", "record", "--set", "sinks.recorder.min_free_bytes=0")
COLOURS: Final = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def one_in(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the demo."""
    folder = tmp_path_factory.mktemp("first")
    code, _, err = ran("record", "--out", "first.mcap", "--duration", "2", *OFF, cwd=folder)
    assert code == 0, err
    return folder / "first.mcap"


@pytest.mark.parametrize("speed", ["max", "2"])
def test_a_recorded_demo_plays_into_an_equal_recording(tmp_path: Path, first: Path, speed: str) -> None:
    """Bytes, topics, sequences, capture times and order, also as read by another implementation."""
    code, _, err = ran("replay", str(first), "--speed", speed, *AGAIN, cwd=tmp_path)
    assert code == 0, err
    second = one_in(tmp_path / "recordings")
    assert recorded(first) == recorded(second)
    assert len(recorded(first)) > 50
    assert {topic for topic, _, _ in recorded(first)} == {
        "frame",
        "peripheral/accel-1",
        "peripheral/button-1",
        "peripheral/knob-1",
    }
    assert strictly_read(second) == len(recorded(first))
    one, other = read_in_node([first, second])
    assert one["inOrder"]["done"]
    assert one["inOrder"]["sha256"] == other["inOrder"]["sha256"]


def test_a_recorded_gif_plays_into_an_equal_recording(tmp_path: Path) -> None:
    """Its pictures come back unchanged and in order; a viewer of the replay gets the recorded bytes."""
    first, *others = [Image.new("RGB", (8, 8), colour) for colour in COLOURS]
    first.save(tmp_path / "some.gif", save_all=True, append_images=others, duration=30, loop=0)
    code, _, err = ran("record", "some.gif", "--out", "a.mcap", "--duration", "1", *OFF, cwd=tmp_path)
    assert code == 0, err
    tape = recorded(tmp_path / "a.mcap")
    for index, (_, sequence, encoded) in enumerate(tape):
        payload = CODEC.decode(encoded).message
        assert isinstance(payload, Frame)
        with Image.open(io.BytesIO(payload.data)) as image:
            assert image.convert("RGB").getpixel((1, 1)) == COLOURS[index % 3]
        assert sequence == index + 1
    settings = ("--set", "sinks.browser.enabled=true", "--set", "sinks.browser.port=0")
    with beats("replay", "a.mcap", "--loop", *AGAIN, *settings, cwd=tmp_path) as program:
        with watching(program.url) as viewer:
            viewer.until(lambda envelope: envelope.sequence > 2 * len(tape))
        assert program.interrupt() == 0, program.err.text()
    second = recorded(one_in(tmp_path / "recordings"))
    assert second[: len(tape)] == tape
    # From the second time on the numbers are its own, the pictures and their capture times are not.
    assert [sequence for _, sequence, _ in second] == list(range(1, len(second) + 1))
    for index, (_, _, encoded) in enumerate(second):
        once, again = CODEC.decode(tape[index % len(tape)][2]), CODEC.decode(encoded)
        assert (once.message, once.captured_unix_ns) == (again.message, again.captured_unix_ns)
    seen = [(envelope.sequence, raw) for envelope, raw in zip(viewer.seen, viewer.raw, strict=True)]
    assert set(seen) <= {(sequence, encoded) for _, sequence, encoded in second}


def test_updates_without_an_id_are_recorded_and_played_again(tmp_path: Path) -> None:
    """Each combination of tags has its own numbers, and the bytes keep the empty id."""
    with beats("record", "--stdin", "--out", "a.mcap", *OFF, cwd=tmp_path, stdin=subprocess.PIPE) as program:
        for value in range(3):
            program.write(f'{{"data": {value}, "tags": [{{"name": "input", "variant": "rotary"}}]}}')
            program.write(f'{{"id": "", "data": {value}}}')
        program.close_input()
        assert program.end() == 0
    first = recorded(tmp_path / "a.mcap")
    topics = ("peripheral/(input:rotary)", "peripheral/()")
    assert [(topic, sequence) for topic, sequence, _ in first] == [
        (topic, sequence) for sequence in (1, 2, 3) for topic in topics
    ]
    assert all(getattr(CODEC.decode(encoded).message, "id", None) == "" for _, _, encoded in first)
    code, _, err = ran("replay", "a.mcap", "--speed", "max", *AGAIN, cwd=tmp_path)
    assert code == 0, err
    assert recorded(one_in(tmp_path / "recordings")) == first


def test_what_a_slow_recorder_lost_is_said_in_the_recording(tmp_path: Path) -> None:
    """The losses recorded by a small queue are those that `info` shows and that are missing."""
    queue = 'sinks.recorder.queue={ size = 2, overflow = "drop_newest" }'
    arguments = ("record", "--stdin", "--out", "a.mcap", "--set", queue, *OFF)
    with beats(*arguments, cwd=tmp_path, stdin=subprocess.PIPE) as program:
        for number in range(20_000):
            program.write(f'{{"id": "knob", "data": {number}}}')
        program.close_input()
        assert program.end() == 0
    numbers = [sequence for _, sequence, _ in recorded(tmp_path / "a.mcap")]
    assert 0 < len(numbers) < 20_000, "nothing was lost, so nothing is shown"
    code, out, err = called("info", "a.mcap", cwd=tmp_path)
    assert code == 0, err
    assert "drop_newest" in out
    assert f"{20_000 - len(numbers):,}" in out or str(20_000 - len(numbers)) in out
    assert damages(tmp_path / "a.mcap") == []


def test_a_recording_from_before_frames_had_ids_plays_as_it_did(tmp_path: Path) -> None:
    """Beats wrote it when there was one picture, and that a PNG: its bytes come back, as the main picture."""
    older = Path(__file__).with_name("older.mcap")
    code, _, err = ran("replay", str(older), "--speed", "max", *AGAIN, cwd=tmp_path)
    assert code == 0, err
    tape = recorded(one_in(tmp_path / "recordings"))
    assert tape == recorded(older)
    counts = Counter(topic for topic, _, _ in tape)
    assert counts == {"frame": 4, "peripheral/accel-1": 16, "peripheral/button-1": 1, "peripheral/knob-1": 5}
    frames = [CODEC.decode(encoded).message for topic, _, encoded in tape if topic == "frame"]
    assert {(frame.id, frame.media_type) for frame in frames if isinstance(frame, Frame)} == {("", PNG)}
