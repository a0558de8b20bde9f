"""Cutting bytes into lines, and parsing lines of JSON."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.adapters.sources.jsonl.lines import LineCutter, RawLine, Update, parse
from beats.kernel.envelope import Location, Peripheral, Tag


def cut(chunks: list[bytes], max_line_bytes: int = 100) -> list[RawLine]:
    cutter = LineCutter(max_line_bytes)
    return [line for chunk in chunks for line in cutter.feed(chunk)] + cutter.finish()


def test_a_line_of_any_length_takes_bounded_memory() -> None:
    """A skipped line is never kept."""
    cutter = LineCutter(100)
    for _ in range(1000):
        cutter.feed(b"x" * 90)
        assert len(cutter._begun) <= 100  # pyright: ignore[reportPrivateUsage]
    assert cutter.feed(b"\n") == [RawLine(1, b"", 90_000)]


def test_the_next_writer_starts_a_new_line() -> None:
    """After `finish`, an incomplete line is not joined with the next text; a new file counts from one."""
    cutter = LineCutter(100)
    assert cutter.feed(b"half") == []
    assert cutter.finish() == [RawLine(1, b"half")]
    assert cutter.feed(b"whole\n") == [RawLine(2, b"whole")]
    assert cutter.finish() == []
    cutter.restart()
    assert cutter.feed(b"c\n") == [RawLine(1, b"c")]


@pytest.mark.parametrize("max_line_bytes", [1, 3, 1000])
@given(data=st.binary(max_size=60).map(lambda data: data.replace(b"\x00", b"\n")), cuts=st.data())
def test_lines_do_not_depend_on_chunk_sizes(max_line_bytes: int, data: bytes, cuts: st.DataObject) -> None:
    """They are those of the whole input, numbered from one; what is too long is only counted."""
    places = sorted(cuts.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    edges = zip([0, *places], [*places, len(data)], strict=True)
    found = cut([data[start:end] for start, end in edges], max_line_bytes)
    expected = data.split(b"\n")
    if not expected[-1]:  # a final newline adds no empty line
        expected.pop()
    assert found == [
        RawLine(number, text) if len(text) <= max_line_bytes else RawLine(number, b"", len(text))
        for number, text in enumerate(expected, 1)
    ]


def test_a_full_line_gives_a_full_update() -> None:
    """Every key sets its part of the message."""
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
    """Including null, as long as the key is there."""
    assert parse(json.dumps({"id": "a", "data": data}).encode()) == Update(Peripheral("a", data), None)


TAPPED = (
    b'{"kind": "peripheral", "topic": "peripheral/a", "sequence": 7, "captured_unix_ns": 5, "data": {"k": 1},'
    b' "received_unix_ns": 6, "size_bytes": 50, "id": "a", "location": null, "payload_type": "a.B",'
    b' "tags": [{"name": "input", "variant": "", "metadata": {}}]}'
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            b'{"id": "a", "data": 1, "tags": null, "location": null, "captured_unix_ns": null}',
            Peripheral("a", 1),
        ),
        (b' {"id": "a", "data": 1} \r', Peripheral("a", 1)),
        (b'{"data": 1, "tags": ["a"]}', Peripheral("", 1, (Tag("a"),))),
        (b'{"id": "", "data": 1, "tags": ["a"]}', Peripheral("", 1, (Tag("a"),))),
        (TAPPED, Peripheral("a", {"k": 1}, (Tag("input"),))),
    ],
)
def test_what_other_programs_write_is_accepted(line: bytes, expected: Peripheral) -> None:
    """Null for a missing key, blanks at the ends, no id but tags, and other keys of `beats tap --json`."""
    assert parse(line) == Update(expected, 5 if line == TAPPED else None)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"hello", "not JSON: Expecting value at column 1"),
        (b'{"id": "a", "data": 1', "not JSON: Expecting ',' delimiter at column 22"),
        (b'{"id": "a", "data": 1} x', "not JSON: Extra data at column 24"),
        (b'{"id": "\xff"}', "not UTF-8 at byte 9"),
        (b'{\x00"\x00i\x00', "not JSON"),
        (b"[1]", 'the line must be an object such as {"id": "knob-1", "data": {}}, but is a list'),
        (b"null", "but is null"),
        (b'{"id": 7, "data": 1}', "id must be a text, but is 7"),
        (b'{"id": "a"}', "data must be any JSON value, or null, but is missing"),
        (b'{"id": "a", "dta": 1}', "the line has an unknown key \"dta\": did you mean 'data'?"),
        (b'{"id": "a", "data": 1, "qqq": 1}', 'unknown key "qqq": known are id, data, tags, location'),
        (b'{"id": "a", "data": NaN}', "NaN is not JSON: send null"),
        (b'{"id": "a", "data": 1e999}', "1e999 is too large for a double"),
        (b'{"id": "a", "data": ' + b"9" * 5000 + b"}", "limit"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"id": "a", "data": 1, "tags": "b"}', 'tags must be a list of objects or texts, but is "b"'),
        (b'{"id": "a", "data": 1, "tags": [""]}', "tags[0] must be an object with a name"),
        (b'{"id": "a", "data": 1, "tags": [{}]}', "tags[0].name must be a text that is not empty"),
        (b'{"id": "a", "data": 1, "tags": ["b", {"name": "c", "nme": 1}]}', "tags[1] has an unknown key"),
        (b'{"id": "a", "data": 1, "tags": [{"name": "c", "variant": 1}]}', "tags[0].variant must be a text"),
        (b'{"id": "a", "data": 1, "tags": [{"name": "c", "metadata": []}]}', "tags[0].metadata must be an"),
        (b'{"id": "a", "data": 1, "tags": [{"name": "c", "metadata": {"k": 1}}]}', 'metadata["k"] must be'),
        (b'{"id": "a", "data": 1, "location": [1, 2]}', "location must be an object with x, y, z and time"),
        (b'{"id": "a", "data": 1, "location": {"x": true}}', "location.x must be a number, but is true"),
        (b'{"id": "a", "data": 1, "location": {"z": 1' + b"0" * 400 + b"}}", "location.z must be a number"),
        (b'{"id": "a", "data": 1, "location": {"w": 1}}', "location has an unknown key"),
        (b'{"id": "a", "data": 1, "location": {"time": 5}}', "location.time must be ISO 8601 text"),
        (b'{"id": "a", "data": 1, "captured_unix_ns": 1.5}', "captured_unix_ns must be whole nanoseconds"),
        (b'{"id": "a", "data": 1, "captured_unix_ns": -1}', "captured_unix_ns must be whole nanoseconds"),
        (b'{"id": "a", "data": 1, "captured_unix_ns": 9223372036854775808}', "captured_unix_ns must be"),
    ],
)
def test_an_invalid_line_says_what_is_wrong_and_what_is_expected(line: bytes, why: str) -> None:
    """In one sentence."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below, not as a pattern
        parse(line)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "value", [b'"' + b"x" * 10_000 + b'"', b'"a\\nb\\u001b[31m\\ud800"', b"9" * 4000, b"[[]]", b'{"a": 1}']
)
def test_an_error_quotes_only_short_printable_text(value: bytes) -> None:
    """No input can forge a log line, colour a terminal or flood the log."""
    for line in (b'{"id": "a", "data": 1, "tags": %b}', b'{"id": "a", "data": 1, "location": {"x": %b}}'):
        with pytest.raises(ValueError, match=r"^[ -~…]{1,200}$"):
            parse(line % value)


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_value_error(line: bytes) -> None:
    """For any input."""
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
    """For wrong types in any place."""
    with suppress(ValueError):
        assert parse(json.dumps(line).encode()).message.id == line.get("id", "")
