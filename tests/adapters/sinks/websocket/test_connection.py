"""The connection's own view of its other side."""

import asyncio
import logging
import socket
from typing import Any, Final

import anyio
import pytest
import websockets.version
from anyio import to_thread
from websockets.asyncio.client import connect
from websockets.protocol import State

from beats.adapters.sinks.websocket.connection import Head
from beats.kernel.envelope import Frame
from beats.proto.encode import PNG_SIGNATURE
from tests.adapters.sinks.websocket.support import RawClient, on_air, settings, stalled_client, until

WEBSOCKETS_MAJOR: Final = int(websockets.version.version.partition(".")[0])

pytestmark = pytest.mark.anyio


async def test_a_client_is_named_by_host_and_port() -> None:
    """The remote address is the one that the client's own socket has."""
    async with on_air() as running, connect(running.url) as viewer:
        await until(lambda: running.totals.connected == 1)
        host, port = viewer.local_address
        assert running.client().remote == f"{host}:{port}"


async def test_an_ipv6_client_is_named_in_brackets() -> None:
    """As in a URL, RFC 3986, section 3.2.2."""
    async with on_air(settings(host="::1")) as running, connect(f"ws://[::1]:{running.port}") as viewer:
        await until(lambda: running.totals.connected == 1)
        assert running.client().remote == f"[::1]:{viewer.local_address[1]}"


async def test_a_client_that_resets_is_forgotten() -> None:
    """A connection that breaks leaves no client and nothing in the log of the others."""
    async with on_air() as running, connect(running.url) as stays, connect(running.url) as leaves:
        await until(lambda: running.totals.connected == 2)
        leaves.transport.abort()
        await until(lambda: running.totals.connected == 1)
        running.knob(1)
        with anyio.fail_after(5):
            await stays.recv()


class Transport:
    """A connection's transport that seems to have bytes waiting, and remembers how it is ended."""

    def __init__(self, real: Any, waiting_bytes: int) -> None:
        self.ended: Final[list[str]] = []
        self._real: Final = real
        self._waiting_bytes: Final = waiting_bytes

    def __getattr__(self, name: str) -> Any:
        if name in ("write_eof", "close"):
            self.ended.append(name)
        return getattr(self._real, name)

    def get_write_buffer_size(self) -> int:
        return self._waiting_bytes


@pytest.mark.parametrize("waiting_bytes", [0, 1])
async def test_the_end_of_the_stream_waits_for_an_empty_buffer(waiting_bytes: int) -> None:
    """Given to the transport before, asyncio would fail with a traceback when the client is gone by then."""
    async with on_air() as running:
        async with connect(running.url) as viewer:
            await until(lambda: running.totals.connected == 1)
            (connection,) = running.sink._everyone  # pyright: ignore[reportPrivateUsage]
            transport = Transport(connection.transport, waiting_bytes)
            connection.transport = transport  # type: ignore[assignment]  # stands in for it
            closing = asyncio.create_task(viewer.close())
            await until(lambda: connection.state is not State.OPEN)
            assert transport.ended == ([] if waiting_bytes else ["write_eof"])
            if waiting_bytes:
                connection.pause_writing()  # as the transport does while bytes wait
                connection.resume_writing()
            await closing
        await until(lambda: running.totals.connected == 0)
        assert transport.ended[0] == "write_eof"


async def test_a_client_that_is_gone_before_the_end_of_the_stream_is_no_error() -> None:
    """Its socket cannot be shut down any more, and nobody need hear of it."""
    async with on_air() as running, connect(running.url) as viewer:
        await until(lambda: running.totals.connected == 1)
        (connection,) = running.sink._everyone  # pyright: ignore[reportPrivateUsage]
        viewer.transport.abort()
        await until(lambda: running.totals.connected == 0)
        connection._end_stream()  # pyright: ignore[reportPrivateUsage]


async def test_nothing_is_written_to_a_connection_that_broke_in_a_long_burst(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Asyncio warns of the fifth write to a lost connection; the burst pauses before, and then knows."""
    config = settings(queue={"size": 256, "overflow": "block"})
    async with on_air(config) as running, connect(running.url, max_size=None) as stays:
        leaves = await to_thread.run_sync(lambda: RawClient(running.port).handshaken())
        await until(lambda: running.totals.connected == 2)
        leaves.reset()
        picture = Frame(PNG_SIGNATURE + bytes(300_000))
        for _ in range(40):  # a chunk each, and all of them wait when the sink's task comes to run
            running.kernel.publisher.publish(picture)
        for _ in range(40):
            await stays.recv()
        await until(lambda: running.totals.connected == 1)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


PING = b"\x89\xfd\0\0\0\0" + b"x" * 125
"""The largest that there is, masked: RFC 6455, section 5.5."""


async def test_pongs_that_are_not_read_are_not_kept() -> None:
    """However many pings come: while bytes wait for a client, only the last pong waits behind them."""
    config = settings(max_messages_per_s=1e6, send_buffer_bytes=4096)
    async with on_air(config) as running, stalled_client(running) as client:
        await running.until_behind()
        (connection,) = running.sink._everyone  # pyright: ignore[reportPrivateUsage]
        before = connection.transport.get_write_buffer_size()
        client.socket.sendall(PING * 5000)
        client.socket.sendall(b"\x89\x84\0\0\0\0last")
        await until(lambda: connection._late_pong == b"\x8a\x04last")  # pyright: ignore[reportPrivateUsage]
        assert connection.transport.get_write_buffer_size() <= before

        def pongs() -> list[bytes]:
            found: list[bytes] = []
            while found[-1:] != [b"last"]:
                opcode, payload = client.frame()
                found += [payload] if opcode == 10 else []
            return found

        assert await to_thread.run_sync(pongs) == [b"last"]


async def test_pings_of_a_client_that_reads_are_all_answered() -> None:
    """In their order."""
    async with on_air() as running:
        client = await to_thread.run_sync(lambda: RawClient(running.port).handshaken())
        for number in range(20):
            client.socket.sendall(b"\x89\x81\0\0\0\0" + bytes([number]))
            assert await to_thread.run_sync(client.frame) == (10, bytes([number]))
        client.close()


async def test_a_client_that_pings_and_leaves_is_no_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Asyncio would write one for each pong that it cannot send."""
    async with on_air(settings(max_messages_per_s=1e6)) as running:
        for _ in range(5):
            client = await to_thread.run_sync(lambda: RawClient(running.port).handshaken())
            await until(lambda: running.totals.connected == 1)
            client.socket.sendall(PING * 1000)
            client.reset()
            await until(lambda: running.totals.connected == 0)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("bad", [b"\x81\x01x", b"\x81\xff" + b"\x7f" * 8], ids=["unmasked", "too-large"])
async def test_a_client_that_stays_after_its_error_is_ended_in_time(bad: bytes) -> None:
    """The library ends its own stream and waits for the client to end its, which it may never do."""
    async with on_air(settings(close_timeout_s=0.2, ping_interval_s=60)) as running:
        client = await to_thread.run_sync(lambda: RawClient(running.port).handshaken())
        await until(lambda: running.totals.connected == 1)
        client.socket.sendall(bad)

        def go_on() -> None:
            while True:
                client.socket.sendall(bytes(100_000))

        with pytest.raises(OSError, match=r"reset|pipe"):
            await to_thread.run_sync(go_on)
        await until(lambda: running.totals.connected == 0)
        client.close()


@pytest.mark.parametrize("after", [b"", b"x", b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
@pytest.mark.parametrize("step", [1, 2, 3, 5, 100])
def test_a_request_ends_with_an_empty_line(step: int, after: bytes) -> None:
    """However it is cut into pieces: what follows is told from it to the byte."""
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


async def test_a_body_does_not_keep_its_request_from_an_answer() -> None:
    """What the library would take for frames is passed over, however much of it comes."""
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
    """Not only what the operating system's buffers hold, nor only what it reads within `close_timeout_s`."""
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


async def test_who_closes_its_half_early_gets_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """As a program does that has sent its request and has nothing more to say."""
    async with on_air() as running:
        raw = RawClient(running.port, handshake=False)
        raw.socket.sendall(b"PUT / HTTP/1.1\r\n")
        raw.socket.shutdown(socket.SHUT_WR)
        assert (await to_thread.run_sync(raw.socket.recv, 12)) == b"HTTP/1.1 405"
        raw.close()
        await until(lambda: not running.sink._everyone)  # pyright: ignore[reportPrivateUsage]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def of_length(size_bytes: int, part: str, *, upgrade: bool) -> bytes:
    """A request of so many bytes, most of them in one part of it."""
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
    """To the byte, wherever its length comes from, and what is longer is told the setting."""
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
    """Their number is the library's limit. Before version 17 it closes the connection without an answer."""
    async with on_air() as running:
        raw = RawClient(running.port, handshake=False)
        headers = "".join(f"X-{number}: 1\r\n" for number in range(129))
        raw.socket.sendall(f"GET / HTTP/1.1\r\n{headers}\r\n".encode())
        answer = b"HTTP/1.1 431" if WEBSOCKETS_MAJOR >= 17 else b""
        assert await to_thread.run_sync(raw.socket.recv, 12) == answer
        raw.close()


async def test_a_request_without_end_is_answered_and_disturbs_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What comes after the answer is passed over, until the time for handshakes is over."""
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


async def test_a_connection_that_has_closed_with_bytes_waiting_can_be_aborted_again() -> None:
    """The library does that; asyncio's transport would fail, and the library would log it as a fault."""
    async with on_air() as running, stalled_client(running) as raw:
        (client,) = running.sink._clients.values()  # pyright: ignore[reportPrivateUsage]  # no other way to it
        connection = client.connection
        transport = connection.transport
        transport.write(bytes(4_000_000))
        transport.close()
        while True:
            if not await anyio.to_thread.run_sync(raw.socket.recv, 1 << 16):
                break
        await connection.wait_closed()
        connection.transport.abort()
        assert connection.transport.is_closing()
        assert connection.remote_address[0] == "127.0.0.1"
