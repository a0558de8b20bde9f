"""The connection's own view of its other side."""

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
