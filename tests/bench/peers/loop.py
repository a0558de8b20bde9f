"""Servers in an event loop, and how a producer thread gives messages to them."""

import asyncio
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Final, TypeVar

from tests.bench.peers.harness import Options


class Stamped:
    """Messages of one size whose last 8 bytes are the wall clock."""

    def __init__(self, size: int, before: bytes = b"") -> None:
        """`before` is what stands before each message, such as a frame's header."""
        self._body: Final = before + bytes(size - 8)

    def __call__(self) -> bytes:
        """The next message."""
        return self._body + time.time_ns().to_bytes(8, "little", signed=True)


class LoopPeer:
    """A server in the event loop in which it is made.

    The producer hands each message over with `call_soon_threadsafe`. At most `--queue` of them may be on
    their way: flat out the producer then waits until half are done, at a rate the message is refused.
    """

    def __init__(self, given: Options) -> None:
        self.port = 0
        """Set as soon as it listens."""
        self.connections: Final[set[Any]] = set()
        """Who gets the next message."""
        self.latest: bytes | None = None
        """The last message, for peers that send it to late joiners."""
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

    def clients(self) -> int:
        """Connections."""
        return len(self.connections)

    def counts(self) -> dict[str, int]:
        """It counts nothing."""
        return {}


P = TypeVar("P", bound=LoopPeer)
Serving = Callable[[Options], AbstractAsyncContextManager[P]]


@contextmanager
def in_thread(serving: Serving[P], given: Options) -> Generator[P]:
    """Run a server in a thread with an event loop of its own until the block ends."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    peers: list[P] = []
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
