"""One queue, and `gather(send)` over all clients: the first thing that one writes."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.bench.peers.harness import Options, main
from tests.bench.peers.loop import LoopPeer, in_thread


class Gather(LoopPeer):
    """Every client is waited for, so that all of them go at the pace of the slowest."""

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
            await asyncio.gather(
                *(connection.send(data) for connection in self.connections), return_exceptions=True
            )
            self.done()

    async def serve(self, connection: ServerConnection) -> None:
        """Handle one connection."""
        self.connections.add(connection)
        try:
            async for _ in connection:
                pass
        except ConnectionClosed:
            pass
        finally:
            self.connections.discard(connection)


@asynccontextmanager
async def serving(given: Options) -> AsyncGenerator[Gather]:
    """Listen until the block ends."""
    peer = Gather(given)
    async with serve(peer.serve, "127.0.0.1", given.port, compression=None, backlog=4096) as server:
        peer.port = next(iter(server.sockets)).getsockname()[1]
        sender = asyncio.create_task(peer.send_all())
        yield peer
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sender


if __name__ == "__main__":
    main(lambda given: in_thread(serving, given))
