"""The first line of a request."""

import pytest

from beats.adapters.sinks.websocket.request_line import RequestLine

REST = b"Host: a\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "method"),
    [
        ([b"GET / HTTP/1.1\r\n"], "GET"),
        ([b"PO", b"ST ", b"/ HTTP"], "POST"),
        ([b"G", b"E", b"T", b" "], "GET"),
        ([b"\x16\x03\x01 "], None),
        ([b" GET"], None),
        ([b"x" * 40, b" "], None),
        ([b"GET"], None),
        ([b""], None),
    ],
)
def test_the_first_word_of_a_request_is_its_method(pieces: list[bytes], method: str | None) -> None:
    """However it is cut into pieces, and before the line has ended; what is no word is none."""
    line = RequestLine()
    for piece in pieces:
        line.fed(piece)
    assert line.method == method


@pytest.mark.parametrize("step", [1, 3, 100])
@pytest.mark.parametrize(
    ("first", "method", "version"),
    [
        (b"GET /?a=b HTTP/1.1\r\n", "GET", "HTTP/1.1"),
        (b"HEAD /?a=b HTTP/1.1\r\n", "HEAD", "HTTP/1.1"),
        (b"OPTIONS /?a=b HTTP/1.0\n", "OPTIONS", "HTTP/1.0"),
    ],
)
def test_the_library_is_given_a_line_that_it_takes(
    first: bytes, method: str, version: str, step: int
) -> None:
    """Whatever the method and the version of HTTP; the rest is passed on as it comes."""
    line, passed = RequestLine(), b""
    whole = first + REST
    for begin in range(0, len(whole), step):
        passed += line.fed(whole[begin : begin + step])
    assert passed == b"GET /?a=b HTTP/1.1\r\n" + REST
    assert (line.method, line.version) == (method, version)


@pytest.mark.parametrize(
    "first",
    [b"GET /\r\n", b"GET / HTTP/2.0\r\n", b"GET / x HTTP/1.1\r\n", b"\r\n", b"\x16\x03\x01 / HTTP/1.1\r\n"],
)
def test_what_is_no_line_of_a_request_is_passed_on(first: bytes) -> None:
    """The library refuses it."""
    line = RequestLine()
    assert line.fed(first + REST) == first + REST
    assert line.version == ""
