"""Text from outside on a terminal."""

import pytest

from beats.cli.printable import printable, printable_lines


@pytest.mark.parametrize("text", ["", "knob-1", "Größe 3 µm", "壁の時計", "[bold]:heart:", "e\u0301"])
def test_what_can_be_printed_stays(text: str) -> None:
    """In any language; markup is text."""
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b2J", r"\x9b2J"),
        ("a\r\nb\tc\x00\x7f", r"a\r\nb\tc\x00\x7f"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\ud800", r"\ud800"),
        ("a\u2028b\u00a0c", "a b c"),
        ("\u200b\ufeff", r"\u200b\ufeff"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, expected: str) -> None:
    """Control sequences, line ends, marks of direction and surrogates are escaped."""
    assert printable(text) == expected
    assert printable(text).isprintable()


def test_a_long_text_is_cut() -> None:
    """A megabyte costs no more than what a terminal can show."""
    assert len(printable("a" * 10**6)) < 10_000


def test_lines_stay_and_are_whole() -> None:
    """Nothing is cut, and only line ends are kept."""
    assert printable_lines("a" * 10**4 + "\n\x1b[2Jb\r\n\tc") == "a" * 10**4 + "\n\\x1b[2Jb\\r\n\\tc"
