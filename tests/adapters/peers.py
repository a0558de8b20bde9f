"""Sinks of every kind whose other side is frozen, slow, or resets its connections."""

import socket
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final, Literal, Protocol

from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Frame, Peripheral
from beats.kernel.ports import Context
from beats.kernel.run.kernel import Kernel
from beats.kernel.stats import ClientStats, QueueStats, SinkStats
from beats.kit.bounds import queue_bounds
from beats.proto.codec import StreamCodec
from beats.runtime.registry import SINKS
from tests.adapters.sinks.websocket.support import until
from tests.support.relay import Link, linked

Fault = Literal["frozen", "slow", "resetting"]
FAULTS: Final[tuple[Fault, ...]] = ("frozen", "slow", "resetting")
QUEUE_BYTES: Final = 1_000_000
"""Most that waits for a bad peer."""
QUEUE: Final[Mapping[str, object]] = {"max_bytes": QUEUE_BYTES}
FRIEND: Final = "browser"
"""The sink that the healthy viewer watches."""

_SMALL_BYTES: Final = 8192
"""The receive buffer of a bad peer."""


class Stage:
    """A kernel with a WebSocket sink, and room for one more."""

    def __init__(self) -> None:
        self.kernel: Final = Kernel(StreamCodec())
        self.add(FRIEND, "websocket", port=0, host="127.0.0.1", client_queue=QUEUE)

    def add(self, name: str, type_: str, **settings: Any) -> None:
        """Add a sink."""
        kind = SINKS.find(type_)
        checked = kind.settings.model_validate({"type": type_, **settings})
        kernel = self.kernel
        context = Context(
            name, "test", SystemClock(), kernel.bus.send_control, kernel.commands, {}, kernel.stats
        )
        kernel.add_sink(name, kind.build(checked, context), queue_bounds(checked.queue))

    def publish(self, frame: Frame, update: str) -> None:
        """Publish a picture and an update."""
        self.kernel.publisher.publish(frame)
        self.kernel.publisher.publish(Peripheral("knob", update))

    @property
    def port(self) -> int:
        """Where the viewers of the WebSocket sink connect."""
        sink: Any = self.kernel.sinks[FRIEND]
        return int(sink.address.port)

    def stats(self, name: str) -> SinkStats:
        """The counters of a sink."""
        return next(sink for sink in self.kernel.stats().sinks if sink.name == name)

    def queues(self) -> list[QueueStats]:
        """Those of all sinks and viewers."""
        sinks = self.kernel.stats().sinks
        return [*(sink.queue for sink in sinks), *(each.queue for sink in sinks for each in sink.clients)]


class Peer(Protocol):
    """The other side of a sink."""

    async def begin(self) -> None:
        """Connect, and be bad from now on."""
        ...

    async def step(self) -> None:
        """Be bad once more; called after each frame."""
        ...

    def lost(self) -> int:
        """How many envelopes were counted as dropped, or left out, for it."""
        ...


class _BehindALink:
    """A server that a sink connects to, at the end of a bad line."""

    def __init__(self, stage: Stage, link: Link, fault: Fault, name: str) -> None:
        self._stage: Final = stage
        self._link: Final = link
        self._fault: Final = fault
        self._name: Final = name

    async def begin(self) -> None:
        await until(lambda: dict(self._stage.stats(self._name).figures)["connected"])
        if self._fault == "frozen":
            self._link.hold()
        elif self._fault == "slow":
            self._link.slow_down()

    async def step(self) -> None:
        if self._fault == "resetting":
            self._link.cut()

    def lost(self) -> int:
        return self._stage.stats(self._name).queue.dropped.items


@asynccontextmanager
async def behind_a_link(
    stage: Stage, fault: Fault, kind: str, port: int, settings: Callable[[int], Mapping[str, Any]]
) -> AsyncGenerator[Peer]:
    """A sink of this kind that connects to a server by way of a bad line.

    Args:
        stage: where the sink is added.
        fault: of the line.
        kind: type of the sink.
        port: of the real server.
        settings: those of the sink, for the port where the line begins.
    """
    async with linked(port, receive_buffer_bytes=_SMALL_BYTES) as link:
        stage.add(kind, kind, **{"queue": QUEUE, **settings(link.port)})
        yield _BehindALink(stage, link, fault, kind)


class _Viewer:
    """A viewer of a sink that listens."""

    def __init__(self, stage: Stage, fault: Fault, hello: bytes, wish: bytes) -> None:
        self._stage: Final = stage
        self._fault: Final = fault
        self._hello: Final = hello
        self._wish: Final = wish
        self._socket: socket.socket | None = None
        self._known = 0

    async def begin(self) -> None:
        before = {client.id for client in self._clients()}
        self._open()
        await until(lambda: {client.id for client in self._clients()} - before)
        (self._known,) = {client.id for client in self._clients()} - before
        assert self._socket is not None
        self._socket.sendall(self._wish)

    async def step(self) -> None:
        assert self._socket is not None
        if self._fault == "slow":
            with suppress(BlockingIOError):
                self._socket.recv(_SMALL_BYTES)
        elif self._fault == "resetting":
            self.close()
            self._open()

    def lost(self) -> int:
        return sum(each.queue.dropped.items for each in self._clients() if each.id == self._known)

    def _clients(self) -> tuple[ClientStats, ...]:
        return self._stage.stats(FRIEND).clients

    def _open(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BYTES)
        self._socket.connect(("127.0.0.1", self._stage.port))
        self._socket.sendall(self._hello)
        self._socket.setblocking(False)

    def close(self) -> None:
        """Leave with a reset."""
        if self._socket is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.close()


@asynccontextmanager
async def viewer(stage: Stage, fault: Fault, hello: bytes, wish: bytes = b"") -> AsyncGenerator[Peer]:
    """A bad viewer beside the healthy one.

    Args:
        stage: with the sink that both watch.
        fault: of the viewer.
        hello: what it sends first.
        wish: what it sends then.
    """
    bad = _Viewer(stage, fault, hello, wish)
    try:
        yield bad
    finally:
        bad.close()


class _Datagrams:
    """A receiver of datagrams, which nobody can wait for."""

    def __init__(self, udp: socket.socket, fault: Fault) -> None:
        self._udp: Final = udp
        self._fault: Final = fault

    async def begin(self) -> None:
        if self._fault == "resetting":
            self._udp.close()  # each datagram is refused from now on

    async def step(self) -> None:
        if self._fault == "slow":
            with suppress(BlockingIOError):
                self._udp.recv(65536)

    def lost(self) -> int:
        return 0  # the network tells nobody


@asynccontextmanager
async def datagrams(stage: Stage, fault: Fault, kind: str, **settings: Any) -> AsyncGenerator[Peer]:
    """A sink of this kind that sends datagrams to a receiver that does not take them."""
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BYTES)
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        stage.add(kind, kind, host=(f"127.0.0.1:{udp.getsockname()[1]}",), **settings)
        yield _Datagrams(udp, fault)


Factory = Callable[[Stage, Fault], AbstractAsyncContextManager[Peer]]
