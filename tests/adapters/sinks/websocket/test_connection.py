"""The connection's own view of its other side."""

import asyncio
from typing import Any, Final

import anyio
import pytest
from anyio import to_thread
from websockets.asyncio.client import connect
from websockets.protocol import State

from beats.adapters.sinks.websocket.connection import StreamConnection
from beats.kernel.envelope import Frame
from beats.proto.encode import PNG_SIGNATURE
from tests.adapters.sinks.websocket.support import (
    RawClient,
    on_air,
    settings,
    stalled_client,
    until,
    warnings,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_client_is_named_by_host_and_port(host: str) -> None:
    """Those of the client's own socket; IPv6 in brackets, as in a URL (RFC 3986, section 3.2.2)."""
    name = f"[{host}]" if ":" in host else host
    async with on_air(settings(host=host)) as running, connect(f"ws://{name}:{running.port}") as viewer:
        await until(lambda: running.totals.connected == 1)
        assert running.client().remote == f"{name}:{viewer.local_address[1]}"


class Transport:
    """A connection's transport that pretends to have bytes waiting, and remembers how it is ended."""

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
    """Otherwise asyncio would fail with a traceback if the client is gone by then."""
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
    """Its socket cannot be shut down any more."""
    async with on_air() as running, connect(running.url) as viewer:
        await until(lambda: running.totals.connected == 1)
        (connection,) = running.sink._everyone  # pyright: ignore[reportPrivateUsage]
        viewer.transport.abort()
        await until(lambda: running.totals.connected == 0)
        connection._end_stream()  # pyright: ignore[reportPrivateUsage]


async def test_nothing_is_written_to_a_connection_that_broke_in_a_burst(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Asyncio logs the fifth write to a lost connection; the burst pauses before that."""
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
    assert warnings(caplog) == []


PING = b"\x89\xfd\0\0\0\0" + b"x" * 125
"""The largest that there is, masked: RFC 6455, section 5.5."""


async def test_pongs_that_are_not_read_are_not_kept() -> None:
    """While bytes wait for a client, only the last pong waits behind them."""
    config = settings(max_messages_per_s=1e6, send_buffer_bytes=4096)
    async with on_air(config) as running, stalled_client(running) as client:
        await running.until_behind()
        (connection,) = running.sink._everyone  # pyright: ignore[reportPrivateUsage]
        assert isinstance(connection, StreamConnection)
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
    """In order."""
    async with on_air() as running:
        client = await to_thread.run_sync(lambda: RawClient(running.port).handshaken())
        for number in range(20):
            client.socket.sendall(b"\x89\x81\0\0\0\0" + bytes([number]))
            assert await to_thread.run_sync(client.frame) == (10, bytes([number]))
        client.close()


async def test_a_client_that_pings_and_leaves_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Asyncio would log each pong that it cannot send."""
    async with on_air(settings(max_messages_per_s=1e6)) as running:
        for _ in range(5):
            client = await to_thread.run_sync(lambda: RawClient(running.port).handshaken())
            await until(lambda: running.totals.connected == 1)
            client.socket.sendall(PING * 1000)
            client.reset()
            await until(lambda: running.totals.connected == 0)
    assert warnings(caplog) == []


@pytest.mark.parametrize("bad", [b"\x81\x01x", b"\x81\xff" + b"\x7f" * 8], ids=["unmasked", "too-large"])
async def test_a_client_that_stays_after_its_error_is_ended_in_time(bad: bytes) -> None:
    """The library waits for the client to end its stream, which it may never do."""
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


async def test_a_connection_that_has_closed_with_bytes_waiting_can_be_aborted_again() -> None:
    """The library does that; asyncio's transport would fail."""
    async with on_air() as running, stalled_client(running) as raw:
        (connection,) = running.sink._everyone  # pyright: ignore[reportPrivateUsage]  # no other way to it
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
