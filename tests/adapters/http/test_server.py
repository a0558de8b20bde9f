"""Plain HTTP over real sockets, with another implementation's client."""

import json
import logging
import socket
import threading
from dataclasses import replace
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from anyio import to_thread
from websockets.asyncio.client import connect

from beats.adapters.http.assets import page
from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.kernel.ports import Context
from tests.adapters.http.metrics.lint import faults, plain
from tests.adapters.http.metrics.material import STATS
from tests.adapters.http.test_site import PATHS, Slow
from tests.adapters.http.test_tls import make_certificate, trusting
from tests.adapters.sinks.websocket.support import RawClient, Running, on_air, settings, until

pytestmark = pytest.mark.anyio


class Answer(NamedTuple):
    """An answer from the socket."""

    status: int
    headers: HTTPMessage
    body: bytes


async def fetch(running: Running, method: str, path: str, **headers: str) -> Answer:
    """Ask with another implementation's client."""

    def ask() -> Answer:
        connection = HTTPConnection("127.0.0.1", running.port, timeout=20)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    return await to_thread.run_sync(ask)


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
async def test_head_is_get_without_the_body(path: str) -> None:
    """The same headers, and then the end of the stream."""
    async with on_air() as running:
        get, head = [await fetch(running, method, path) for method in ("GET", "HEAD")]
        raw = RawClient(running.port, handshake=False)
        raw.socket.sendall(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        whole = await to_thread.run_sync(read_all, raw)
    assert head.status == get.status
    assert head.headers.keys() == get.headers.keys()
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert int(get.headers["Content-Length"]) == len(get.body) > 0
    assert int(head.headers["Content-Length"]) > 0
    assert whole.endswith(b"\r\n\r\n")


def read_all(raw: RawClient) -> bytes:
    """Everything until the end of the stream."""
    answer = b""
    while piece := raw.socket.recv(1 << 16):
        answer += piece
    raw.close()
    return answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "get"])
@pytest.mark.parametrize("path", ["/metrics", "/nothing"])
async def test_a_wrong_method_is_told_the_allowed_ones(method: str, path: str) -> None:
    """For any path: without a token nobody learns which paths exist."""
    async with on_air(settings(token="t")) as running:
        answer = await fetch(running, method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_a_browser_that_has_cached_the_page_gets_304() -> None:
    """By any of the tags that it sends, in any number of headers."""
    async with on_air() as running:
        tag = (await fetch(running, "GET", "/")).headers["ETag"]
        again = await fetch(running, "GET", "/", **{"If-None-Match": tag})
        assert (again.status, again.body) == (304, b"")
        raw = RawClient(running.port, handshake=False)
        request = f'GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: "x"\r\nIf-None-Match: {tag}\r\n\r\n'
        raw.socket.sendall(request.encode())
        assert (await to_thread.run_sync(read_all, raw)).startswith(b"HTTP/1.1 304 ")


async def test_many_requests_at_once_are_all_answered() -> None:
    """Beside a viewer, who misses nothing."""
    statuses: list[int] = []

    async def scrape(running: Running) -> None:
        answer = await fetch(running, "GET", "/metrics")
        assert faults(plain(answer.body.decode())) == []
        statuses.append(answer.status)

    async with on_air() as running, connect(running.url) as viewer:
        await until(lambda: running.totals.connected == 1)
        async with anyio.create_task_group() as group:
            for _ in range(25):
                group.start_soon(scrape, running)
            for _ in range(50):
                running.knob(1)
                await viewer.recv()
        await until(lambda: len(running.sink._everyone) == 1)  # pyright: ignore[reportPrivateUsage]
    assert statuses == [200] * 25


async def test_a_slow_reader_gets_all_of_a_large_answer() -> None:
    """As large as for a thousand viewers, through buffers of a few kilobytes."""
    stats = replace(STATS, sinks=(replace(STATS.sinks[0], clients=STATS.sinks[0].clients * 700),))

    def build(config: object, context: Context) -> WebSocketSink:
        return WebSocketSink(
            settings(send_buffer_bytes=4096), replace(context, stats=lambda *, clients=True: stats)
        )

    async with on_air(build=build) as running:
        raw = RawClient(running.port, handshake=False)
        raw.socket.sendall(b"GET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n")

        def read_slowly() -> bytes:
            answer = b""
            while piece := raw.socket.recv(3000):
                answer += piece
            raw.close()
            return answer

        answer = await to_thread.run_sync(read_slowly)
        await until(lambda: not running.sink._everyone)  # pyright: ignore[reportPrivateUsage]
    body = answer.partition(b"\r\n\r\n")[2]
    assert len(body) > 500_000
    assert len(json.loads(body)["stats"]["sinks"][0]["clients"]) == 2100


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/nothing"])
@pytest.mark.parametrize(
    "more", [b"", b"\xff" * 5000, b"GET /livez HTTP/1.1\r\n\r\n"], ids=["end", "junk", "next"]
)
async def test_bytes_after_a_request_do_not_prevent_its_answer(
    path: str, more: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The end of the stream, as `nc -N` sends it, garbage, or another request."""
    async with on_air() as running:
        raw = RawClient(running.port, handshake=False)
        raw.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() + more)
        raw.socket.shutdown(socket.SHUT_WR)
        answer = await to_thread.run_sync(read_all, raw)
        await until(lambda: not running.sink._everyone)  # pyright: ignore[reportPrivateUsage]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 " if path == "/nothing" else b"HTTP/1.1 200 ")
    assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_encrypted_answers_are_complete(tmp_path: Path) -> None:
    """The end of an encrypted stream also comes after the last byte."""
    cert, key = make_certificate(tmp_path, "one")
    async with on_air(settings(tls_cert=cert, tls_key=key, send_buffer_bytes=4096)) as running:

        def ask(path: str) -> bytes:
            connection = HTTPSConnection("127.0.0.1", running.port, timeout=20, context=trusting(cert))
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                assert response.status == 200
                return response.read()
            finally:
                connection.close()

        assert await to_thread.run_sync(ask, "/") == page().document.body
        assert faults(plain((await to_thread.run_sync(ask, "/metrics")).decode())) == []
        await until(lambda: not running.sink._everyone)  # pyright: ignore[reportPrivateUsage]


async def test_a_client_that_leaves_during_its_answer_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """With a reset."""
    slow = Slow()

    def build(config: object, context: Context) -> WebSocketSink:
        return WebSocketSink(settings(), replace(context, stats=slow))

    async with on_air(build=build) as running:
        raw = RawClient(running.port, handshake=False)
        raw.socket.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: slow.inside)
        raw.reset()
        slow.go.set()
        await until(lambda: not (slow.inside or running.sink._everyone))  # pyright: ignore[reportPrivateUsage]
        assert (await fetch(running, "GET", "/livez")).status == 200
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_the_end_of_the_server_does_not_wait_for_requests(caplog: pytest.LogCaptureFixture) -> None:
    """They are answered or cut off, and nothing is left behind."""
    slow = Slow()
    ends: list[socket.socket] = []

    def build(config: object, context: Context) -> WebSocketSink:
        return WebSocketSink(settings(), replace(context, stats=slow))

    async with on_air(build=build) as running:
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
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
