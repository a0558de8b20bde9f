"""Plain HTTP over real sockets."""

import json
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
import websockets.version
from anyio import to_thread
from websockets.asyncio.client import connect

from beats.adapters.http.assets import page
from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.kernel.ports import Context
from tests.adapters.http.metrics.lint import faults, plain
from tests.adapters.http.metrics.material import STATS
from tests.adapters.http.test_site import PATHS, Slow
from tests.adapters.http.test_tls import make_certificate, trusting
from tests.adapters.sinks.websocket.support import (
    RawClient,
    Running,
    exchange,
    fetch,
    on_air,
    settings,
    until,
    warnings,
)

WEBSOCKETS_MAJOR: Final = int(websockets.version.version.partition(".")[0])
TOO_LONG: Final = b"HTTP/1.1 431 "

pytestmark = pytest.mark.anyio


async def connections(running: Running, count: int) -> None:
    """Wait until there are this many connections."""
    await until(lambda: len(running.sink._everyone) == count)  # pyright: ignore[reportPrivateUsage]


def with_stats(stats: Any, **changes: object) -> Any:
    """Builds a sink with these counters."""

    def build(config: object, context: Context) -> WebSocketSink:
        return WebSocketSink(settings(**changes), replace(context, stats=stats))

    return build


async def test_head_is_get_without_the_body() -> None:
    """The same headers, and then the end of the stream."""
    async with on_air() as running:
        for path in (*PATHS, "/nothing"):
            get, head = [await fetch(running.port, path, method) for method in ("GET", "HEAD")]
            request = f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            assert (await exchange(running.port, request)).endswith(b"\r\n\r\n")
            assert head.status == get.status
            assert head.headers.keys() == get.headers.keys()
            assert head.headers["Content-Type"] == get.headers["Content-Type"]
            assert int(get.headers["Content-Length"]) == len(get.body) > 0
            assert int(head.headers["Content-Length"]) > 0


async def test_a_wrong_method_is_told_the_allowed_ones() -> None:
    """For any path: without a token nobody learns which paths exist. A body of any length is ignored."""
    async with on_air(settings(token="t")) as running:
        for method in ("POST", "PUT", "TRACE", "get"):
            for path in ("/metrics", "/nothing"):
                answer = await fetch(running.port, path, method)
                assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
        head = b"POST /api/stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"
        assert (await exchange(running.port, head, b"x" * 60_000)).startswith(b"HTTP/1.1 405 ")
        await connections(running, 0)


async def test_a_browser_that_has_cached_the_page_gets_304() -> None:
    """By any of the tags that it sends, in any number of headers."""
    async with on_air() as running:
        tag = (await fetch(running.port, "/")).headers["ETag"]
        again = await fetch(running.port, "/", **{"If-None-Match": tag})
        assert (again.status, again.body) == (304, b"")
        request = f'GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: "x"\r\nIf-None-Match: {tag}\r\n\r\n'
        assert (await exchange(running.port, request.encode())).startswith(b"HTTP/1.1 304 ")


async def test_a_slow_reader_gets_all_of_a_large_answer() -> None:
    """As large as for a thousand viewers, through small buffers, also after `close_timeout_s`."""
    stats = replace(STATS, sinks=(replace(STATS.sinks[0], clients=STATS.sinks[0].clients * 700),))
    build = with_stats(lambda *, clients=True: stats, send_buffer_bytes=4096, close_timeout_s=0.01)
    async with on_air(build=build) as running:
        raw = RawClient(running.port, handshake=False)
        raw.socket.sendall(b"GET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await connections(running, 1)
        (connection,) = running.sink._everyone  # pyright: ignore[reportPrivateUsage]
        await until(lambda: connection.transport.get_write_buffer_size() > 0)
        await anyio.sleep(0.05)  # longer than `close_timeout_s`

        def read_slowly() -> bytes:
            answer = b""
            while piece := raw.socket.recv(3000):
                answer += piece
            raw.close()
            return answer

        body = (await to_thread.run_sync(read_slowly)).partition(b"\r\n\r\n")[2]
        await connections(running, 0)
    assert len(body) > 500_000
    assert len(json.loads(body)["stats"]["sinks"][0]["clients"]) == 2100


@pytest.mark.parametrize(
    "more", [b"", b"\xff" * 5000, b"GET / HTTP/1.1\r\n\r\n"], ids=["end", "junk", "next"]
)
async def test_bytes_after_a_request_do_not_matter(more: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The end of the stream, as `nc -N` sends it, garbage, or another request."""
    async with on_air() as running:
        for path, code in (("/livez", b"200"), ("/metrics", b"200"), ("/nothing", b"404")):
            request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            head, _, body = (await exchange(running.port, request + more, end=True)).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %b " % code)
            assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
        assert (await exchange(running.port, b"PUT / HTTP/1.1\r\n", end=True)).startswith(b"HTTP/1.1 405")
        await connections(running, 0)
    assert warnings(caplog) == []


async def test_encrypted_answers_are_complete(tmp_path: Path) -> None:
    """The end of an encrypted stream also comes after the last byte."""
    cert, key = make_certificate(tmp_path, "one")
    async with on_air(settings(tls_cert=cert, tls_key=key, send_buffer_bytes=4096)) as running:
        tls = trusting(cert)
        assert (await fetch(running.port, "/", "GET", "127.0.0.1", tls)).body == page().document.body
        assert faults(plain((await fetch(running.port, "/metrics", "GET", "127.0.0.1", tls)).text)) == []
        await connections(running, 0)


async def test_a_client_that_leaves_during_its_answer_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """With a reset."""
    slow = Slow()
    async with on_air(build=with_stats(slow)) as running:
        raw = RawClient(running.port, handshake=False)
        raw.socket.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: slow.inside)
        raw.reset()
        slow.go.set()
        await until(lambda: not slow.inside)
        await connections(running, 0)
        assert (await fetch(running.port, "/livez")).status == 200
    assert warnings(caplog) == []


async def test_the_end_of_the_server_does_not_wait_for_requests(caplog: pytest.LogCaptureFixture) -> None:
    """They are answered or cut off, and nothing is left behind."""
    slow = Slow()
    ends: list[socket.socket] = []
    async with on_air(build=with_stats(slow)) as running:
        for path in ("/metrics", "/api/stats"):
            raw = RawClient(running.port, handshake=False)
            raw.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            ends.append(raw.socket)
        await until(lambda: slow.inside)
        later = threading.Timer(0.05, slow.go.set)
        later.start()
    later.join()
    for end in ends:
        with end:
            try:
                answer = end.recv(12)
            except ConnectionResetError:
                answer = b""
            assert answer in (b"", b"HTTP/1.1 200")
    assert warnings(caplog) == []


def of_length(size_bytes: int, part: str, *, upgrade: bool) -> bytes:
    """A request of this many bytes, most of them in one part of it."""
    fill = "x" * size_bytes
    headers = range(size_bytes // 1000 + 1) if part == "many" else ()
    lines = [
        f"GET /{f'?topics={fill}' if part == 'query' else ''} HTTP/1.1",
        "Host: localhost",
        *([f"Cookie: a={fill}"] if part == "cookie" else []),
        *(f"X-{number}: {fill[:1000]}" for number in headers),
    ]
    if upgrade:
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    request = "\r\n".join([*lines, "", ""]).encode()
    return request.replace(b"x", b"", len(request) - size_bytes)


@pytest.mark.parametrize(
    ("most_bytes", "part", "upgrade"),
    [
        (1024, "query", True),
        (1024, "cookie", False),
        (16384, "query", False),
        (16384, "many", True),
        (65536, "cookie", True),
        (65536, "many", False),
    ],
)
async def test_a_request_may_be_as_long_as_allowed(most_bytes: int, part: str, upgrade: bool) -> None:
    """To the byte; a longer one is told the setting."""
    async with on_air(settings(max_header_bytes=most_bytes)) as running:
        fits = of_length(most_bytes, part, upgrade=upgrade)
        assert len(fits) == most_bytes
        with RawClient(running.port, handshake=False).socket as raw:
            raw.sendall(fits[:700])
            raw.sendall(fits[700:])
            answer = await to_thread.run_sync(raw.recv, 13)
            assert answer == (b"HTTP/1.1 101 " if upgrade else b"HTTP/1.1 200 ")
        answer = await exchange(running.port, of_length(most_bytes + 1, part, upgrade=upgrade))
        assert answer.startswith(TOO_LONG)
        assert f"max_header_bytes = {most_bytes}".encode() in answer


async def test_a_request_with_too_many_headers_is_answered() -> None:
    """The library limits their number. Before version 17 it closes the connection without an answer."""
    async with on_air() as running:
        headers = "".join(f"X-{number}: 1\r\n" for number in range(129))
        answer = await exchange(running.port, f"GET / HTTP/1.1\r\n{headers}\r\n".encode())
        assert answer.startswith(TOO_LONG) if WEBSOCKETS_MAJOR >= 17 else answer == b""


async def test_an_endless_request_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    """Bytes after the answer are ignored until the handshake timeout; viewers notice nothing."""
    config = settings(max_header_bytes=1024, handshake_timeout_s=1)
    async with on_air(config) as running, connect(running.url) as viewer:
        raw = await to_thread.run_sync(lambda: RawClient(running.port, handshake=False))

        def flood() -> bytes:
            raw.socket.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: ")
            for _ in range(100):
                raw.socket.sendall(b"x" * 10_000)
            return raw.socket.recv(13)

        assert await to_thread.run_sync(flood) == TOO_LONG
        running.knob(1)
        await viewer.recv()
        await connections(running, 1)
        raw.close()
    assert warnings(caplog) == []
