"""The page's decoder reads everything that the codec encodes, and refuses everything else."""

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.envelope import PNG, Frame, Location, Message, Peripheral, Tag, peripheral_topic
from beats.proto.events import input_event
from beats.proto.streaming_pb2 import JSON_UTF8, PROTOBUF, StreamEnvelope
from tests.browser.node import call, run
from tests.proto.strategies import examples, messages, pictures, sequences, times_unix_ns
from tests.support import CODEC, tiny_png

KNOB = Peripheral(
    "knob/ü 🎛",
    {"turn": 1.5, "on": True, "label": "größe", "list": [1, 2], "deep": {"a": {"b": 2}}, "none": None},
    (Tag("input", "rotary", {"b": "2", "ä": "🎹", "": ""}), Tag("stage")),
    Location(1, -2.5, 1e300, "2024-05-01T12:00:00+02:00"),
)
CAM = Frame(b"\xff\xd8\xff\xe0", "cam", "image/jpeg", 640, 480)
PAD = Peripheral("pad", input_event("press", "2024-05-01T00:00:00Z", {"button": 1}))


def decoded(sealed: Sequence[bytes]) -> list[Any]:
    return run("decode.mjs", [data.hex() for data in sealed])


def expected(data: bytes) -> dict[str, Any]:
    """The expected result, as protobuf decodes the envelope."""
    envelope = StreamEnvelope.FromString(data)
    common = {
        "sequence": str(envelope.sequence),
        "captured_ms": pytest.approx(envelope.captured_unix_ns / 1e6, abs=0.001),
    }
    if envelope.HasField("frame"):
        frame = envelope.frame
        return {
            "kind": "frame",
            **common,
            "id": frame.id,
            "type": frame.media_type or PNG,
            "data": (frame.data if frame.media_type else frame.png_data).hex(),
            "width": frame.width,
            "height": frame.height,
        }
    peripheral = envelope.peripheral
    info = peripheral.peripheral_info
    place = info.location
    return {
        "kind": "peripheral",
        **common,
        "info": {
            "id": info.id,
            "tags": [
                {
                    "name": tag.name,
                    "variant": tag.variant,
                    "metadata": sorted(map(list, tag.metadata.items())),
                }
                for tag in info.tags
            ],
            "location": {"x": place.x, "y": place.y, "z": place.z, "time": place.time}
            if info.HasField("location")
            else None,
        },
        "payload": peripheral.payload.hex(),
        "encoding": peripheral.payload_encoding,
        "type": peripheral.payload_type,
    }


def without_fields(found: dict[str, Any]) -> dict[str, Any]:
    """A result without `fields`, and with sorted metadata."""
    found.pop("fields", None)
    for tag in found.get("info", {}).get("tags", []):
        tag["metadata"].sort()
    return found


@given(st.lists(st.tuples(messages | pictures, sequences, times_unix_ns), min_size=8, max_size=30))
@examples(8)
def test_it_reads_what_the_codec_encodes(sent: list[tuple[Message, int, int]]) -> None:
    """For messages of every shape, and any sequence number and time."""
    sealed = [CODEC.seal(CODEC.prepare(message), number, time) for message, number, time in sent]
    assert [without_fields(found) for found in decoded(sealed)] == [expected(data) for data in sealed]


def test_damage_is_told_and_nothing_is_made_up() -> None:
    """Bytes changed or cut off in 2,500 ways: it is refused, or says what protobuf itself reads in it."""
    dice = random.Random(6)
    whole = [CODEC.seal(CODEC.prepare(message), 2**60, 2**60) for message in (Frame(tiny_png()), KNOB, PAD)]
    mutated: list[bytes] = []
    picture = CODEC.seal(CODEC.prepare(CAM), 2**60, 2**60)
    for number in range(2500):
        copy = bytearray(dice.choice(whole) if number < 2000 else picture)
        for _ in range(dice.randint(1, 3)):
            copy[dice.randrange(len(copy))] = dice.randrange(256)
        mutated.append(bytes(copy[: dice.randint(1, len(copy))] if dice.random() < 0.3 else copy))
    read = [(data, found) for data, found in zip(mutated, decoded(mutated), strict=True) if found is not None]
    assert len(read) > 200
    for data, found in read:
        if not _has_twins(data):
            assert without_fields(found) == expected(data)


def _has_twins(data: bytes) -> bool:
    """Whether a message occurs twice: protobuf merges them, the page takes the last one."""
    envelope = StreamEnvelope.FromString(data)
    return len(envelope.SerializeToString()) < len(data)


_GARBAGE = [
    b"",
    b"\x0a",
    b"\x0a\x05\x0a",
    b"\xff" * 20,
    b"\x00\x00",
    b"\x0b\x0b\x0b",
    b"\x0b" * 5000,
    b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    StreamEnvelope(sequence=1).SerializeToString(),
    b"<!doctype html>",
]


def test_anything_but_an_envelope_is_refused() -> None:
    """Empty, truncated, endless varints, groups without end, lengths beyond the message, no payload."""
    assert decoded(_GARBAGE) == [None] * len(_GARBAGE)


def test_unknown_fields_are_skipped() -> None:
    """Numbers, fixed widths, bytes and groups of later versions change nothing."""
    unknown = b"\xc8\x3e\x01" + b"\xcd\x3e\x01\x02\x03\x04" + b"\xc9\x3e12345678" + b"\xca\x3e\x03abc"
    group = b"\xcb\x3e" + unknown + b"\xcc\x3e"
    sealed = CODEC.seal(CODEC.prepare(Frame(tiny_png())), 3, 4_000_000)
    assert decoded([unknown + group + sealed + group]) == decoded([sealed])


def test_data_are_read_as_fields() -> None:
    """Nested values by path; numbers and booleans with a number to draw, other values as text."""
    found, number = decoded(
        [CODEC.seal(CODEC.prepare(each), 1, 1) for each in (KNOB, Peripheral("p", 21.25))]
    )
    assert number["fields"] == [{"key": "", "text": "21.25", "number": 21.25}]
    assert [(each["key"], each["text"], each["number"]) for each in found["fields"]] == [
        ("turn", "1.5", 1.5),
        ("on", "true", 1),
        ("label", "größe", None),
        ("list.0", "1", 1),
        ("list.1", "2", 2),
        ("deep.a.b", "2", 2),
        ("none", "null", None),
    ]


def test_an_input_event_is_read() -> None:
    """Of other protobuf payloads, name and length are shown."""
    known = CODEC.seal(CODEC.prepare(PAD), 1, 1)
    (found, other) = decoded([known, known.replace(b"InputEvent", b"OtherEvent")])
    assert [(each["key"], each["text"]) for each in found["fields"]] == [
        ("event", "press"),
        ("timestamp", "2024-05-01T00:00:00Z"),
        ("data.button", "1"),
    ]
    (field,) = other["fields"]
    assert field["text"].startswith("heart.peripheral.input.OtherEvent, ")


def test_long_data_are_cut() -> None:
    """Many keys, long texts, deep nesting and long arrays give a bounded number of short fields."""
    deep: object = 1
    for _ in range(50):
        deep = {"d": deep}
    data = {
        "text": "x" * 10_000,
        "deep": deep,
        "array": list(range(1000)),
        **{str(n): n for n in range(1000)},
    }
    (found,) = decoded([CODEC.seal(CODEC.prepare(Peripheral("p", data)), 1, 1)])
    assert len(found["fields"]) <= 24
    assert all(len(each["text"]) <= 161 for each in found["fields"])


@pytest.mark.parametrize(
    ("payload", "encoding"), [(b"{", JSON_UTF8), (b'"\xff"', JSON_UTF8), (b"{}", 0), (b"\x0a\x05", PROTOBUF)]
)
def test_the_rest_of_an_update_with_an_unreadable_payload_is_read(payload: bytes, encoding: int) -> None:
    """The peripheral is known, but its data are not."""
    envelope = StreamEnvelope()
    envelope.peripheral.peripheral_info.id = "p"
    envelope.peripheral.payload = payload
    envelope.peripheral.payload_encoding = encoding  # type: ignore[assignment] # 0 is not a valid encoding
    envelope.peripheral.payload_type = "heart.peripheral.input.InputEvent"
    (found,) = decoded([envelope.SerializeToString()])
    assert found["info"]["id"] == "p"
    assert found["fields"] is None


_NUMBERS = {
    "1796017488": "1796017488",
    "18446744073709551615": "18446744073709551615",
    "-9223372036854775808": "-9223372036854775808",
    "9007199254740993": "9007199254740993",
    "123456789012345678901234567890": "123456789012345678901234567890",
    "1796017488.253": "1796017488.3",
    "0.1234567890123456789": "0.123457",
    "12345678901234567890.5": "12345678901234567000",
    "1234567890123456e3": "1234567890123456000",
    "1e-7": "1e-7",
    '"18446744073709551615"': "18446744073709551615",
    '"a \\"18446744073709551615\\" b"': 'a "18446744073709551615" b',
    '"\ue00018446744073709551615x"': "\ue00018446744073709551615x",
    "[[18446744073709551615]]": "[[18446744073709551615]]",
}


def test_integers_are_shown_with_all_digits() -> None:
    """Even if a double would round them; other numbers are short, and texts stay unchanged."""
    sealed: list[bytes] = []
    for json_text in _NUMBERS:
        envelope = StreamEnvelope()
        envelope.peripheral.peripheral_info.id = "p"
        envelope.peripheral.payload = f'{{"n":{json_text},"18446744073709551615":1}}'.encode()
        envelope.peripheral.payload_encoding = JSON_UTF8
        sealed.append(envelope.SerializeToString())
    found = [[(each["key"], each["text"]) for each in envelope["fields"]] for envelope in decoded(sealed)]
    assert found == [[("n", shown), ("18446744073709551615", "1")] for shown in _NUMBERS.values()]


def test_large_integers_can_be_drawn() -> None:
    """As doubles; also within a short array and in an input event."""
    data = {"all": 2**64 - 1, "some": [2**64 - 1, 1]}
    sealed = [
        CODEC.seal(CODEC.prepare(Peripheral("p", data)), 1, 1),
        CODEC.seal(CODEC.prepare(Peripheral("p", input_event("e", "2024-05-01T00:00:00Z", data))), 1, 1),
    ]
    for found in decoded(sealed):
        numbers = {each["key"].removeprefix("data."): each["number"] for each in found["fields"]}
        assert (numbers["all"], numbers["some.0"], numbers["some.1"]) == (2.0**64, 2.0**64, 1)


_NAMED: list[tuple[str, list[tuple[str, str]], int, str, str]] = [
    ("knob", [("input", "")], 1, "", "knob"),
    ("", [], 0, "", "()"),
    ("", [("input", "")], 1, "ignored", "(input)"),
    ("", [("input", "rotary"), ("(e)", "\\")], 2, "a.b.Event", r"(input:rotary, \(e\):\\, a.b.Event)"),
]


def name_call(id_: str, tags: list[tuple[str, str]], encoding: int, payload_type: str) -> str:
    """The call that names an update."""
    info = {"id": id_, "tags": [{"name": name, "variant": variant} for name, variant in tags]}
    return f"return nameOf({json.dumps(info)}, {json.dumps({'encoding': encoding, 'type': payload_type})})"


def test_an_update_without_an_id_is_named_by_its_tags() -> None:
    """By names, variants and the type of a protobuf payload, as the server names its topic."""
    found = call("messages.js", *(name_call(*case[:4]) for case in _NAMED))
    assert found == [case[4] for case in _NAMED]


_words = st.text(alphabet="ab\\,:() ü🎛", max_size=4)


@given(st.lists(st.tuples(st.lists(st.tuples(_words, _words), max_size=3), _words), min_size=30, max_size=60))
@examples(8)
def test_it_names_topics_as_the_server_does(updates: list[tuple[list[tuple[str, str]], str]]) -> None:
    """For any tags and payload type."""
    bodies = [name_call("", tags, PROTOBUF if type_ else JSON_UTF8, type_) for tags, type_ in updates]
    assert [f"peripheral/{name}" for name in call("messages.js", *bodies)] == [
        peripheral_topic("", [Tag(*tag) for tag in tags], payload_type) for tags, payload_type in updates
    ]
