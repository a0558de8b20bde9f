"""Cuts a stream of bytes into numbered lines, without ever keeping more than one bounded line."""

from typing import NamedTuple


class Line(NamedTuple):
    """One line without its newline."""

    number: int
    """From 1."""
    text: bytes
    """Empty when the line was too long."""
    skipped_bytes: int = 0
    """The length of a line that was too long, which was passed over unread."""


class LineCutter:
    """Feed it what arrives; it gives back the lines that are whole."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max_bytes = max_line_bytes
        self._count = 0
        self._begun = bytearray()
        self._skipped_bytes = 0

    def feed(self, data: bytes) -> list[Line]:
        """The lines that `data` completes; what follows the last newline waits for more."""
        *whole, rest = data.split(b"\n")
        lines = [self._end(part) for part in whole]
        self._add(rest)
        return lines

    def finish(self) -> list[Line]:
        """The last line, when it has no newline: the input, or one writer's part of it, has ended."""
        return [self._end(b"")] if self._begun or self._skipped_bytes else []

    def restart(self) -> None:
        """Count from 1 again: what follows is the beginning of a file."""
        self._count = 0

    def _end(self, part: bytes) -> Line:
        self._count += 1
        if self._begun or self._skipped_bytes:
            self._add(part)
            part = bytes(self._begun)
            self._begun.clear()
        elif len(part) > self._max_bytes:
            return Line(self._count, b"", len(part))
        skipped, self._skipped_bytes = self._skipped_bytes, 0
        return Line(self._count, part, skipped)

    def _add(self, part: bytes) -> None:
        if self._skipped_bytes or len(self._begun) + len(part) > self._max_bytes:
            self._skipped_bytes += len(self._begun) + len(part)
            self._begun.clear()
        else:
            self._begun += part
