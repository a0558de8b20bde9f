"""The peers: what others fan messages out with, and the least that any server can do."""

import asyncio
import base64
import contextlib
import hashlib
import importlib
import re
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from typing import Any, Final

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from beats.adapters.sinks.websocket.framing import header
from tests.bench.peers.harness import Options, Peer

_KEY: Final = re.compile(rb"^sec-websocket-key: *(\S+)", re.IGNORECASE | re.MULTILINE)
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_FOXGLOVE_HEADER_BYTES: Final = 13
"""What its protocol puts before a message: one byte that says so, subscription (4), log time (8)."""


class Stamped:
    """Messages of one size whose last 8 bytes are the wall clock."""

    def __init__(self, size: int, before: bytes = b"") -> None:
        """`before` is what stands before each message, such as a frame's header."""
        self._body: Final = before + bytes(size - 8)

    def __call__(self) -> bytes:
        """The next message."""
        return self._body + time.time_ns().to_bytes(8, "little", signed=True)


class Uncounted:
    """A server that has no counters, and knows its clients."""

    def __init__(self) -> None:
        self.port = 0
        self.connections: Final[set[Any]] = set()

    def clients(self) -> int:
        """Connections."""
        return len(self.connections)

    def counts(self) -> dict[str, int]:
        """It counts nothing."""
        return {}


class Bare(Uncounted):
    """A bare socket loop: for each message, one `send` of the framed bytes to each client, and nothing else.

    The floor that the others are measured against, as far as Python goes: the producer thread itself writes
    to blocking sockets, after a handshake by hand. Late joiners, slow clients and close frames are ignored; a
    client that stops reading stops everyone.
    """

    def __init__(self, listener: socket.socket, given: Options) -> None:
        super().__init__()
        self.port = listener.getsockname()[1]
        self._stamped: Final = Stamped(given.size, header(given.size))
        self._sockets: Final[list[socket.socket]] = []

    def publish(self) -> bool:
        """Write to every client."""
        data = self._stamped()
        for client in self._sockets:
            client.sendall(data)  # on a blocking socket one `send`, which takes all
        return True

    def accept(self, listener: socket.socket) -> None:
        """Let clients in until the listening socket is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                request = b""
                while (match := _KEY.search(request)) is None or b"\r\n\r\n" not in request:
                    request += client.recv(4096)
                accept = base64.b64encode(hashlib.sha1(match[1] + _GUID).digest())
                client.sendall(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
                )
                self._sockets.append(client)
                self.connections.add(client)


@contextmanager
def bare(given: Options) -> Generator[Bare]:
    """Listen until the block ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        peer = Bare(listener, given)
        threading.Thread(target=peer.accept, args=[listener], name="accept", daemon=True).start()
        yield peer
        listener.shutdown(socket.SHUT_RDWR)


class LoopPeer(Uncounted):
    """A server in the event loop in which it is made.

    The producer hands each message over with `call_soon_threadsafe`. At most `--queue` of them may be on
    their way: flat out the producer then waits until half are done, at a rate the message is refused.
    """

    def __init__(self, given: Options) -> None:
        super().__init__()
        self._host: Final = given.host
        self._stamped: Final = Stamped(given.size)
        self._loop: Final = asyncio.get_running_loop()
        self._limit: Final = given.queue
        self._waits: Final = given.rate == 0
        self._given = self._done = 0
        self._room: Final = threading.Event()

    def publish(self) -> bool:
        """Hand a message over."""
        if self._given - self._done >= self._limit:
            if not self._waits:
                return False
            self._room.clear()
            if self._given - self._done >= self._limit:
                self._room.wait()
        self._given += 1
        self._loop.call_soon_threadsafe(self.deliver, self._stamped())
        return True

    def deliver(self, data: bytes) -> None:
        """Send a message to everyone, and call `done` when that is over; runs in the loop."""
        raise NotImplementedError

    def done(self) -> None:
        """One message has left."""
        self._done += 1
        if self._waits and self._given - self._done <= self._limit // 2:
            self._room.set()

    async def serve(self, connection: ServerConnection) -> None:
        """Keep one connection of the library `websockets` until it ends."""
        self.connections.add(connection)
        try:
            async for _ in connection:
                pass
        except ConnectionClosed:
            pass
        finally:
            self.connections.discard(connection)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Listen with the library `websockets`, with compression off, until the block ends."""
        async with serve(self.serve, self._host, 0, compression=None, backlog=4096) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield


class Broadcast(LoopPeer):
    """What the library's guide to broadcasting recommends; a late joiner gets the latest message first."""

    _latest: bytes | None = None

    def deliver(self, data: bytes) -> None:
        """Send to everyone."""
        self._latest = data
        broadcast(self.connections, data)
        self.done()

    async def serve(self, connection: ServerConnection) -> None:
        """Send the latest message first."""
        if self._latest is not None:
            await connection.send(self._latest)
        await super().serve(connection)


@asynccontextmanager
async def broadcasting(given: Options) -> AsyncGenerator[Broadcast]:
    """`websockets.broadcast`."""
    peer = Broadcast(given)
    async with peer.listening():
        yield peer


class Gather(LoopPeer):
    """One queue, and `gather(send)` over all clients, as one first writes it.

    Every client is waited for, so that all of them go at the pace of the slowest.
    """

    def __init__(self, given: Options) -> None:
        super().__init__(given)
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()  # bounded by the handover

    def deliver(self, data: bytes) -> None:
        """Queue it."""
        self._queue.put_nowait(data)

    async def send_all(self) -> None:
        """Send from the queue for ever."""
        while True:
            data = await self._queue.get()
            sends = (connection.send(data) for connection in self.connections)
            await asyncio.gather(*sends, return_exceptions=True)
            self.done()


@asynccontextmanager
async def gathering(given: Options) -> AsyncGenerator[Gather]:
    """A queue and `gather`."""
    peer = Gather(given)
    async with peer.listening():
        sender = asyncio.create_task(peer.send_all())
        yield peer
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sender


@asynccontextmanager
async def picows(given: Options) -> AsyncGenerator[LoopPeer]:
    """WebSockets in Cython: a loop over transports, as in the library's examples."""
    library: Any = importlib.import_module("picows")  # an extra: checked without it too
    base: Any = library.WSListener

    class Picows(LoopPeer):
        def deliver(self, data: bytes) -> None:
            for transport in self.connections:
                transport.send(library.WSMsgType.BINARY, data)
            self.done()

    class Listener(base):  # type: ignore[misc]
        def on_ws_connected(self, transport: object) -> None:
            peer.connections.add(transport)

        def on_ws_disconnected(self, transport: object) -> None:
            peer.connections.discard(transport)

    def listener(_: object) -> Listener:
        return Listener()

    peer = Picows(given)
    server = await library.ws_create_server(listener, given.host, 0, backlog=4096)
    try:
        peer.port = server.sockets[0].getsockname()[1]
        yield peer
    finally:
        server.close()


class Foxglove(Uncounted):
    """foxglove-sdk, a server in Rust: `log()` fans out in its caller, each client has a backlog."""

    def __init__(self, channel: Any, given: Options) -> None:
        super().__init__()
        self._channel: Final = channel
        self._stamped: Final = Stamped(given.size - _FOXGLOVE_HEADER_BYTES)

    def publish(self) -> bool:
        """Log a message; it does not report what it drops."""
        self._channel.log(self._stamped())
        return True

    def on_subscribe(self, client: Any, channel: object) -> None:
        """Called from a thread of the server."""
        self.connections.add(client.id)

    def on_unsubscribe(self, client: Any, channel: object) -> None:
        """Called from a thread of the server."""
        self.connections.discard(client.id)


@contextmanager
def foxglove(given: Options) -> Generator[Foxglove]:
    """One channel that every client subscribes to."""
    library: Any = importlib.import_module("foxglove")  # an extra: checked without it too
    context = library.Context()
    schema = library.Schema(name="bench", encoding="", data=b"")
    peer = Foxglove(library.Channel("/bench", message_encoding="raw", schema=schema, context=context), given)
    server = library.start_server(
        name="bench",
        host="127.0.0.1",
        port=0,
        server_listener=peer,
        context=context,
        message_backlog_size=given.queue,
    )
    peer.port = server.port
    yield peer
    server.stop()


Serving = Callable[[Options], AbstractAsyncContextManager[LoopPeer]]


@contextmanager
def _in_thread(serving: Serving, given: Options) -> Generator[LoopPeer]:
    """Run a server in a thread with an event loop of its own until the block ends."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    peers: list[LoopPeer] = []
    stop = asyncio.Event()

    async def run() -> None:
        try:
            async with serving(given) as peer:
                peers.append(peer)
                ready.set()
                await stop.wait()
        finally:
            ready.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), name="loop", daemon=True)
    thread.start()
    ready.wait()
    if not peers:
        raise RuntimeError("the server could not start; see above")
    yield peers[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(5)


SERVERS: Final[Mapping[str, Callable[[Options], AbstractContextManager[Peer]]]] = {
    "bare": bare,
    "broadcast": lambda given: _in_thread(broadcasting, given),
    "picows": lambda given: _in_thread(picows, given),
    "foxglove": foxglove,
    "gather": lambda given: _in_thread(gathering, given),
}
