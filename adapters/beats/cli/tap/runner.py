"""The lower end of a terminal, where a picture is drawn again and again, below lines that scroll."""

from collections.abc import Callable, Sequence
from typing import Final

_BEGIN: Final = "\x1b[?2026h"
_END: Final = "\x1b[?2026l"
"""Terminals that know it show what is between at once (synchronized output); others pass over it."""
_HIDE: Final = "\x1b[?25l"
_SHOW: Final = "\x1b[?25h"
_TO_END_OF_LINE: Final = "\x1b[K"
_TO_END_OF_SCREEN: Final = "\x1b[J"
_ALL: Final = "\x1b[H\x1b[2J"


class Stage:
    """Draws over what it drew last. No line may be as wide as the terminal: there some wrap, some do not."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """Draw by such writes; nothing is drawn yet."""
        self._write: Final = write
        self._height = 0
        self._begun = False
        self._wipe = False

    def draw(self, above: Sequence[str], below: Sequence[str]) -> None:
        """Let lines scroll by, and stand others below them in place of those of the last time."""
        parts = [_BEGIN]
        if not self._begun:
            parts.append(_HIDE)
            self._begun = True
        if self._wipe:  # what was drawn is nobody knows where
            parts.append(_ALL)
            self._height, self._wipe = 0, False
        parts.append("\r")
        if self._height > 1:
            parts.append(f"\x1b[{self._height - 1}A")
        parts += [f"{line}{_TO_END_OF_LINE}\n" for line in above]
        parts.append(f"{_TO_END_OF_LINE}\n".join(below))
        parts += [_TO_END_OF_LINE, _TO_END_OF_SCREEN, _END]
        self._height = len(below)
        self._write("".join(parts))

    def resized(self) -> None:
        """The terminal has moved what was drawn: begin anew."""
        self._wipe = self._begun

    def leave(self) -> None:
        """Go below what was drawn, for others to write there."""
        if self._begun:
            self._write(f"\r\n{_SHOW}" if self._height else _SHOW)
            self._height, self._begun = 0, False
