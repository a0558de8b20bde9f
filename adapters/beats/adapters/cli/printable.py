"""Text of others, made fit for a terminal."""

from typing import Final

_MOST: Final = 4000
"""Characters that are looked at: no terminal shows more of one text."""


def printable(text: str) -> str:
    """The text without anything that a terminal would obey, in one line.

    What is not to be printed (control characters, line ends, marks that turn the direction of writing, halves
    of surrogate pairs) is shown as Python writes it, blanks of all kinds as blanks.
    """
    cut = text if len(text) <= _MOST else text[:_MOST] + "…"
    return cut if cut.isprintable() else "".join(map(_shown, cut))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() and character > "\x7f" else character.encode("unicode_escape").decode()
