"""The connection's own view of its other side."""

import asyncio
import logging
from typing import Any, Final

import anyio
import pytest
from anyio import to_thread
from websockets.asyncio.client import connect
from websockets.protocol import State

from beats.kernel.envelope import Frame
from beats.proto.encode import PNG_SIGNATURE
from tests.adapters.sinks.websocket.support import RawClient, on_air, settings, until

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
