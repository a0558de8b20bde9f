"""The connection's own view of its other side."""

from typing import Any, Final

import anyio
import pytest
from websockets.asyncio.client import connect

from tests.adapters.sinks.websocket.support import on_air, settings, until

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


@pytest.mark.parametrize(("waiting_bytes", "first"), [(0, "write_eof"), (1, "close")])
async def test_an_end_never_waits_behind_bytes_for_a_client_that_may_be_gone(
    waiting_bytes: int, first: str
) -> None:
    """Asyncio would shut the socket down later, and fail with a traceback when the client has reset it."""
    async with on_air() as running:
        async with connect(running.url) as viewer:
            await until(lambda: running.totals.connected == 1)
            (connection,) = running.sink._everyone  # pyright: ignore[reportPrivateUsage]
            transport = Transport(connection.transport, waiting_bytes)
            connection.transport = transport  # type: ignore[assignment]  # stands in for it
            await viewer.close()
        await until(lambda: running.totals.connected == 0)
        assert transport.ended[0] == first
