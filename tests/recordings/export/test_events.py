"""Peripheral updates as text."""

import csv
import io
import json

import pytest

from beats.kernel.envelope import Location, OpaquePayload, Peripheral, Tag
from beats.proto.input_event_pb2 import InputEvent
from beats.recordings.export.events import COLUMNS, CsvWriter, JsonlWriter, event
from beats.recordings.format import RecordedMessage

MESSAGE = RecordedMessage(
    "peripheral/knob", 7, 1_700_000_000_123_456_789, 1_700_000_000_000_000_001, b"", carried=False
)
FULL = Peripheral(
    "knob",
    {"a": [1, 'ü\n,"']},
    (Tag("input", "rotary", {"k": "v"}), Tag("x")),
    Location(1.5, float("nan"), 2, "t"),
)


def jsonl(*updates: Peripheral) -> list[dict[str, object]]:
    out = io.BytesIO()
    writer = JsonlWriter(out)
    for update in updates:
        writer.add(MESSAGE, update)
    return [json.loads(line) for line in out.getvalue().decode().split("\n")[:-1]]


def table(*updates: Peripheral) -> list[dict[str, str]]:
    out = io.BytesIO()
    writer = CsvWriter(out)
    for update in updates:
        writer.add(MESSAGE, update)
    return list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))


def test_a_line_says_all_that_was_recorded() -> None:
    """Both times, id, sequence, tags, location and data, in the order of the columns."""
    (found,) = jsonl(FULL)
    assert tuple(found) == COLUMNS
    assert found == {
        "time": "2023-11-14T22:13:20.123457+00:00",
        "unix_ns": 1_700_000_000_123_456_789,
        "captured_unix_ns": 1_700_000_000_000_000_001,
        "id": "knob",
        "sequence": 7,
        "tags": [
            {"name": "input", "variant": "rotary", "metadata": {"k": "v"}},
            {"name": "x", "variant": "", "metadata": {}},
        ],
        "location": {"x": 1.5, "y": "NaN", "z": 2, "time": "t"},
        "data": {"a": [1, 'ü\n,"']},
    }


@pytest.mark.parametrize("name", ["a\rb", "\r", "a\nb", "a\r\nb", 'a"\r'])
def test_a_line_break_in_an_id_stays_in_its_cell(name: str) -> None:
    """A bare carriage return ends a row for readers, so it is quoted on every version of Python."""
    rows = table(Peripheral(name, {"text": name}), Peripheral("next", 1))
    assert [row["id"] for row in rows] == [name, "next"]
    assert json.loads(rows[0]["data"]) == {"text": name}


def test_each_row_ends_with_one_line_feed() -> None:
    """No carriage returns are written."""
    out = io.BytesIO()
    CsvWriter(out).add(MESSAGE, Peripheral("knob", 1))
    assert out.getvalue().count(b"\n") == 2
    assert b"\r" not in out.getvalue()


def test_a_table_says_the_same() -> None:
    """Numbers and texts are cells; tags, location and data are one cell of JSON each."""
    (row,) = table(FULL)
    expected = jsonl(FULL)[0]
    assert tuple(row) == COLUMNS
    for name in COLUMNS:
        cell = json.loads(row[name]) if name in ("tags", "location", "data") else row[name]
        assert cell == (expected[name] if name in ("tags", "location", "data") else str(expected[name]))


def test_what_is_absent_can_be_told_from_what_is_empty() -> None:
    """No location is null or an empty cell; no data is null, in a table too."""
    (found,), (row,) = jsonl(Peripheral("k", None)), table(Peripheral("k", None))
    assert (found["location"], found["tags"], found["data"]) == (None, [], None)
    assert (row["location"], row["tags"], row["data"]) == ("", "[]", "null")


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_every_line_is_json(number: float) -> None:
    """Numbers that JSON lacks are written as in protobuf's JSON."""
    location = jsonl(Peripheral("k", 1, (), Location(number)))[0]["location"]
    assert isinstance(location, dict)
    assert location["x"] in ("Infinity", "-Infinity", "NaN")


def test_a_message_of_a_known_type_is_protobuf_json() -> None:
    """Its fields have the names and forms of protobuf's JSON mapping."""
    message = InputEvent()
    names = {field.json_name for field in InputEvent.DESCRIPTOR.fields}
    text = next(field for field in InputEvent.DESCRIPTOR.fields if field.type == field.TYPE_STRING)
    setattr(message, text.name, "x")
    data = event(MESSAGE, Peripheral("k", message))["data"]
    assert data == {text.json_name: "x"}
    assert text.json_name in names


def test_a_message_of_an_unknown_type_is_hex() -> None:
    """All of its bytes are kept, and its type is named."""
    data = event(MESSAGE, Peripheral("k", OpaquePayload("a.B", b"\x00\xff")))["data"]
    assert data == {"payload_type": "a.B", "hex": "00ff"}


def test_data_as_deep_as_was_recorded_is_written() -> None:
    """The nesting of the line itself does not count against that of the data."""
    data: object = 1
    for _ in range(100):
        data = [data]
    assert jsonl(Peripheral("k", data))[0]["data"] == data
