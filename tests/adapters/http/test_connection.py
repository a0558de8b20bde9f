"""Plain requests on a connection, over real sockets."""

import logging
import socket
from typing import Final

import anyio
import pytest
import websockets.version
from anyio import to_thread
from websockets.asyncio.client import connect

from tests.adapters.sinks.websocket.support import RawClient, on_air, settings, until

WEBSOCKETS_MAJOR: Final = int(websockets.version.version.partition(".")[0])

pytestmark = pytest.mark.anyio


async def test_a_request_with_a_body_is_answered() -> None:
    """The body, which the library would take for frames, is ignored at any length."""
    async with on_air() as running:
        raw = RawClient(running.port, handshake=False)
        head = b"POST /api/stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"

        def ask() -> bytes:
            raw.socket.sendall(head)
            raw.socket.sendall(b"x" * 60_000)
            answer = b""
            while piece := raw.socket.recv(4096):
                answer += piece
            return answer

        answer = await to_thread.run_sync(ask)
        assert answer.startswith(b"HTTP/1.1 405 ")
        assert b"Allow: GET, HEAD, OPTIONS\r\n" in answer
        raw.close()
        await until(lambda: not running.sink._everyone)  # pyright: ignore[reportPrivateUsage]


async def test_a_slow_reader_gets_all_of_an_answer() -> None:
    """Also what it reads after `close_timeout_s`."""
    config = settings(close_timeout_s=0.01, send_buffer_bytes=4096)
    async with on_air(config) as running:
        raw = RawClient(running.port, handshake=False)
        body = b"x" * 3_000_000
        raw.socket.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        await until(lambda: len(running.sink._everyone) == 1)  # pyright: ignore[reportPrivateUsage]
        (connection,) = running.sink._everyone  # pyright: ignore[reportPrivateUsage]
        async with anyio.create_task_group() as group:
            group.start_soon(connection.answer, body)
            await until(lambda: connection.transport.get_write_buffer_size() > 0)
            await anyio.sleep(0.05)  # longer than `close_timeout_s`

            def read() -> bytes:
                answer = b""
                while piece := raw.socket.recv(65536):
                    answer += piece
                return answer

            assert await to_thread.run_sync(read) == body
            raw.close()


async def test_a_client_that_closes_its_half_early_gets_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """As programs do that have nothing more to send."""
    async with on_air() as running:
        raw = RawClient(running.port, handshake=False)
        raw.socket.sendall(b"PUT / HTTP/1.1\r\n")
        raw.socket.shutdown(socket.SHUT_WR)
        assert (await to_thread.run_sync(raw.socket.recv, 12)) == b"HTTP/1.1 405"
        raw.close()
        await until(lambda: not running.sink._everyone)  # pyright: ignore[reportPrivateUsage]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


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


@pytest.mark.parametrize("upgrade", [False, True], ids=["plain", "handshake"])
@pytest.mark.parametrize("part", ["query", "cookie", "many"])
@pytest.mark.parametrize("most_bytes", [1024, 16384, 65536])
async def test_a_request_may_be_as_long_as_the_setting_says(
    most_bytes: int, part: str, upgrade: bool
) -> None:
    """To the byte; a longer one is told the setting."""
    welcome, too_long = (b"HTTP/1.1 101 " if upgrade else b"HTTP/1.1 200 "), b"HTTP/1.1 431 "
    async with on_air(settings(max_header_bytes=most_bytes)) as running:
        for size_bytes, expected in ((most_bytes, welcome), (most_bytes + 1, too_long)):
            request = of_length(size_bytes, part, upgrade=upgrade)
            assert len(request) == size_bytes

            def ask(data: bytes) -> bytes:
                with RawClient(running.port, handshake=False).socket as raw:
                    raw.sendall(data[:700])
                    raw.sendall(data[700:])
                    answer = raw.recv(13)
                    while answer.startswith(too_long) and (piece := raw.recv(65536)):
                        answer += piece
                return answer

            answer = await to_thread.run_sync(ask, request)
            assert answer.startswith(expected), answer
            assert expected is welcome or f"max_header_bytes = {most_bytes}".encode() in answer


async def test_a_request_with_too_many_headers_is_answered() -> None:
    """The library limits their number. Before version 17 it closes the connection without an answer."""
    async with on_air() as running:
        raw = RawClient(running.port, handshake=False)
        headers = "".join(f"X-{number}: 1\r\n" for number in range(129))
        raw.socket.sendall(f"GET / HTTP/1.1\r\n{headers}\r\n".encode())
        answer = b"HTTP/1.1 431" if WEBSOCKETS_MAJOR >= 17 else b""
        assert await to_thread.run_sync(raw.socket.recv, 12) == answer
        raw.close()


async def test_an_endless_request_is_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Bytes after the answer are ignored until the handshake timeout; viewers notice nothing."""
    config = settings(max_header_bytes=1024, handshake_timeout_s=1)
    async with on_air(config) as running, connect(running.url) as viewer:
        raw = await to_thread.run_sync(lambda: RawClient(running.port, handshake=False))

        def flood() -> bytes:
            raw.socket.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: ")
            for _ in range(100):
                raw.socket.sendall(b"x" * 10_000)
            return raw.socket.recv(12)

        assert await to_thread.run_sync(flood) == b"HTTP/1.1 431"
        running.knob(1)
        await viewer.recv()
        await until(lambda: len(running.sink._everyone) == 1)  # pyright: ignore[reportPrivateUsage]
        raw.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
