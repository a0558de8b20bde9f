"""The WebSocket sink: takes batches, frames each once, and writes the same bytes to every viewer."""

import asyncio
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint
from websockets.protocol import State

from beats.adapters.http.connection import HttpConnection
from beats.adapters.http.players.players import Players
from beats.adapters.http.server import serving
from beats.adapters.http.variants import variants_of
from beats.adapters.http.viewers import Viewers
from beats.adapters.sinks.websocket.admission import StreamAdmission
from beats.adapters.sinks.websocket.choice import StreamChoice
from beats.adapters.sinks.websocket.client import Client, ClientLimits
from beats.adapters.sinks.websocket.connection import StreamConnection
from beats.adapters.sinks.websocket.framing import chunks, framed
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.adapters.sinks.websocket.view import StreamView
from beats.kernel.capabilities import Address
from beats.kernel.envelope import Envelope
from beats.kernel.last_values import CaughtUp
from beats.kernel.ports import Batches, Context
from beats.kernel.stats import ClientStats, ClientTotals
from beats.pictures.variants import Variants

if TYPE_CHECKING:
    from beats.adapters.sinks.websocket.foxglove.channels import Channels

_CHUNKS_AT_ONCE: Final = 4
"""How many chunks are written before other tasks have their turn: viewers that read, and connections that
broke in the meantime, which asyncio logs at the fifth further write."""
_LOOKS: Final = 32
"""How often viewers are looked at during the shorter of `ping_interval_s` and `ping_timeout_s`."""
_NOTHING: Final = CaughtUp([], ())


class WebSocketSink:
    """Serves any number of viewers; none of them can delay another."""

    def __init__(self, settings: WebSocketSettings, context: Context) -> None:
        self._settings = settings
        self._context: Final = context
        self._limits = _limits(settings)
        self._viewers: Final = Viewers(context.name)
        self._variants: Final = variants_of(settings, context)
        self._players: Final = Players(context, self._viewers, self._variants)
        self._admission: Final = StreamAdmission(settings, context, self._variants, self._players)
        self._views: Final[dict[object, StreamView]] = {}
        """The views by choice; each client of Foxglove's protocol has a view of its own."""
        self._channels: Channels | None = None
        """The channels of Foxglove's protocol; made when its first client comes."""
        self._everyone: Final[set[HttpConnection]] = set()
        self.address: Address | None = None
        """Where viewers connect, once the server listens."""
        self._queue: Batches | None = None
        self._taken: list[Envelope] = []
        """Envelopes from the queue that are not yet sent to the viewers."""
        self._written_chunks = 0
        self._delivering: Final = asyncio.Lock()  # unlike anyio's, it does not wait while it is free
        """Held while a batch goes to the viewers, and while a viewer joins, so never within one."""

    def clients(self) -> tuple[ClientStats, ...]:
        """The viewers now."""
        return self._viewers.clients()

    def client_totals(self) -> ClientTotals:
        """All viewers since the start."""
        return self._viewers.totals(self._admission.refused, self._admission.rejected_tokens)

    def metrics(self) -> dict[str, float]:
        """What was encoded for viewers."""
        return self._variants.metrics()

    def adjust(self, settings: WebSocketSettings) -> None:
        """Use other limits, tokens and queues of viewers; token files are read again.

        Raises:
            OSError, ValueError: such a file cannot be used; everything stays as it was.
        """
        self._admission.adjust(settings)
        self._settings = settings
        self._variants.adjust(settings.encoder_threads, settings.max_variants)
        self._limits = _limits(settings)
        for view in self._views.values():
            view.adjust(self._limits)

    async def run(self, queue: Batches) -> None:
        """Serve until the queue ends.

        Raises:
            OSError: the address cannot be listened on, or a file of the settings cannot be read.
            RuntimeError: the event loop is not asyncio's, which the WebSocket library needs.
        """
        self._queue = queue
        try:
            await self._run(queue)
        finally:
            await self._variants.aclose()

    async def _run(self, queue: Batches) -> None:
        settings, admission = self._settings, self._admission
        async with serving(
            settings,
            admission,
            self._everyone,
            partial(StreamConnection, admission.rate_limit, admission.leave),
            self._serve,
            reuse_port=settings.reuse_port,
            send_buffer_bytes=settings.send_buffer_bytes,
            write_limit=(1, 0),  # see Client; 0 would pause an empty TLS buffer
            max_size=settings.max_message_bytes,
            select_subprotocol=admission.subprotocol,
            ping_interval=None,  # see `_keep_alive`
        ) as listening:
            encrypted = settings.tls_cert is not None
            self.address = Address(settings.public_host, listening[0][1], encrypted)
            served = self._players.served(lambda: self._settings.stall_timeout_s)
            async with served, anyio.create_task_group() as group:
                group.start_soon(self._keep_alive, settings.ping_interval_s, settings.ping_timeout_s)
                await self._stream(queue)
                group.cancel_scope.cancel()

    async def _keep_alive(self, interval_s: float, timeout_s: float) -> None:
        """Find out which viewers are no longer there, until cancelled."""
        pause_s = min(interval_s, timeout_s) / _LOOKS
        while True:
            for connection in tuple(self._everyone):
                if isinstance(connection, StreamConnection):
                    connection.keep_alive(interval_s, timeout_s)
            await anyio.sleep(pause_s)

    async def _stream(self, queue: Batches) -> None:
        last_s = -1.0
        async for batch in queue:
            interval_s = self._settings.burst_interval_s
            self._taken = [*self._taken, *batch]  # at once: a viewer that joins has it delivered first
            async with self._delivering:
                await self._deliver(queue)
            # When envelopes come fast, what comes within the interval is sent in one write: half the
            # system calls at 2,000 a second. A lone envelope, or a frame at 60 a second, never waits.
            now_s = anyio.current_time()
            if now_s - last_s < 4 * interval_s:
                await anyio.sleep(interval_s)
            last_s = now_s

    async def _deliver(self, queue: Batches) -> None:
        """Send the viewers the batches that were taken."""
        while self._taken:
            batch, self._taken = self._taken, []
            await self._send(batch, queue)

    async def _send(self, batch: list[Envelope], queue: Batches) -> None:
        for chunk in chunks(batch):
            data = framed(chunk)
            for view in self._views.values():
                view.send(chunk, data)
            self._players.offer(chunk)
            queue.written(chunk)
            self._written_chunks += 1  # counted over batches, which may follow each other without a pause
            if self._written_chunks % _CHUNKS_AT_ONCE == 0:
                await checkpoint()

    async def _catch_up(self) -> CaughtUp:
        """What a new viewer begins with, once all that was published before has gone to the others."""
        queue = self._queue
        assert queue is not None  # there are no viewers before `run`
        # The library's task runs this, and nothing cancels that task: other viewers get all of a batch.
        await self._deliver(queue)
        caught_up = queue.catch_up()
        await self._send(caught_up.batch, queue)  # not what is taken meanwhile: the new viewer gets that
        if not self._taken:
            queue.give_back(())  # nothing: all is delivered
        return caught_up

    async def _serve(self, connection: StreamConnection) -> None:
        connection.forget_handshake()
        client = await self._join(connection)
        if client is None:
            return
        view, viewers = self._views[self._key(connection)], self._viewers
        try:
            await view.receive(client, self._settings, self._context, viewers.reports)
        finally:
            connection.client = None  # what the library still does with the connection does not matter
            view.leave(client)
            if not view.clients:
                del self._views[self._key(connection)]
            viewers.leave(client)
            if connection.overflowed:
                viewers.overflowed += 1
                viewers.reports.add(
                    "clients whose queues were full",
                    f'client {connection.remote} closed: its client_queue was full (overflow = "error")',
                )
            if connection.flooded:
                viewers.flooded += 1
                viewers.reports.add(
                    "clients that sent too much",
                    f"client {connection.remote} closed: it sent more than max_messages_per_s allows",
                )
            if connection.silent:
                viewers.silent += 1
                why = f"it answered no ping within {self._settings.ping_timeout_s:g} s (ping_timeout_s)"
                viewers.reports.add("silent clients", f"client {connection.remote} closed: {why}")

    @staticmethod
    def _key(connection: StreamConnection) -> object:
        return connection.choice if connection.subprotocol is None else connection

    async def _join(self, connection: StreamConnection) -> Client | None:
        """Let a viewer have the stream; None if it has left already."""
        speaks_foxglove = connection.subprotocol is not None
        if speaks_foxglove and self._channels is None:  # in a thread: it takes as long as a frame or two
            await to_thread.run_sync(import_module, "beats.adapters.sinks.websocket.foxglove.session")
        async with self._delivering:
            catches_up = connection.choice.snapshot and not speaks_foxglove
            caught_up = await self._catch_up() if catches_up else _NOTHING
            if connection.state is State.CLOSED:
                return None  # and its variant is no longer in use
            # From here on there is no await: the last values and the stream meet exactly.
            view = self._views.get(self._key(connection))
            if view is None:
                make = self._foxglove_view if speaks_foxglove else StreamView
                view = make(connection.choice, self._variants, self._limits)
                self._views[self._key(connection)] = view
            identity = self._viewers.identify(connection.remote)
            client = view.client(identity, connection, self._context.clock, self._viewers.times)
            connection.client = client
            self._viewers.join(client)
            view.join(client, caught_up)
            return client

    def _foxglove_view(self, choice: StreamChoice, variants: Variants, limits: ClientLimits) -> StreamView:
        from beats.adapters.sinks.websocket.foxglove.channels import Channels  # most streams never need it
        from beats.adapters.sinks.websocket.foxglove.session import FoxgloveView

        if self._channels is None:
            self._channels = Channels(self._context)
        return FoxgloveView(choice, variants, limits, self._channels)


def _limits(settings: WebSocketSettings) -> ClientLimits:
    return ClientLimits(settings.client_bounds(), settings.max_age_s)
