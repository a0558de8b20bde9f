"""Makes text from outside safe for a terminal."""

from typing import Final

_MOST: Final = 4000
"""Longest text in characters; the rest is cut off."""


def printable(text: str) -> str:
    """The text on one line, without control characters.

    Unprintable characters (control characters, line ends, direction marks, halves of surrogate pairs) become
    Python escapes; all kinds of blanks become plain blanks.
    """
    cut = text if len(text) <= _MOST else text[:_MOST] + "…"
    return cut if cut.isprintable() else "".join(map(_shown, cut))


def printable_lines(text: str) -> str:
    """The whole text with its line ends, but without other control characters."""
    if text.isprintable():
        return text
    return "".join(character if character == "\n" else _shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() and character > "\x7f" else character.encode("unicode_escape").decode()
