"""Asking a server for its counters, and reading what it answers."""

import json
import socket
import ssl
from collections.abc import Sequence
from contextlib import aclosing
from math import inf
from pathlib import Path

import anyio
import pytest
import trustme

from beats.cli.address import ServerAddress, tls
from beats.cli.failures import ServerError
from beats.cli.top import fetch as module
from beats.cli.top.fetch import Failure, Sample, fetch, read, samples
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import Playback
from tests.cli.top.answering import answered, answering, http
from tests.cli.top.answers import client, document, sink, source, stats
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio
WHOLE = document(
    stats(
        [sink(clients=[client(1, drops=[("latest", 3)])], figures=(("free_bytes", 5.0),)), sink("void")],
        [source(playback=Playback(1.5, 60.0, inf, paused=False, loops=2))],
        published=9,
        frames=4,
    ),
    at_s=2.5,
)


async def ask(reply: bytes | None, *, token: str | None = None, path: str = "") -> tuple[Sample, bytes]:
    """What is found, and what was asked."""
    with answering(reply) as server:
        address = ServerAddress("127.0.0.1", server.port, path=path, token=token)
        with anyio.fail_after(TIMEOUT_S):
            return await fetch(address, None), server.requests[0]


async def refusal(reply: bytes | None) -> ServerError:
    with pytest.raises(ServerError) as caught:
        await ask(reply)
    assert str(caught.value).isprintable()
    return caught.value


async def test_the_answer_is_what_the_server_says() -> None:
    """By one request, with token and a proxy's path; also in chunks, as proxies send it (RFC 9112, 7.1)."""
    found, request = await ask(answered(WHOLE))
    assert found.document == WHOLE
    assert request.startswith(b"GET /api/stats HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nConnection: close\r\n" in request
    assert b"Authorization" not in request
    _, request = await ask(answered(WHOLE), token="secret", path="/wall")
    assert request.startswith(b"GET /wall/api/stats HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer secret\r\n" in request
    body = json.dumps(WHOLE).encode()
    parts = [body[:100], body[100:]]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    found, _ = await ask(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert found.document == WHOLE


async def test_a_refused_token_says_where_to_give_it() -> None:
    """A page of HTML is not repeated."""
    error = await refusal(http(b"<h1>No</h1>", "401 Unauthorized", "text/html"))
    assert str(error) == "HTTP 401 Give it with --token, or in BEATS_TOKEN."


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "the answer is not HTTP: it is not a Beats server"),
        (bytes(range(256)) * 300, "the answer is not HTTP: it is not a Beats server"),
        (http(b"<html>", content_type="text/html"), r"the answer is invalid \(no JSON\)"),
        (http(b"{}"), r"the answer is invalid \(beats: Field required\): it is not a Beats server"),
        (http(b"", "404 Not Found"), "HTTP 404: it is not a Beats server, or one older than"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "in the middle of the answer"),
    ],
)
async def test_what_is_no_beats_server_is_called_so(reply: bytes, said: str) -> None:
    """Whatever it sends."""
    with pytest.raises(ServerError, match=said):
        await ask(reply)


@pytest.mark.parametrize(
    ("reply", "said"),
    [(b"", "no answer; use wss:// if the server encrypts"), (http(b"{" * 100)[:-50], "in the middle of")],
)
async def test_an_answer_that_ends_early_may_be_whole_the_next_time(reply: bytes, said: str) -> None:
    """The server was ended, or the connection."""
    error = await refusal(reply)
    assert said in str(error)
    assert not error.lasting


async def test_time_and_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait for a server that says nothing is bounded, and so is memory."""
    monkeypatch.setattr(module, "TIMEOUT_S", 0.1)
    error = await refusal(None)
    assert (str(error), error.lasting) == ("no answer within 0.1 s", False)
    monkeypatch.setattr(module, "_MOST_BYTES", 1000)
    error = await refusal(http(b"x" * 100_000))
    assert "came: it is not a Beats server" in str(error)


async def test_where_nobody_listens_the_reason_is_plain() -> None:
    """In the words of the operating system, for one address as for several."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(ServerError, match=r"^Connection refused$") as caught:
            await fetch(ServerAddress(host, port), None)
        assert not caught.value.lasting


async def test_encryption_is_checked(tmp_path: Path) -> None:
    """By the given authority, without which the certificate is refused; a plain server is told apart."""
    authority = trustme.CA()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)  # pyright: ignore  # pyOpenSSL's, which it takes as well, is not installed
    with answering(answered(WHOLE), context) as server:
        address = ServerAddress("127.0.0.1", server.port, encrypted=True)
        found = await fetch(address, tls(address, trusted))
        assert found.document == WHOLE
        with pytest.raises(ServerError, match=r"its certificate is not trusted .*: see --ca") as caught:
            await fetch(address, tls(address, None))
        assert caught.value.lasting
    with answering(http(b"", "400 Bad Request")) as server:
        address = ServerAddress("127.0.0.1", server.port, encrypted=True)
        with pytest.raises(ServerError, match="ws://"):
            await fetch(address, tls(address, None))


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def test_all_that_the_kernel_counts_comes_through() -> None:
    """The object stays as it came; unknown fields are ignored, memory may be missing, text may be odd."""
    found = read(encoded(WHOLE))
    assert found.document == WHOLE
    browser, void = found.answer.stats.sinks
    assert browser.clients[0].queue.drops[0].reason == "latest"
    assert browser.figures == (("free_bytes", 5.0),)
    assert (void.client_totals, void.latency) == (None, None)
    playback = found.answer.stats.sources[0].playback
    assert playback is not None
    assert (playback.speed, playback.loops) == (inf, 2)
    found = read(encoded({**WHOLE, "weather": "fine", "process": {**WHOLE["process"], "mood": 1}}))
    assert found.answer.process.pid == 7
    process = {"pid": 7, "cpu_s": 1.5, "rss_bytes": None, "open_files": None}
    assert read(encoded({**WHOLE, "process": process})).answer.process.rss_bytes is None
    assert read(encoded(WHOLE).replace(b'"studio"', b'"\\ud800"')).answer.profile == "\ud800"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no JSON"),
        (b"<html>", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"1" * 5000, "the number 1"),
        (b"[]", "no object"),
        (b"{}", "beats: Field required"),
        (encoded({**WHOLE, "uptime_s": inf}), "the number Infinity is out of range"),
        (encoded(WHOLE).replace(b"102.5", b"1e999"), "the number 1e999 is out of range"),
        (encoded({**WHOLE, "time_unix_ns": 10**400}), "the number 1000"),
        (encoded({**WHOLE, "stats": {**WHOLE["stats"], "published": "x"}}), r"stats\.published: "),
        (encoded({**WHOLE, "stats": {**WHOLE["stats"], "sinks": {"a": 1}}}), r"stats\.sinks: "),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(body: bytes, why: str) -> None:
    """Also numbers that no counter can have, which would end in an error where they are used."""
    with pytest.raises(ValueError, match=f"^{why}"):
        read(body)


AWAY = http(b"", "503 Service Unavailable")


async def take(replies: Sequence[bytes], interval_s: float = 0.001) -> list[Sample | Failure]:
    left = list(replies)
    taken: list[Sample | Failure] = []
    with answering(lambda: left.pop(0)) as server, anyio.fail_after(TIMEOUT_S):
        async with aclosing(samples(ServerAddress("127.0.0.1", server.port), None, interval_s)) as found:
            async for each in found:
                taken.append(each)
                if len(taken) == len(replies):
                    break
    return taken


async def test_every_answer_and_every_failure_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures in a row have growing pauses, an answer ends the row; no pause is below the interval."""
    monkeypatch.setattr(module, "BACKOFF", Backoff(0.002, 0.004))
    good = answered(document(stats()))
    found = await take([good, AWAY, AWAY, AWAY, good, AWAY])
    assert [isinstance(each, Sample) for each in found] == [True, False, False, False, True, False]
    failures = [each for each in found if isinstance(each, Failure)]
    assert [each.in_a_row for each in failures] == [1, 2, 3, 1]
    assert [each.retry_s for each in failures] == [0.002, 0.004, 0.004, 0.002]
    assert all(str(each.error) == "HTTP 503" for each in failures)
    monkeypatch.setattr(module, "BACKOFF", Backoff(0.001, 0.001))
    begun_s = anyio.current_time()
    found = await take([AWAY, AWAY, answered(document(stats())), AWAY], interval_s=0.05)
    assert anyio.current_time() - begun_s >= 0.149
    assert all(each.retry_s == 0.05 for each in found if isinstance(each, Failure))
