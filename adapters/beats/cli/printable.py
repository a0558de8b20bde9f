"""Text from outside, made safe for a terminal."""

from typing import Final

_MOST: Final = 4000
"""Characters that are looked at: no terminal shows more of one text."""


def printable(text: str) -> str:
    """The text in one line, without anything that a terminal would obey.

    What is not to be printed (control characters, line ends, marks that turn the direction of writing, halves
    of surrogate pairs) is shown as Python writes it, blanks of all kinds as blanks.
    """
    cut = text if len(text) <= _MOST else text[:_MOST] + "…"
    return cut if cut.isprintable() else "".join(map(_shown, cut))


def printable_lines(text: str) -> str:
    """The whole text with its line ends, and nothing else in it that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(character if character == "\n" else _shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() and character > "\x7f" else character.encode("unicode_escape").decode()
