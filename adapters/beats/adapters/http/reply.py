"""Answers to plain HTTP requests, as bytes."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple

from beats.adapters.http.access import Denied

TEXT: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_ALWAYS: Final = {
    "Server": "Beats",
    "Connection": "close",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # an address may hold a token
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Reply(NamedTuple):
    """One answer."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str = TEXT
    headers: Mapping[str, str] = _NO_HEADERS
    """Headers besides those that every answer has."""
    endless: bool = False
    """Whether more follows the body, until the connection ends (RFC 9112, section 6.3)."""

    def encoded(self, *, with_body: bool = True) -> bytes:
        """The whole answer (RFC 9112, section 4); to HEAD the same without the body (RFC 9110, 9.3.2)."""
        headers = {
            **_ALWAYS,
            "Cache-Control": "no-store",
            "Content-Type": self.content_type,
            **({} if self.endless else {"Content-Length": str(len(self.body))}),
            **self.headers,
        }
        if self.status is HTTPStatus.NOT_MODIFIED:
            del headers["Content-Length"], headers["Content-Type"]
        lines = [f"HTTP/1.1 {self.status} {self.status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        return head + self.body if with_body else head


def text(status: HTTPStatus, line: str, **headers: str) -> Reply:
    """A text for a person."""
    return Reply(status, f"{line}\n".encode(), TEXT, headers)


def refusal(denied: Denied) -> Reply:
    """The answer to a request that is refused."""
    if denied.status is HTTPStatus.UNAUTHORIZED:
        return text(denied.status, denied.text, **{"WWW-Authenticate": "Bearer"})
    return text(denied.status, denied.text, **denied.headers)


def document(value: object, status: HTTPStatus = HTTPStatus.OK) -> Reply:
    """A JSON object."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Reply(status, body.encode(errors="replace") + b"\n", JSON)
