"""Reads requests: the first line, the end of the head, what it asks for."""

from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from websockets.http11 import Request

from beats.adapters.http.access import bearer
from beats.adapters.http.reply import Reply, text

METHODS: Final = ("GET", "HEAD", "OPTIONS")
_VERSIONS: Final = (b"HTTP/1.1", b"HTTP/1.0")
_MOST_FIELDS: Final = 16
_METHOD_BYTES: Final = 32
"""Longest method."""


class RequestLine:
    """Reads the first line of a request: method, target and version (RFC 9112, section 3).

    The library is given a line that all its versions read: before 17 it takes only GET and HTTP/1.1.
    """

    __slots__ = ("_held", "_is_complete", "method", "version")

    def __init__(self) -> None:
        self.method: str | None = None
        """The method; None before it has been read, and if the request has none."""
        self.version = ""
        """The HTTP version, such as `HTTP/1.1`; empty before it has been read."""
        self._held = b""
        self._is_complete = False

    def feed(self, data: bytes) -> bytes:
        """What the library is to read of a request's bytes: nothing before the line is complete."""
        if self._is_complete:
            return data
        self._held += data
        word, space, _ = self._held[:_METHOD_BYTES].partition(b" ")
        if space and word.isalpha() and word.isascii():
            self.method = word.decode()
        line, end, rest = self._held.partition(b"\n")
        if not end:
            return b""
        self._is_complete = True
        held, self._held = self._held, b""
        parts = line.removesuffix(b"\r").split(b" ")
        if self.method is None or len(parts) != 3 or parts[2] not in _VERSIONS:
            return held  # the library refuses it
        self.version = parts[2].decode()
        return b"GET " + parts[1] + b" HTTP/1.1\r\n" + rest


class Head:
    """Separates a request's head from what follows it: it ends with an empty line (RFC 9112, section 2.1)."""

    __slots__ = ("_last",)

    _END: Final = b"\r\n\r\n"

    def __init__(self) -> None:
        self._last = b""

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """Split bytes into those of the head and those after it. Called until the head has ended."""
        before, _, after = (self._last + data).partition(self._END)
        self._last = before[1 - len(self._END) :]
        return data[: len(data) - len(after)], after


class RequestTarget(NamedTuple):
    """The target of a request (RFC 9112, section 3.2)."""

    path: str
    tokens: tuple[str, ...]
    """The tokens in the query."""
    origins: tuple[str, ...] = ()
    """The origins of pages that the query names."""


def parse_target(target: str) -> RequestTarget | None:
    """The path of a target, and the tokens and origins in its query; None when it cannot be read."""
    try:
        parts = urlsplit(target)
        query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    tokens, origins = (
        tuple(value for name, value in query if name == wanted) for wanted in ("token", "origin")
    )
    return RequestTarget(parts.path, tokens, origins)


def joined(request: Request, name: str) -> str:
    """A header that is a list and may occur several times (RFC 9110, section 5.3); empty without it."""
    return ", ".join(request.headers.get_all(name))


def tokens_of(request: Request, in_query: tuple[str, ...]) -> list[str]:
    """All tokens of a request: those of its headers, then those of its query."""
    headers = [bearer(header) for header in request.headers.get_all("Authorization")]
    return [*(header for header in headers if header is not None), *in_query]


def is_handshake(request: Request) -> bool:
    """Whether a request asks for the stream (RFC 6455, section 4.1), not for a document."""
    return "websocket" in _items(request, "Upgrade")


def is_incomplete(request: Request, version: str) -> bool:
    """Whether a request lacks a part of a handshake that every client sends.

    Proxies forward by HTTP/1.0, and drop the headers of an upgrade, unless they are configured not to.
    """
    if not is_handshake(request):
        return "Sec-WebSocket-Key" in request.headers
    return version == "HTTP/1.0" or "upgrade" not in _items(request, "Connection")


def asks_for_reason(request: Request) -> bool:
    """Whether a request for the stream's address asks, in text, how a handshake would be answered.

    Browsers hide from a page why its handshake was refused, so the page asks the same address and query
    again. A browser that opens the address asks for HTML, and gets the page.
    """
    types = {item.partition(";")[0].strip() for item in _items(request, "Accept")}
    return "text/plain" in types and "text/html" not in types


def not_allowed(method: str) -> Reply:
    """The answer to a method that no path supports (RFC 9110, section 15.5.6)."""
    allowed = ", ".join(METHODS)
    return text(
        HTTPStatus.METHOD_NOT_ALLOWED, f"{method:.20} is not possible here; {allowed} are.", Allow=allowed
    )


def too_long(most_bytes: int) -> Reply:
    """The answer to a request that is too long (RFC 6585, section 5)."""
    return text(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"This request is too long, perhaps because of its cookies: max_header_bytes = {most_bytes}.",
    )


def options() -> Reply:
    """The answer to OPTIONS, the same for every path (RFC 9110, section 9.3.7)."""
    return Reply(HTTPStatus.OK, headers={"Allow": ", ".join(METHODS)})


def _items(request: Request, name: str) -> set[str]:
    """The items of a header that is a list, in lower case."""
    return {item.strip() for item in joined(request, name).lower().split(",")}
