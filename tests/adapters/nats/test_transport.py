"""The socket under a connection to a NATS server."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
import trustme

from beats.adapters.nats.transport import Transport

pytestmark = pytest.mark.anyio

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def facing(peer: Peer, *, must_encrypt: bool = False) -> AsyncGenerator[Transport]:
    """A transport connected to a peer."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await peer(reader, writer)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    with anyio.fail_after(20):
        transport = await Transport.open(
            "127.0.0.1", server.sockets[0].getsockname()[1], 20, must_encrypt=must_encrypt
        )
        try:
            yield transport
        finally:
            transport.close()
            await transport.wait_closed()
            server.close()
            for writer in writers:
                writer.transport.abort()
            await server.wait_closed()
            await anyio.wait_all_tasks_blocked()


async def mirror(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()


async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def test_it_is_true_and_carries_bytes() -> None:
    """The library replaces a transport that is false. The reader notices the end of the other side."""
    async with facing(mirror) as transport:
        assert bool(transport)
        transport.write(b"a\n")
        transport.writelines([b"b", b"c\n"])
        await transport.drain()
        assert (await transport.readline(), await transport.readline()) == (b"a\n", b"bc\n")
        assert not transport.at_eof()

    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with facing(leave) as transport:
        assert await transport.read(100) == b""
        assert transport.at_eof()


async def test_it_can_be_cut_while_bytes_wait() -> None:
    """A server that reads nothing cannot keep it open."""
    async with facing(deaf) as transport:
        transport.write(bytes(50_000_000))
        with anyio.move_on_after(0.05) as waiting:
            await transport.room()
        assert waiting.cancelled_caught
        transport.close()
        await transport.wait_closed()
        await transport.drain()
        with pytest.raises(OSError, match=r"."):
            await transport.room()


async def test_before_reading_it_reports_unread_bytes() -> None:
    """Those that wait in the operating system."""
    told: list[int] = []

    async def turn(unread_bytes: int) -> None:
        told.append(unread_bytes)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = await Transport.open("127.0.0.1", listener.getsockname()[1], 20, must_encrypt=False)
        peer, _ = listener.accept()
    transport.before_reading = turn
    with peer, anyio.fail_after(20):
        peer.sendall(b"x")
        assert await transport.read(1) == b"x"
        sending = threading.Thread(target=lambda: peer.sendall(bytes(2_000_000)))
        sending.start()
        left = 2_000_000
        while left:
            left -= len(await transport.read(100_000))
        sending.join(20)
        transport.close()
        await transport.wait_closed()
        assert await transport.read(1) == b""
    assert told[0] in (0, 1)
    assert max(told) > 0
    assert told[-1] == 0


async def test_required_encryption_is_enforced() -> None:
    """Nothing is sent before it begins, in particular no password."""
    async with facing(mirror, must_encrypt=True) as transport:
        with pytest.raises(ConnectionError, match="does not encrypt"):
            transport.write(b"hush")
        with pytest.raises(ConnectionError, match="does not encrypt"):
            transport.writelines([b"hush"])


async def test_it_encrypts_after_the_first_line() -> None:
    """As a NATS server requires."""
    authority: Any = trustme.CA()  # whose types depend on packages that are not there
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)

    async def encrypt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO\r\n")
        await writer.start_tls(context)
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async with facing(encrypt, must_encrypt=True) as transport:
        assert await transport.readline() == b"INFO\r\n"
        await transport.connect_tls("localhost", ours, 0, 20)
        transport.write(b"hush\n")
        assert await transport.readline() == b"hush\n"
