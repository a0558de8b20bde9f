"""picows: WebSockets in Cython; each message framed and written for each client."""

import importlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from tests.bench.peers.harness import Options, main
from tests.bench.peers.loop import LoopPeer, in_thread

_PICOWS: Final[Any] = importlib.import_module("picows")  # an extra: checked without it too
_WSListener: Any = _PICOWS.WSListener


class Picows(LoopPeer):
    """A loop over transports, as in the library's examples."""

    def deliver(self, data: bytes) -> None:
        """Send to everyone."""
        binary = _PICOWS.WSMsgType.BINARY
        for transport in self.connections:
            transport.send(binary, data)
        self.done()


class _Listener(_WSListener):  # type: ignore[misc]
    def __init__(self, peer: Picows) -> None:
        self._peer = peer

    def on_ws_connected(self, transport: object) -> None:
        self._peer.connections.add(transport)

    def on_ws_disconnected(self, transport: object) -> None:
        self._peer.connections.discard(transport)


@asynccontextmanager
async def serving(given: Options) -> AsyncGenerator[Picows]:
    """Listen until the block ends."""
    peer = Picows(given)

    def listener(_: object) -> _Listener:
        return _Listener(peer)

    server = await _PICOWS.ws_create_server(listener, "127.0.0.1", given.port, backlog=4096)
    try:
        peer.port = server.sockets[0].getsockname()[1]
        yield peer
    finally:
        server.close()


if __name__ == "__main__":
    main(lambda given: in_thread(serving, given))
