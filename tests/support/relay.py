"""Kernels that relay to each other in one process, and what they have put on their buses."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import anyio

from beats.adapters.sinks.mqtt import MqttSinkSettings
from beats.adapters.sinks.mqtt.sink import MqttSink
from beats.adapters.sinks.nats import NatsSinkSettings
from beats.adapters.sinks.nats.sink import NatsSink
from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.adapters.sources.mqtt import MqttSourceSettings
from beats.adapters.sources.mqtt.source import MqttSource
from beats.adapters.sources.nats import NatsSourceSettings
from beats.adapters.sources.nats.source import NatsSource
from beats.adapters.sources.osc import OscSettings
from beats.adapters.sources.osc.source import OscSource
from beats.adapters.sources.websocket import WebSocketSourceSettings
from beats.adapters.sources.websocket.source import WebSocketSource
from beats.config.settings import PixelSettings
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Envelope, Frame, Peripheral
from beats.kernel.ports import Context
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.run.supervisor import Backoff
from beats.kit.bounds import queue_bounds
from beats.pictures.publishing import PixelPublisher
from beats.proto.codec import StreamCodec
from tests.adapters.sinks.websocket.support import frame, until
from tests.adapters.sinks.websocket.support import settings as websocket_settings

__all__ = ["Link", "Machine", "cancelled", "linked", "on_air", "until"]


class Machine:
    """A kernel, and all that it has put on its bus."""

    def __init__(self) -> None:
        self.kernel: Final = Kernel(StreamCodec(), options=KernelOptions(backoff=Backoff(initial_s=0.01)))
        self.seen: Final[list[Envelope]] = []
        self._changed = anyio.Event()
        self.kernel.bus.connect("frame", self._see)
        self.kernel.bus.connect("peripheral", self._see)

    def context(self, name: str) -> Context:
        """For an adapter of this kernel."""
        kernel = self.kernel
        pixels = PixelPublisher(kernel.publisher, PixelSettings())
        return Context(
            name,
            "test",
            SystemClock(),
            kernel.bus.send_control,
            kernel.commands,
            {},
            kernel.stats,
            services={PixelPublisher: pixels},
        )

    def nats_sink(self, url: str, name: str = "relay", **changes: Any) -> NatsSink:
        """Add a sink that sends to a server, and does not take much of its memory for last values."""
        few = {"last_value_max_bytes": 1 << 20}
        settings = NatsSinkSettings.model_validate({"type": "nats", "servers": (url,), **few, **changes})
        sink = NatsSink(settings, self.context(name))
        self.kernel.add_sink(name, sink, queue_bounds(settings.queue))
        return sink

    def mqtt_sink(self, port: int, name: str = "home", **changes: Any) -> MqttSink:
        """Add a sink that publishes to a broker on this machine."""
        settings = MqttSinkSettings.model_validate(
            {"type": "mqtt", "port": port, "reconnect_max_s": 0.05, **changes}
        )
        sink = MqttSink(settings, self.context(name))
        self.kernel.add_sink(name, sink, queue_bounds(settings.queue))
        return sink

    def mqtt_source(self, port: int, name: str = "room", **changes: Any) -> MqttSource:
        """Add a source that listens to a broker on this machine."""
        settings = MqttSourceSettings.model_validate(
            {"type": "mqtt", "port": port, "reconnect_max_s": 0.05, **changes}
        )
        source = MqttSource(settings, self.context(name))
        self.kernel.add_source(name, source)
        return source

    def nats_source(self, url: str, name: str = "origin", **changes: Any) -> NatsSource:
        """Add a source that listens to a server."""
        settings = NatsSourceSettings.model_validate({"type": "nats", "servers": (url,), **changes})
        source = NatsSource(settings, self.context(name))
        self.kernel.add_source(name, source)
        return source

    def osc_source(self, port: int, name: str = "desk", **changes: Any) -> OscSource:
        """Add a source that listens for OSC on this machine."""
        settings = OscSettings.model_validate({"type": "osc", "port": port, **changes})
        source = OscSource(settings, self.context(name))
        self.kernel.add_source(name, source)
        return source

    def websocket_source(self, url: str, name: str = "origin", **changes: Any) -> WebSocketSource:
        """Add a source that watches another Beats."""
        settings = WebSocketSourceSettings.model_validate({"type": "websocket", "url": url, **changes})
        source = WebSocketSource(settings, self.context(name))
        self.kernel.add_source(name, source)
        return source

    def websocket_sink(self, **changes: Any) -> WebSocketSink:
        """Add a sink that others can watch; its address is known when it runs."""
        config = websocket_settings(**changes)
        sink = WebSocketSink(config, self.context("browser"))
        self.kernel.add_sink("browser", sink, queue_bounds(config.queue))
        return sink

    def knob(self, value: object, id: str = "knob") -> int:  # noqa: A002 - the wire's own word
        """Publish an update of a peripheral."""
        return self.kernel.publisher.publish(Peripheral(id, value))

    def frame(self, size_bytes: int = 100, fill: bytes = b"x") -> int:
        """Publish a frame."""
        return self.kernel.publisher.publish(frame(size_bytes, fill))

    def bytes_of(self, topic: str) -> list[bytes]:
        """The encoded envelopes of a topic, in the order in which they came."""
        return [each.encoded for each in self.seen if each.topic == topic]

    def numbers(self, topic: str) -> list[int]:
        """The numbers of the envelopes of a topic."""
        return [each.sequence for each in self.seen if each.topic == topic]

    def values(self, topic: str = "peripheral/knob") -> list[object]:
        """The data of the updates of a topic."""
        messages = [each.message for each in self.seen if each.topic == topic]
        return [message.data for message in messages if isinstance(message, Peripheral)]

    def pictures(self) -> list[bytes]:
        """The frames."""
        return [each.message.data for each in self.seen if isinstance(each.message, Frame)]

    async def sees(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds of what was seen; the caller's `fail_after` bounds it."""
        while not condition():
            await self._changed.wait()

    async def sees_at_least(self, count: int) -> None:
        """Wait until so many envelopes were seen."""
        await self.sees(lambda: len(self.seen) >= count)

    async def sees_latest(self, latest: Mapping[str, bytes]) -> None:
        """Wait until the last envelope of each topic is this one."""
        await self.sees(lambda: {each.topic: each.encoded for each in self.seen} == latest)

    def metrics(self) -> Mapping[str, float]:
        """Those of the first sink."""
        return dict(self.kernel.stats().sinks[0].figures)

    def _see(self, envelope: Envelope) -> None:
        self.seen.append(envelope)
        self._changed.set()
        self._changed = anyio.Event()


@asynccontextmanager
async def on_air(*machines: Machine, fail_after_s: float = 30.0) -> AsyncGenerator[Any]:
    """Run some machines while the block lasts; it may last only so long."""
    with anyio.fail_after(fail_after_s):
        async with anyio.create_task_group() as group:
            for machine in machines:
                await group.start(machine.kernel.run)
            try:
                yield
            finally:
                for machine in machines:
                    machine.kernel.stop()


async def cancelled(work: Callable[..., Coroutine[Any, Any, object]], *arguments: object, steps: int) -> None:
    """Run a task, let others run so many times, and cancel it."""
    async with anyio.create_task_group() as group:
        group.start_soon(work, *arguments)
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()


class Link:
    """A way to a server on this machine, which can be cut, and held up as a bad link does."""

    def __init__(self, port: int) -> None:
        self.port = 0
        """Where it is entered."""
        self.connections = 0
        """How many have come so far."""
        self._target: Final = port
        self.tasks: Final[set[asyncio.Task[Any]]] = set()
        self._writers: Final[set[asyncio.StreamWriter]] = set()
        self._read_bytes, self._pause_s = 1 << 16, 0.0
        self._free = asyncio.Event()
        self._free.set()

    def cut(self) -> None:
        """End all connections; new ones can be made."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def hold(self) -> None:
        """Let nothing more through, without a word to anyone."""
        self._free.clear()

    def slow_down(self) -> None:
        """Let at most 400 kB a second through."""
        self._read_bytes, self._pause_s = 4096, 0.01

    def release(self) -> None:
        """Let everything through again that has waited."""
        self._free.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes, in both directions."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        self._writers.add(writer)
        await self._free.wait()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(back)
        await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(self._read_bytes):
                await self._free.wait()
                await asyncio.sleep(self._pause_s)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def linked(port: int, *, receive_buffer_bytes: int | None = None) -> AsyncGenerator[Link]:
    """A link to a port, while the block lasts; what it has not passed on waits in a buffer of this size."""
    link = Link(port)
    server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    if receive_buffer_bytes is not None:  # its connections have it, too
        server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    link.port = server.sockets[0].getsockname()[1]
    try:
        yield link
    finally:
        link.release()
        server.close()
        link.cut()
        await asyncio.gather(*link.tasks, return_exceptions=True)
