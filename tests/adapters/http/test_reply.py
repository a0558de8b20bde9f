"""Answers as bytes."""

import json
from email.parser import BytesParser
from http import HTTPStatus

import pytest

from beats.adapters.http.reply import Reply, document, text


def parts(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    """The first line, the headers and the body, as another implementation reads them."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, _, rest = head.partition(b"\r\n")
    headers = BytesParser().parsebytes(rest + b"\r\n\r\n").items()
    assert len({name.lower() for name, _ in headers}) == len(headers), "a header is there twice"
    return first.decode(), {name.lower(): str(value) for name, value in headers}, body


def test_an_answer_has_its_length_and_closes_the_connection() -> None:
    """There is one request per connection. A text ends with a line break, for the prompt of a shell.

    The answer to HEAD is the same without the body, with its length (RFC 9110, section 9.3.2).
    """
    reply = text(HTTPStatus.UNAUTHORIZED, "Nö.", **{"WWW-Authenticate": "Bearer"})
    first, headers, body = parts(reply.encoded())
    assert (first, body) == ("HTTP/1.1 401 Unauthorized", "Nö.\n".encode())
    assert (headers["content-length"], headers["connection"]) == ("5", "close")
    assert (headers["content-type"], headers["www-authenticate"]) == ("text/plain; charset=utf-8", "Bearer")
    assert reply.encoded() == reply.encoded(with_body=False) + body


def test_every_answer_has_protective_headers() -> None:
    """It is not cached, not embedded by foreign pages, its type is not guessed, its address not passed on.

    An answer's own headers take the place of these; no header occurs twice.
    """
    _, headers, _ = parts(text(HTTPStatus.NOT_FOUND, "Nothing.").encoded())
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    own = {"Cache-Control": "no-cache", "ETag": '"1"'}
    _, headers, _ = parts(Reply(HTTPStatus.OK, headers=own).encoded())
    assert (headers["cache-control"], headers["etag"]) == ("no-cache", '"1"')


def test_a_304_has_neither_length_nor_type() -> None:
    """RFC 9110, section 15.4.5."""
    first, headers, body = parts(Reply(HTTPStatus.NOT_MODIFIED, headers={"ETag": '"1"'}).encoded())
    assert first == "HTTP/1.1 304 Not Modified"
    assert {"content-length", "content-type"} & headers.keys() == set()
    assert (headers["etag"], body) == ('"1"', b"")


def test_a_document_is_json_in_utf_8() -> None:
    """Compact, readable where it is not ASCII, and with "?" for half of a surrogate pair, as in file names.

    Python would write numbers that JSON lacks, and no other parser accepts them.
    """
    reply = document({"größe": [1, 2.5, None, True]}, HTTPStatus.SERVICE_UNAVAILABLE)
    assert reply.body == '{"größe":[1,2.5,null,true]}\n'.encode()
    assert (reply.status, reply.content_type) == (503, "application/json")
    assert json.loads(document({"error": "\udcff"}).body) == {"error": "?"}
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            document({"value": number})
