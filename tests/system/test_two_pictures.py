"""Two pictures of different formats, sizes and rates, from a program through everything there is."""

import io
import json
import subprocess
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from PIL import Image

from beats.kernel.envelope import Frame
from tests.support import CODEC, Program, Viewer, beats, python, ran, watching
from tests.support.nats import NatsServer
from tests.system.tapes import Place, recorded

MAIN, CAM = "frame", "frame/cam"
COUNTS: Final = {MAIN: 60, CAM: 20}
"""How many are published of each, in a second and a half."""
SIZES: Final = {MAIN: ("JPEG", (160, 120)), CAM: ("PNG", (24, 16))}
PRODUCER: Final = """
import io, sys, time
from PIL import Image
from beats.app import Stream

def jpeg(number):
    file = io.BytesIO()
    Image.new("RGB", (160, 120), (number, 0, 0)).save(file, "JPEG")
    return file.getvalue()

pictures = [jpeg(number) for number in range(60)]
overrides = {"sources": {"demo": {"enabled": False}}, "sinks": {"browser": {"port": 0}}}
with Stream.open("origin", overrides=overrides) as stream:
    address = stream.sinks["browser"].address
    print(f"On air: ws://127.0.0.1:{address.port}", flush=True)
    for line in sys.stdin:
        if line == "update\\n":
            stream.publish_peripheral("ready", True)
            continue
        for number, picture in enumerate(pictures):
            stream.publish_frame(picture)
            if number % 3 == 0:
                before = stream.stats().published
                stream.publish_pixels(bytes([number]) * 24 * 16 * 3, size=(24, 16), mode="RGB", id="cam")
                while stream.stats().published == before:  # or the encoder may give it up for the next one
                    time.sleep(0.001)
            time.sleep(1 / 40)
"""
ALL: Final = "/?topics=*&formats=jpeg,png"
ROOMY: Final = ("--set", "sources.nats.queue.frame.size=100", "--set", "sinks.browser.queue.frame.size=100")


def sinks_of(program: Program) -> Any:
    return program.fetch("/api/stats").json["stats"]["sinks"]


def shown(envelopes: list[bytes]) -> dict[str, list[tuple[str | None, tuple[int, int], int]]]:
    """Of each picture: format, size and the brightness that says which one it is."""
    found: dict[str, list[tuple[str | None, tuple[int, int], int]]] = {MAIN: [], CAM: []}
    for encoded in envelopes:
        envelope = CODEC.decode(encoded)
        assert isinstance(envelope.message, Frame)
        assert envelope.message.id == ("cam" if envelope.topic == CAM else "")
        with Image.open(io.BytesIO(envelope.message.data)) as image:
            shade = image.convert("RGB").getpixel((1, 1))
            assert isinstance(shade, tuple)
            found[envelope.topic].append((image.format, image.size, int(shade[0])))
    return found


def to_the_last(viewer: Viewer) -> dict[Place, bytes]:
    """All frames by topic and number, once the last one of each has come."""
    left = {(topic, count) for topic, count in COUNTS.items()} - viewer.by_place().keys()
    while left:
        envelope = viewer.next()
        left.discard((envelope.topic, envelope.sequence))
    return {place: raw for place, raw in viewer.by_place().items() if place[0] in COUNTS}


def test_two_pictures_go_through_relay_recorder_and_replay(tmp_path: Path) -> None:
    """Every one arrives byte for byte, or is counted where it was left out."""
    everything = {(topic, number) for topic, count in COUNTS.items() for number in range(1, count + 1)}
    with NatsServer(tmp_path) as broker, ExitStack() as stack:
        producer = python(PRODUCER, tmp_path, stdin=subprocess.PIPE, BEATS_NATS_URL=broker.url)
        origin = stack.enter_context(producer)
        tape = ("--set", "sinks.tape.type=recorder", "--set", "sinks.tape.path=show.mcap")
        arguments = ("run", "--profile", "edge", *ROOMY, *tape, "--set", "sinks.browser.port=0")
        edge = stack.enter_context(beats(*arguments, cwd=tmp_path, BEATS_NATS_URL=broker.url))
        beside, far, thinned = (
            stack.enter_context(watching(url + ALL + more))
            for url, more in ((origin.url, ""), (edge.url, ""), (edge.url, "&max_fps=5"))
        )
        origin.write("update")
        for viewer in (beside, far, thinned):
            viewer.until(lambda envelope: envelope.topic == "peripheral/ready")
        origin.write("frames")
        published, arrived = to_the_last(beside), to_the_last(far)
        assert published.keys() == everything
        assert beside.is_gap_free
        # What is missing at the edge was dropped on the way, and counted there.
        (relay,) = (sink for sink in sinks_of(origin) if sink["name"] == "nats")
        assert len(everything) - len(arrived) == relay["queue"]["dropped"]["items"]
        assert arrived.items() <= published.items()
        # A viewer that asked for fewer has the last ones too, and the server has counted the others.
        some = to_the_last(thinned)
        (counted,) = (
            client["queue"]
            for sink in sinks_of(edge)
            if sink["name"] == "browser"
            for client in sink["clients"]
            if client["queue"]["dropped"]["items"]
        )
        assert {drop["reason"] for drop in counted["drops"]} == {"max_fps"}
        assert len(arrived) - len(some) == counted["dropped"]["items"]
        assert 2 < len(some) < len(arrived) / 2
        assert some.items() <= arrived.items()
        assert edge.interrupt() == 0, edge.err.text()
        origin.close_input()
        assert origin.end() == 0, origin.err.text()
    taped = {(topic, number): encoded for topic, number, encoded in recorded(tmp_path / "show.mcap")}
    assert {place: encoded for place, encoded in taped.items() if place[0] in COUNTS} == arrived
    for topic, pictures in shown(list(published.values())).items():
        assert {(form, size) for form, size, _ in pictures} == {SIZES[topic]}
        shades = [shade for *_, shade in pictures]
        step = 1 if topic == MAIN else 3
        assert all(abs(shade - step * index) <= 2 for index, shade in enumerate(shades))
    read_by_tools(tmp_path, arrived)
    replayed(tmp_path, taped)


def read_by_tools(folder: Path, arrived: dict[Place, bytes]) -> None:
    """`info` counts each picture; `cut` and `export` take those that are asked for."""
    numbers = Counter(topic for topic, _ in arrived)
    code, out, err = ran("info", "show.mcap", "--json", cwd=folder)
    assert code == 0, err
    (file,) = json.loads(out)["files"]
    topics = {each["topic"]: each for each in file["topics"]}
    for topic, count in numbers.items():
        assert (topics[topic]["messages"], topics[topic]["last_sequence"]) == (count, COUNTS[topic])
    assert file["missing_sequences"] == sum(COUNTS.values()) - len(arrived)
    code, _, err = ran("cut", "show.mcap", "cam.mcap", "--topics", CAM, cwd=folder)
    assert code == 0, err
    expected = {place: encoded for place, encoded in arrived.items() if place[0] == CAM}
    assert {(topic, at): encoded for topic, at, encoded in recorded(folder / "cam.mcap")} == expected
    code, _, err = ran("export", "show.mcap", "--topics", MAIN, "--frames", "main", cwd=folder)
    assert code == 0, err
    files = sorted((folder / "main").iterdir())
    assert len(files) == numbers[MAIN]
    assert {file.suffix for file in files} == {".jpeg"}


def replayed(folder: Path, taped: dict[Place, bytes]) -> None:
    """A viewer of the replay gets what was recorded, and a recording of it is the same."""
    sets = ("--set", "sinks.browser.port=0", "--set", "sinks.browser.queue.frame.size=100")
    with beats("replay", "show.mcap", "--loop", *sets, cwd=folder, stdin=None) as program:
        with watching(program.url + ALL) as viewer:
            viewer.until(lambda envelope: envelope.topic == CAM)
            viewer.until(lambda envelope: envelope.topic == MAIN)
        assert program.interrupt() == 0, program.err.text()
    pictures = {CODEC.decode(encoded).message for encoded in taped.values()}
    assert {envelope.message for envelope in viewer.seen if envelope.topic in COUNTS} <= pictures
    again = ("--profile", "record", "--set", "sinks.recorder.min_free_bytes=0")
    code, _, err = ran("replay", "show.mcap", "--speed", "max", *again, cwd=folder)
    assert code == 0, err
    (copy,) = (folder / "recordings").iterdir()
    assert {(topic, number): encoded for topic, number, encoded in recorded(copy)} == taped
