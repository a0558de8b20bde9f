"""foxglove-sdk: a WebSocket server in Rust; `log()` fans out in its caller, each client has a backlog."""

import importlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from tests.bench.peers.harness import Options, main
from tests.bench.peers.loop import Stamped

_FOXGLOVE: Final[Any] = importlib.import_module("foxglove")  # an extra: checked without it too
_HEADER_BYTES: Final = 13
"""What its protocol puts before a message: one byte that says so, subscription (4), log time (8)."""


class Foxglove:
    """One channel that every client subscribes to."""

    def __init__(self, given: Options) -> None:
        self.port = 0
        self._context: Final = _FOXGLOVE.Context()
        schema = _FOXGLOVE.Schema(name="bench", encoding="", data=b"")
        self._channel: Final = _FOXGLOVE.Channel(
            "/bench", message_encoding="raw", schema=schema, context=self._context
        )
        self._stamped: Final = Stamped(given.size - _HEADER_BYTES)
        self._subscribed: Final[set[int]] = set()
        self._given: Final = given

    @contextmanager
    def serving(self) -> Generator["Foxglove"]:
        """Listen until the block ends."""
        server = _FOXGLOVE.start_server(
            name="bench",
            host="127.0.0.1",
            port=self._given.port,
            server_listener=self,
            context=self._context,
            message_backlog_size=self._given.queue,
        )
        self.port = server.port
        yield self
        server.stop()

    def publish(self) -> bool:
        """Log a message; what it drops, it does not tell."""
        self._channel.log(self._stamped())
        return True

    def clients(self) -> int:
        """Subscriptions."""
        return len(self._subscribed)

    def counts(self) -> dict[str, int]:
        """It counts nothing."""
        return {}

    def on_subscribe(self, client: Any, channel: object) -> None:
        """Called from a thread of the server."""
        self._subscribed.add(client.id)

    def on_unsubscribe(self, client: Any, channel: object) -> None:
        """Called from a thread of the server."""
        self._subscribed.discard(client.id)


if __name__ == "__main__":
    main(lambda given: Foxglove(given).serving())
