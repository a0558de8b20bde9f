"""The library's connection, with the hooks that the sink needs."""

import asyncio
from typing import Any, Protocol, cast

from websockets.asyncio.server import ServerConnection
from websockets.protocol import State


class Writer(Protocol):
    """Who writes to a connection and wants to know how that goes."""

    @property
    def drained(self) -> bool:
        """Whether everything that is to be sent has gone to the socket."""
        ...

    def pause(self) -> None:
        """The write buffer is not empty."""
        ...

    def resume(self) -> None:
        """The write buffer is empty."""
        ...


class StreamConnection(ServerConnection):
    """Tells its client when the write buffer fills and empties, and can be ended in any state."""

    def __init__(self, everyone: "set[StreamConnection]", *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client: Writer | None = None
        self._everyone = everyone
        self._closing: asyncio.Task[None] | None = None

    @property
    def remote(self) -> str:
        """Host and port of the other side, as text."""
        host, port = (*cast("tuple[object, ...]", self.remote_address or ()), "unknown", 0)[:2]
        return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"

    @property
    def drained(self) -> bool:
        """Whether it is open and has sent everything that it was given."""
        return self.state is State.OPEN and self.client is not None and self.client.drained

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """From here on the connection is known, also while its handshake lasts."""
        self._everyone.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._everyone.discard(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The write buffer is not empty."""
        super().pause_writing()
        if self.client is not None:
            self.client.pause()

    def resume_writing(self) -> None:
        """The write buffer is empty."""
        super().resume_writing()
        if self.client is not None:
            self.client.resume()

    def close_soon(self, code: int, reason: str) -> None:
        """Begin the closing handshake without waiting for it; the library bounds it in time."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self.close(code, reason))

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abort()
