import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.adapters.sources.jsonl.lines import Line, LineCutter


def cut(chunks: list[bytes], max_line_bytes: int = 100) -> list[Line]:
    cutter = LineCutter(max_line_bytes)
    return [line for chunk in chunks for line in cutter.feed(chunk)] + cutter.finish()


def test_lines_are_numbered_from_one_and_the_last_needs_no_newline() -> None:
    """What stands after the last newline is a line as well."""
    assert cut([b"a\nb\n\nc"]) == [Line(1, b"a"), Line(2, b"b"), Line(3, b""), Line(4, b"c")]


def test_an_input_that_ends_with_a_newline_has_no_empty_line_more() -> None:
    """Nothing follows the last newline."""
    assert cut([b"a\n"]) == [Line(1, b"a")]
    assert cut([b""]) == []


def test_a_line_that_is_too_long_is_counted_and_not_kept() -> None:
    """Its number and length are known; the lines around it are whole."""
    assert cut([b"a\n", b"x" * 70, b"x" * 70, b"\nb\n"]) == [Line(1, b"a"), Line(2, b"", 140), Line(3, b"b")]
    assert cut([b"x" * 101 + b"\nb"]) == [Line(1, b"", 101), Line(2, b"b")]
    assert cut([b"x" * 101]) == [Line(1, b"", 101)]
    assert cut([b"x" * 50, b"x" * 50]) == [Line(1, b"x" * 100)]


def test_a_line_of_any_length_takes_no_more_memory_than_the_bound() -> None:
    """What is passed over is never kept."""
    cutter = LineCutter(100)
    for _ in range(1000):
        cutter.feed(b"x" * 90)
        assert len(cutter._begun) <= 100  # pyright: ignore[reportPrivateUsage]
    assert cutter.feed(b"\n") == [Line(1, b"", 90_000)]


def test_the_next_writer_begins_a_new_line() -> None:
    """After `finish`, what one writer left open is not joined with what the next writes."""
    cutter = LineCutter(100)
    assert cutter.feed(b"half") == []
    assert cutter.finish() == [Line(1, b"half")]
    assert cutter.feed(b"whole\n") == [Line(2, b"whole")]
    assert cutter.finish() == []


@pytest.mark.parametrize("max_line_bytes", [1, 3, 1000])
@given(data=st.binary(max_size=60).map(lambda data: data.replace(b"\x00", b"\n")), cuts=st.data())
def test_where_the_chunks_are_cut_does_not_matter(
    max_line_bytes: int, data: bytes, cuts: st.DataObject
) -> None:
    """The lines are those of the whole."""
    places = sorted(cuts.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    edges = zip([0, *places], [*places, len(data)], strict=True)
    found = cut([data[start:end] for start, end in edges], max_line_bytes)
    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert found == [
        Line(number, text) if len(text) <= max_line_bytes else Line(number, b"", len(text))
        for number, text in enumerate(expected, 1)
    ]


def test_a_restart_counts_from_one_again() -> None:
    """What follows is the beginning of another file."""
    cutter = LineCutter(100)
    assert cutter.feed(b"a\nb") == [Line(1, b"a")]
    assert cutter.finish() == [Line(2, b"b")]
    cutter.restart()
    assert cutter.feed(b"c\n") == [Line(1, b"c")]
