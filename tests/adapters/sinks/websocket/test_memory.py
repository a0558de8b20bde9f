"""What a viewer takes in memory: of thousands, little else counts."""

import sys
import tracemalloc
from contextlib import ExitStack, closing

import pytest
from anyio import to_thread

from tests.adapters.sinks.websocket.support import RawClient, on_air, settings, until

pytestmark = pytest.mark.anyio

MOST_BYTES = 12_500 if sys.version_info < (3, 12) else 14_000
"""Of Python's objects, its own end of the connection included: 11,200 with CPython 3.11 and websockets 17,
12,900 with CPython 3.13. With the library's queue and keepalive, and the request that the library keeps, it
would be 20,000."""
CLIENTS = 60


async def test_a_viewer_takes_little_memory() -> None:
    """Also when it has sent a message, and answers pings."""
    config = settings(max_clients_per_address=2 * CLIENTS)

    def come(clients: ExitStack) -> None:
        for _ in range(CLIENTS):
            client = clients.enter_context(closing(RawClient(running.port).handshaken()))
            client.socket.sendall(b"\x81\x82\0\0\0\0{}")
            client.pong(bytes(8))

    with ExitStack() as clients:
        async with on_air(config) as running:
            await to_thread.run_sync(come, clients)  # what is made once
            await until(lambda: running.totals.connected == CLIENTS)
            tracemalloc.start()
            clients.callback(tracemalloc.stop)
            await to_thread.run_sync(come, clients)
            await until(lambda: running.totals.connected == 2 * CLIENTS)
            taken_bytes, _ = tracemalloc.get_traced_memory()
    assert taken_bytes / CLIENTS < MOST_BYTES
