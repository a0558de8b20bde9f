"""The first line of a request."""

from http import HTTPStatus

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from beats.adapters.http.request import (
    Head,
    RequestLine,
    RequestTarget,
    asks_for_reason,
    not_allowed,
    parse_target,
)

REST = b"Host: a\r\n\r\n"


def test_the_first_word_of_a_request_is_its_method() -> None:
    """However it is split, and before the line has ended; other bytes give none."""
    post, get = [b"PO", b"ST ", b"/ HTTP"], [b"G", b"E", b"T", b" "]
    none = ([b"\x16\x03\x01 "], [b" GET"], [b"x" * 40, b" "], [b"GET"], [b""])
    cases = (("GET", [b"GET / HTTP/1.1\r\n"]), ("POST", post), ("GET", get), *((None, each) for each in none))
    for method, pieces in cases:
        line = RequestLine()
        for piece in pieces:
            line.feed(piece)
        assert line.method == method, pieces


@pytest.mark.parametrize("step", [1, 3, 100])
@pytest.mark.parametrize(
    ("first", "method", "version"),
    [
        (b"GET /?a=b HTTP/1.1\r\n", "GET", "HTTP/1.1"),
        (b"HEAD /?a=b HTTP/1.1\r\n", "HEAD", "HTTP/1.1"),
        (b"OPTIONS /?a=b HTTP/1.0\n", "OPTIONS", "HTTP/1.0"),
    ],
)
def test_the_library_gets_a_line_that_it_accepts(first: bytes, method: str, version: str, step: int) -> None:
    """Whatever the method and the version of HTTP; the rest is passed on unchanged."""
    line, passed = RequestLine(), b""
    whole = first + REST
    for begin in range(0, len(whole), step):
        passed += line.feed(whole[begin : begin + step])
    assert passed == b"GET /?a=b HTTP/1.1\r\n" + REST
    assert (line.method, line.version) == (method, version)


def test_an_invalid_first_line_is_passed_on() -> None:
    """The library refuses it."""
    for first in (b"GET /", b"GET / HTTP/2.0", b"GET / x HTTP/1.1", b"", b"\x16\x03\x01 / HTTP/1.1"):
        line = RequestLine()
        assert line.feed(first + b"\r\n" + REST) == first + b"\r\n" + REST
        assert line.version == ""


@pytest.mark.parametrize("after", [b"", b"x", b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
@pytest.mark.parametrize("step", [1, 2, 3, 5, 100])
def test_a_request_ends_with_an_empty_line(step: int, after: bytes) -> None:
    """However it is split, what follows is separated to the byte."""
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    whole = request + after
    head, before, rest = Head(), b"", b""
    for begin in range(0, len(whole), step):
        if before.endswith(b"\r\n\r\n"):
            rest += whole[begin : begin + step]
            continue
        mine, others = head.split(whole[begin : begin + step])
        before, rest = before + mine, rest + others
    assert (before, rest) == (request, after)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/", RequestTarget("/", ())),
        ("/metrics?token=a%20b&x=1", RequestTarget("/metrics", ("a b",))),
        ("/metrics?token=a&token=b", RequestTarget("/metrics", ("a", "b"))),
        ("/?token=", RequestTarget("/", ("",))),
        ("/?origin=a&token=b&origin=c", RequestTarget("/", ("b",), ("a", "c"))),
        ("http://localhost:8765/livez?token=a", RequestTarget("/livez", ("a",))),
        ("*", RequestTarget("*", ())),
        ("//[", None),
        ("/?" + "&".join(["a=b"] * 100), None),
    ],
)
def test_a_target_has_a_path_tokens_and_origins(target: str, expected: RequestTarget | None) -> None:
    """All tokens count; an unreadable target gives None."""
    assert parse_target(target) == expected


def test_text_means_the_answer_to_a_handshake() -> None:
    """Other requests for the stream's address get the page."""
    for accept in ("text/plain", "Text/Plain;q=0.9, */*;q=0.1"):
        assert asks_for_reason(Request("/", Headers(Accept=accept)))
    for accept in ("text/html,*/*;q=0.8", "text/html, text/plain", "*/*", "application/json", ""):
        assert not asks_for_reason(Request("/", Headers(Accept=accept)))


def test_an_unknown_method_is_told_the_allowed_ones() -> None:
    """A long method is not repeated in full."""
    reply = not_allowed("X" * 1000)
    assert (reply.status, reply.headers["Allow"]) == (HTTPStatus.METHOD_NOT_ALLOWED, "GET, HEAD, OPTIONS")
    assert len(reply.body) < 100
