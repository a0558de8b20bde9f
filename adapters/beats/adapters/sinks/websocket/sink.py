"""The WebSocket sink: takes what waits, frames it once, writes the same bytes to every viewer."""

import logging
from itertools import count
from typing import Final

import anyio
import sniffio
from websockets.exceptions import ConnectionClosed

from beats.adapters.sinks.websocket.client import Client, Flow
from beats.adapters.sinks.websocket.connection import StreamConnection
from beats.adapters.sinks.websocket.control import InvalidControl, parse
from beats.adapters.sinks.websocket.framing import chunks, framed
from beats.adapters.sinks.websocket.server import serving
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.adapters.sinks.websocket.snapshot import Snapshot
from beats.kernel.envelope import ClientIdentity, Control, Envelope
from beats.kernel.ports import Address, Batches, Context
from beats.kernel.stats import Amount, ClientStats, ClientTotals

log = logging.getLogger(__name__)

_LINGER_S: Final = 1.0
"""How long viewers that are behind may still read when the stream has ended."""


class WebSocketSink:
    """Serves any number of viewers; none of them can delay another."""

    def __init__(self, settings: WebSocketSettings, context: Context) -> None:
        self._settings: Final = settings
        self._context: Final = context
        self._bounds: Final = settings.client_bounds()
        self._snapshot: Final = Snapshot()
        self._flow: Final = Flow()
        self._ids: Final = count(1)
        self._clients: Final[dict[int, Client]] = {}
        self._everyone: Final[set[StreamConnection]] = set()
        self._address: Address | None = None
        self._accepted = self._stalled = self._overflowed = 0
        self._gone_delivered = self._gone_dropped = Amount()

    @property
    def address(self) -> Address | None:
        """Where viewers connect, once the server listens."""
        return self._address

    def clients(self) -> tuple[ClientStats, ...]:
        """The viewers now."""
        return tuple(client.stats() for client in tuple(self._clients.values()))

    def client_totals(self) -> ClientTotals:
        """All viewers since the start."""
        delivered, dropped = self._gone_delivered, self._gone_dropped
        for client in self.clients():
            delivered = delivered.plus(client.queue.taken)
            dropped = dropped.plus(client.queue.dropped)
        return ClientTotals(
            len(self._clients), self._accepted, self._stalled, self._overflowed, delivered, dropped
        )

    async def run(self, queue: Batches) -> None:
        """Serve until the queue ends.

        Raises:
            OSError: the address cannot be listened on.
            RuntimeError: the event loop is not asyncio's, which the WebSocket library needs.
        """
        if sniffio.current_async_library() != "asyncio":
            raise RuntimeError("the websocket sink runs on asyncio only: run Beats with that back end")
        async with serving(self._settings, self._serve, self._everyone) as port:
            self._address = Address(self._settings.public_host, port)
            log.info("sink %r: on air at ws://%s:%d", self._context.name, *self._address)
            async with anyio.create_task_group() as group:
                group.start_soon(self._close_stalled)
                async for batch in queue:
                    self._fan_out(batch)
                await self._linger()
                group.cancel_scope.cancel()

    def _fan_out(self, batch: list[Envelope]) -> None:
        for chunk in chunks(batch):
            data = framed(chunk)
            for client in self._clients.values():
                client.deliver(chunk, data)
            self._flow.items += len(chunk)
            self._flow.bytes += sum(len(envelope.encoded) for envelope in chunk)
        self._snapshot.update(batch)

    async def _serve(self, connection: StreamConnection) -> None:
        identity = ClientIdentity(self._context.name, next(self._ids), connection.remote)
        client = Client(identity, connection, self._bounds, self._flow, self._context.clock.unix_ns())
        connection.client = client
        # From here to the first await nothing can be fanned out: the snapshot and the stream meet exactly.
        client.start(self._snapshot.envelopes())
        self._clients[identity.id] = client
        self._accepted += 1
        log.debug("sink %r: client %s connected", self._context.name, identity.remote)
        try:
            async for message in connection:
                self._command(client, message)
        except ConnectionClosed:
            pass  # how it ended is the client's business
        finally:
            del self._clients[identity.id]
            self._account_for(client)
            log.debug("sink %r: client %s left", self._context.name, identity.remote)

    def _account_for(self, client: Client) -> None:
        client.end()
        stats = client.stats().queue
        self._gone_delivered = self._gone_delivered.plus(stats.taken)
        self._gone_dropped = self._gone_dropped.plus(stats.dropped)
        self._overflowed += client.overflowed

    def _command(self, client: Client, message: str | bytes) -> None:
        try:
            command, fields = parse(message, self._settings.emojis)
        except InvalidControl as error:
            client.invalid_messages += 1
            log.log(
                logging.WARNING if client.invalid_messages == 1 else logging.DEBUG,
                "sink %r: message %d from client %s ignored: %s",
                self._context.name,
                client.invalid_messages,
                client.identity.remote,
                error,
            )
        else:
            self._context.control(Control(command, fields, client.identity))

    async def _close_stalled(self) -> None:
        """Cut off viewers whose sockets accept nothing.

        The library's keepalive cannot: its ping waits behind the full buffer, outside its time limit.
        """
        timeout_s = self._settings.stall_timeout_s
        while True:
            await anyio.sleep(min(1.0, timeout_s / 4))
            for client in tuple(self._clients.values()):
                if client.stalled(timeout_s):
                    self._stalled += 1
                    log.warning(
                        "sink %r: client %s closed: its socket accepted no byte for %g s",
                        self._context.name,
                        client.identity.remote,
                        timeout_s,
                    )
                    client.connection.abort()

    async def _linger(self) -> None:
        with anyio.move_on_after(_LINGER_S):
            # Once, at the end, for the buffers of many clients: not worth an event in each.
            while not all(client.drained for client in self._clients.values()):  # noqa: ASYNC110
                await anyio.sleep(0.01)
