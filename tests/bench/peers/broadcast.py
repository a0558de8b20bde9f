"""`websockets.broadcast`, with compression off; a late joiner gets the latest message first."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from tests.bench.peers.harness import Options, main
from tests.bench.peers.loop import LoopPeer, in_thread


class Broadcast(LoopPeer):
    """What the library's guide to broadcasting recommends."""

    def deliver(self, data: bytes) -> None:
        """Send to everyone."""
        self.latest = data
        broadcast(self.connections, data)
        self.done()

    async def serve(self, connection: ServerConnection) -> None:
        """Handle one connection."""
        if self.latest is not None:
            await connection.send(self.latest)
        self.connections.add(connection)
        try:
            async for _ in connection:
                pass
        except ConnectionClosed:
            pass
        finally:
            self.connections.discard(connection)


@asynccontextmanager
async def serving(given: Options) -> AsyncGenerator[Broadcast]:
    """Listen until the block ends."""
    peer = Broadcast(given)
    async with serve(peer.serve, "127.0.0.1", given.port, compression=None, backlog=4096) as server:
        peer.port = next(iter(server.sockets)).getsockname()[1]
        yield peer


if __name__ == "__main__":
    main(lambda given: in_thread(serving, given))
