"""Hostile input: 3,000 random handshakes and frames, the same at every run."""

import gc
import random
import socket
from contextlib import suppress

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect

from beats.adapters.sinks.websocket.connection import StreamConnection
from tests.adapters.sinks.websocket.support import RawClient, on_air, receive, settings, until, warnings

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The data with a few bytes changed, removed, repeated or added."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0:
                changed[at:at] = chance.randbytes(chance.randint(1, 8))
            case 1:
                del changed[at : at + chance.randint(1, 16)]
            case 2:
                changed[at : at + 1] = chance.randbytes(1)
            case _:
                changed[at:at] = changed[max(0, at - 8) : at]
    return bytes(changed)


def throw(port: int, data: bytes) -> None:
    """Send bytes on a new connection, and read to its end."""
    with suppress(ConnectionError, TimeoutError), socket.create_connection(("127.0.0.1", port), 10) as raw:
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65536):
            pass


def connections() -> int:
    """How many connection objects there are in the process."""
    gc.collect()
    # By exact type: the library's weak proxies of a connection pass for instances.
    return sum(type(item) is StreamConnection for item in gc.get_objects())


@pytest.mark.anyio
async def test_random_bytes_affect_no_other_client(caplog: pytest.LogCaptureFixture) -> None:
    """Random handshakes and frames: one line in the log, and no connection is left."""
    chance = random.Random(3)
    config = settings(handshake_timeout_s=2, max_messages_per_s=1e9)

    def handshakes(port: int) -> None:
        for _ in range(1500):
            garbage = chance.random() < 0.3
            throw(port, chance.randbytes(chance.randint(1, 300)) if garbage else mutated(REQUEST, chance))

    def frames(port: int) -> None:
        for _ in range(1500):
            frame = bytes([0x80 | chance.randrange(16), 0x80 | 4]) + chance.randbytes(8)
            throw(port, REQUEST + (chance.randbytes(40) if chance.random() < 0.5 else mutated(frame, chance)))

    async with on_air(config) as running, connect(running.url) as witness:
        await until(lambda: running.totals.connected == 1)
        await anyio.to_thread.run_sync(handshakes, running.port)
        await anyio.to_thread.run_sync(frames, running.port)
        running.knob(1)
        assert (await receive(witness)).sequence == 1
        await until(lambda: running.totals.connected == 1)
        await until(lambda: connections() == 1)
    noted = warnings(caplog)
    noted = [message for message in noted if "ignored" not in message]
    assert len(noted) == 1
    assert "incomplete WebSocket handshake" in noted[0]


@pytest.mark.anyio
async def test_hundreds_of_connections_leave_no_memory_behind() -> None:
    """800 viewers that come and reset leave no client, no connection and no growing count of objects."""
    async with on_air() as running, connect(running.url) as stays:
        running.frame()
        await stays.recv()

        def come_and_go(times: int) -> None:
            for _ in range(times):
                raw = RawClient(running.port).handshaken()
                raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                raw.close()

        counts: list[int] = []
        for times in (200, 600):
            await anyio.to_thread.run_sync(come_and_go, times)
            await until(lambda: running.totals.connected == 1)
            running.frame()
            await stays.recv()
            await until(lambda: connections() == 1)
            counts.append(len(gc.get_objects()))
        assert running.totals.accepted == 801
        assert counts[1] - counts[0] < 600  # fewer than one for each connection
