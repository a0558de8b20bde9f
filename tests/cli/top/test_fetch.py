"""Asking for the counters."""

import json
import socket
import ssl
from pathlib import Path

import anyio
import pytest
import trustme

from beats.cli.address import Address, tls
from beats.cli.top import fetch as module
from beats.cli.top.answer import Sample
from beats.cli.top.fetch import FetchError, fetch
from tests.cli.top.answering import answered, answering, http
from tests.cli.top.answers import document, stats
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio
WHOLE = document(stats(published=5))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def ask(reply: bytes | None, *, token: str | None = None, path: str = "") -> tuple[Sample, bytes]:
    """What is found, and what was asked."""
    with answering(reply) as server:
        address = Address("127.0.0.1", server.port, path=path, token=token)
        with anyio.fail_after(TIMEOUT_S):
            return await fetch(address, None), server.requests[0]


async def refusal(reply: bytes | None) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await ask(reply)
    assert str(caught.value).isprintable()
    return caught.value


async def test_the_answer_is_what_the_server_says() -> None:
    """By one plain request that leaves no connection behind."""
    found, request = await ask(answered(WHOLE))
    assert found.document == WHOLE
    assert request.startswith(b"GET /api/stats HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nConnection: close\r\n" in request
    assert b"Authorization" not in request


async def test_the_token_and_the_path_of_a_proxy_are_in_the_request() -> None:
    """The token in a header, the path before what is asked for."""
    _, request = await ask(answered(WHOLE), token="secret", path="/wall")
    assert request.startswith(b"GET /wall/api/stats HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer secret\r\n" in request


async def test_an_answer_in_chunks_is_read() -> None:
    """As reverse proxies send them: RFC 9112, section 7.1."""
    body = json.dumps(WHOLE).encode()
    parts = [body[:100], body[100:]]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    found, _ = await ask(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert found.document == WHOLE


@pytest.mark.parametrize(
    ("status", "lasting"),
    [("400 Bad Request", True), ("401 Unauthorized", True), ("403 Forbidden", True), ("404 Not Found", True),
     ("301 Moved Permanently", True), ("426 Upgrade Required", True), ("429 Too Many Requests", False),
     ("500 Internal Server Error", False), ("503 Service Unavailable", False)],
)  # fmt: skip
async def test_what_the_server_says_of_a_refusal_is_told(status: str, lasting: bool) -> None:
    """With whether it would be the same the next time, and without what a terminal would obey."""
    error = await refusal(http(b"Because \x1b[31mof that.\n", status, "text/plain; charset=utf-8"))
    assert str(error).startswith(f"HTTP {status[:3]}: Because \\x1b[31mof that.")
    assert error.lasting is lasting


async def test_a_refused_token_says_where_to_give_it() -> None:
    """A page of HTML is not repeated."""
    error = await refusal(http(b"<h1>No</h1>", "401 Unauthorized", "text/html"))
    assert str(error) == "HTTP 401 Give it with --token, or in BEATS_TOKEN."


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "no HTTP came: it is not a Beats server"),
        (bytes(range(256)) * 300, "no HTTP came: it is not a Beats server"),
        (http(b"<html>", content_type="text/html"), r"its answer cannot be read \(no JSON\)"),
        (http(b"{}"), r"its answer cannot be read \(beats: Field required\): it is not a Beats server"),
        (http(b"", "404 Not Found"), "HTTP 404: it is not a Beats server, or one from before"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "in the middle of its answer"),
    ],
)
async def test_what_is_no_beats_server_is_called_so(reply: bytes, said: str) -> None:
    """Whatever it sends."""
    with pytest.raises(FetchError, match=said):
        await ask(reply)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"", "no answer; if it is encrypted, say wss://"),
        (http(b"{" * 100)[:-50], "in the middle of its answer"),
    ],
)
async def test_an_answer_that_ends_early_may_be_whole_the_next_time(reply: bytes, said: str) -> None:
    """The server was ended, or the connection."""
    error = await refusal(reply)
    assert said in str(error)
    assert not error.lasting


async def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts, and says nothing: a process that is stopped."""
    monkeypatch.setattr(module, "TIMEOUT_S", 0.1)
    error = await refusal(None)
    assert (str(error), error.lasting) == ("no answer within 0.1 s", False)


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, whatever comes."""
    monkeypatch.setattr(module, "_MOST_BYTES", 1000)
    error = await refusal(http(b"x" * 100_000))
    assert "came: it is not a Beats server" in str(error)


async def test_where_nobody_listens_the_reason_is_plain() -> None:
    """In the words of the operating system, for one address as for several."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(FetchError, match=r"^Connection refused$") as caught:
            await fetch(Address(host, port), None)
        assert not caught.value.lasting


async def test_encryption_is_checked(tmp_path: Path) -> None:
    """By the authority that is given; without it the certificate is refused, with what to do."""
    authority = trustme.CA()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)  # pyright: ignore  # pyOpenSSL's, which it takes as well, is not installed
    with answering(answered(WHOLE), context) as server:
        address = Address("127.0.0.1", server.port, encrypted=True)
        found = await fetch(address, tls(address, trusted))
        assert found.document == WHOLE
        with pytest.raises(FetchError, match=r"its certificate is not trusted .*: see --ca") as caught:
            await fetch(address, tls(address, None))
        assert caught.value.lasting


async def test_encryption_where_there_is_none_is_said() -> None:
    """To the other side it looks like nonsense."""
    with answering(http(b"", "400 Bad Request")) as server:
        address = Address("127.0.0.1", server.port, encrypted=True)
        with pytest.raises(FetchError, match="ws://"):
            await fetch(address, tls(address, None))
