"""The first line of a request."""

from typing import Final

_VERSIONS: Final = (b"HTTP/1.1", b"HTTP/1.0")


class RequestLine:
    """Reads the first line of a request: method, target and version (RFC 9112, section 3).

    The library is given a line that all its versions read: before 17 it takes nothing but GET and HTTP/1.1.
    """

    _MOST_BYTES: Final = 32
    """Of a method."""

    def __init__(self) -> None:
        self.method: str | None = None
        """None until it is known, and when there is none."""
        self.version = ""
        """Such as `HTTP/1.1`; empty until it is known."""
        self._held = b""
        self._has_come = False

    def fed(self, data: bytes) -> bytes:
        """What the library shall have of a request's bytes: nothing before the line has come."""
        if self._has_come:
            return data
        self._held += data
        word, space, _ = self._held[: self._MOST_BYTES].partition(b" ")
        if space and word.isalpha() and word.isascii():
            self.method = word.decode()
        line, end, rest = self._held.partition(b"\n")
        if not end:
            return b""
        self._has_come = True
        held, self._held = self._held, b""
        parts = line.removesuffix(b"\r").split(b" ")
        if self.method is None or len(parts) != 3 or parts[2] not in _VERSIONS:
            return held  # it is for the library to refuse
        self.version = parts[2].decode()
        return b"GET " + parts[1] + b" HTTP/1.1\r\n" + rest
