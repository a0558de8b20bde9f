import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.adapters.sources.jsonl.parse import Update, parse
from beats.kernel.envelope import Location, Peripheral, Tag


def test_a_full_line_gives_a_full_update() -> None:
    """Every key has its place in the message."""
    line = {
        "id": "knob-1",
        "data": {"rotation": 3},
        "tags": ["stage", {"name": "input", "variant": "rotary", "metadata": {"unit": "detent"}}],
        "location": {"x": 1, "y": 2.5, "z": -3, "time": "2026-01-02T03:04:05Z"},
        "captured_unix_ns": 1_700_000_000_000_000_000,
    }
    assert parse(json.dumps(line).encode()) == Update(
        Peripheral(
            "knob-1",
            {"rotation": 3},
            (Tag("stage"), Tag("input", "rotary", {"unit": "detent"})),
            Location(1.0, 2.5, -3.0, "2026-01-02T03:04:05Z"),
        ),
        1_700_000_000_000_000_000,
    )


@pytest.mark.parametrize("data", [None, 0, "text", [1, [2]], {"ä": "€"}, True, -1.5e300])
def test_data_may_be_any_json_value(data: object) -> None:
    """Null, too, as long as the key is there."""
    assert parse(json.dumps({"id": "a", "data": data}).encode()) == Update(Peripheral("a", data), None)


def test_null_stands_for_a_key_that_is_left_out() -> None:
    """Programs that write every key write null for what they do not know."""
    line = b'{"id": "a", "data": 1, "tags": null, "location": null, "captured_unix_ns": null}'
    assert parse(line) == Update(Peripheral("a", 1), None)


def test_a_line_of_a_tap_is_an_update() -> None:
    """What `beats tap --json` says besides is passed over: the stream has numbers and times of its own."""
    line: dict[str, object] = {
        "kind": "peripheral",
        "topic": "peripheral/a",
        "sequence": 7,
        "captured_unix_ns": 5,
        "received_unix_ns": 6,
        "size_bytes": 50,
        "id": "a",
        "tags": [{"name": "input", "variant": "", "metadata": {}}],
        "location": None,
        "data": {"event_type": "press"},
        "payload_type": "heart.peripheral.input.InputEvent",
    }
    assert parse(json.dumps(line).encode()) == Update(
        Peripheral("a", {"event_type": "press"}, (Tag("input"),)), 5
    )


def test_blanks_around_a_line_do_not_matter() -> None:
    """A line may end as Windows ends lines."""
    assert parse(b' {"id": "a", "data": 1} \r').message.id == "a"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"hello", "not JSON: Expecting value at column 1"),
        (b'{"id": "a", "data": 1', "not JSON: Expecting ',' delimiter at column 22"),
        (b'{"id": "a", "data": 1} x', "not JSON: Extra data at column 24"),
        (b'{"id": "\xff"}', "not UTF-8 at byte 9"),
        (b'{\x00"\x00i\x00', "not JSON"),
        (b"[1]", 'the line must be an object such as {"id": "knob-1", "data": {}}, but is a list'),
        (b'"text"', 'but is "text"'),
        (b"null", "but is null"),
        (b'{"id": 7, "data": 1}', "id must be a text, but is 7"),
        (b'{"id": null, "data": 1}', "id must be a text, but is null"),
        (b'{"id": "a"}', "data must be any JSON value, or null, but is missing"),
        (b'{"id": "a", "dta": 1}', "the line has an unknown key \"dta\": did you mean 'data'?"),
        (b'{"id": "a", "data": 1, "qqq": 1}', 'unknown key "qqq": known are id, data, tags, location'),
        (b'{"id": "a", "data": NaN}', "NaN is not JSON: send null"),
        (b'{"id": "a", "data": [-Infinity]}', "-Infinity is not JSON"),
        (b'{"id": "a", "data": 1e999}', "1e999 is larger than a double can be"),
        (b'{"id": "a", "data": ' + b"9" * 5000 + b"}", "limit"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b'{"id": "a", "data": 1, "tags": "b"}', 'tags must be a list of objects or texts, but is "b"'),
        (b'{"id": "a", "data": 1, "tags": [""]}', "tags[0] must be an object with a name"),
        (b'{"id": "a", "data": 1, "tags": [{}]}', "tags[0].name must be a text that is not empty"),
        (b'{"id": "a", "data": 1, "tags": ["b", {"name": "c", "nme": 1}]}', "tags[1] has an unknown key"),
        (b'{"id": "a", "data": 1, "tags": [{"name": "c", "variant": 1}]}', "tags[0].variant must be a text"),
        (b'{"id": "a", "data": 1, "tags": [{"name": "c", "metadata": []}]}', "tags[0].metadata must be an"),
        (b'{"id": "a", "data": 1, "tags": [{"name": "c", "metadata": {"k": 1}}]}', 'metadata["k"] must be'),
        (b'{"id": "a", "data": 1, "location": [1, 2]}', "location must be an object with x, y, z and time"),
        (b'{"id": "a", "data": 1, "location": {"x": true}}', "location.x must be a number, but is true"),
        (b'{"id": "a", "data": 1, "location": {"y": "1"}}', 'location.y must be a number, but is "1"'),
        (b'{"id": "a", "data": 1, "location": {"z": 1' + b"0" * 400 + b"}}", "location.z must be a number"),
        (b'{"id": "a", "data": 1, "location": {"w": 1}}', "location has an unknown key"),
        (b'{"id": "a", "data": 1, "location": {"time": 5}}', "location.time must be ISO 8601 text"),
        (b'{"id": "a", "data": 1, "captured_unix_ns": 1.5}', "captured_unix_ns must be whole nanoseconds"),
        (b'{"id": "a", "data": 1, "captured_unix_ns": -1}', "captured_unix_ns must be whole nanoseconds"),
        (b'{"id": "a", "data": 1, "captured_unix_ns": true}', "captured_unix_ns must be whole nanoseconds"),
        (b'{"id": "a", "data": 1, "captured_unix_ns": 9223372036854775808}', "captured_unix_ns must be"),
    ],
)
def test_a_bad_line_says_what_is_wrong_and_what_would_be_right(line: bytes, why: str) -> None:
    """One sentence, whatever is wrong."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below, not as a pattern
        parse(line)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "value", [b'"' + b"x" * 10_000 + b'"', b'"a\\nb\\u001b[31m\\ud800"', b"9" * 4000, b"[[]]", b'{"a": 1}']
)
def test_an_error_repeats_little_and_only_harmless_text(value: bytes) -> None:
    """No input can forge a log line, colour a terminal, or flood either."""
    for line in (b'{"id": "a", "data": 1, "tags": %b}', b'{"id": "a", "data": 1, "location": {"x": %b}}'):
        with pytest.raises(ValueError, match=r"^[ -~…]{1,200}$"):
            parse(line % value)


@pytest.mark.parametrize("line", [b'{"data": 1, "tags": ["a"]}', b'{"id": "", "data": 1, "tags": ["a"]}'])
def test_a_line_needs_no_id(line: bytes) -> None:
    """Its tags tell which kind of update it is."""
    assert parse(line).message == Peripheral("", 1, (Tag("a"),))


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_value_error(line: bytes) -> None:
    """Whatever arrives, there is one type of error."""
    with suppress(ValueError):
        parse(line)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["id", "data", "tags", "location", "captured_unix_ns", "x"]), JSON_VALUES, max_size=6
    )
)
def test_random_objects_raise_nothing_but_value_error(line: dict[str, object]) -> None:
    """Wrong types in every place are refused in the same way."""
    with suppress(ValueError):
        assert parse(json.dumps(line).encode()).message.id == line.get("id", "")
