"""The NATS sink: sends each envelope's bytes once, however many edges subscribe."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import anyio

from beats.adapters.nats.broker import Broker
from beats.adapters.nats.connection import NatsConnection
from beats.adapters.nats.kept_values import KeptValues, UnavailableError
from beats.adapters.nats.messages import Subjects, publish_command
from beats.adapters.nats.run_id import run_id
from beats.adapters.sinks.nats.settings import NatsSinkSettings
from beats.adapters.sinks.nats.unconfirmed import Unconfirmed
from beats.kernel.envelope import Envelope
from beats.kernel.last_values import LastValues
from beats.kernel.ports import Batches, Context
from beats.kit.lost_values import with_lost_values
from beats.kit.reconnecting import deliver_over_connections
from beats.kit.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

_CHUNK_BYTES: Final = 256 * 1024
"""Most bytes written at once: meanwhile, fresher envelopes can replace waiting ones in the queue."""
_PING_PAUSE_S: Final = 0.02
"""Least time between two pings; each costs as much as sending an envelope."""
_CHECK_S: Final = 30.0
"""How often to check that the server still keeps last values."""
_CONFIRM_S: Final = 2.0
"""How long the server may take, at the end, to confirm everything."""


class NatsSink:
    """Sends envelopes while there is a server; meanwhile they wait in the queue, by its strategy.

    An envelope counts as delivered when the server has answered a ping that was sent after it. When a
    connection is lost, unconfirmed envelopes go back to the queue; edges recognise those that had arrived by
    their number.
    """

    def __init__(self, settings: NatsSinkSettings, context: Context) -> None:
        self._settings: Final = settings
        self._name: Final = context.name
        self._subjects: Final = Subjects(settings.prefix, settings.stream)
        self._last_values: Final = KeptValues(self._subjects, settings.last_value_max_bytes)
        self._origin: Final = run_id(context).encode()
        self._broker: Final = Broker(settings, f"sink {context.name!r}", log)
        self._reports: Final = ThrottledLog(log, f"sink {context.name!r}")
        self._state: Final = LastValues()
        """The last values that the server has confirmed; it forgets them when it is restarted."""
        self._owed: Final = LastValues()
        """Last values that the queue dropped, until the server has confirmed them."""
        self._is_owed_sent = True
        self._owes_state = self._has_begun = False
        self._in_hand: Sequence[Envelope] = ()
        """Envelopes that were taken and have not been sent yet."""
        self._unconfirmed: Final = Unconfirmed()
        self._too_large = 0
        self._limit_logged = 0
        self._problem_logged = ""

    def metrics(self) -> Mapping[str, float]:
        """The state of its connection, and what it could not send."""
        in_hand_bytes = sum(len(envelope.encoded) for envelope in self._in_hand)
        return {
            "connected": float(self._broker.link.is_connected),
            "reconnects_total": float(self._broker.link.reconnects),
            "oversized_total": float(self._too_large),
            "refusals_total": float(self._reports.counts["refusals"]),
            "unconfirmed_bytes": float(self._unconfirmed.bytes + in_hand_bytes),
        }

    async def run(self, queue: Batches) -> None:
        """Send until the queue ends.

        Raises:
            OSError, ValueError: a file of the settings cannot be used.
            MissingPackageError: a package is not installed.
            RuntimeError: the event loop is not asyncio's.
        """
        self._broker.open()
        if not self._has_begun:
            self._has_begun = True
            caught_up = queue.catch_up()
            queue.give_back(caught_up.batch)
            self._owe(caught_up.before)
        await deliver_over_connections(queue, self._broker, self._deliver, self._take_back)
        self._reports.summarise()
        if self._too_large:
            log.error("sink %r: %d envelopes were too large in all", self._name, self._too_large)

    def _take_back(self) -> Sequence[Envelope]:
        left = [*self._unconfirmed.take_back(), *self._in_hand]
        self._in_hand = ()
        return left

    async def _deliver(self, connection: NatsConnection, queue: Batches) -> bool:
        """Send until the connection is lost; True if the queue has ended first."""
        connection.on_refusal = self._report_refusal
        writing = anyio.Lock()
        has_ended = False
        checked = anyio.Event()
        async with anyio.create_task_group() as group:

            async def until_lost() -> None:
                await connection.lost.wait()
                group.cancel_scope.cancel()

            group.start_soon(until_lost)
            group.start_soon(self._ask, connection)
            if self._settings.last_value:
                group.start_soon(self._keep_last_values, connection, writing, checked)
            else:
                checked.set()
            try:
                self._is_owed_sent = False  # not on this connection
                await self._write_owed(connection, writing)
                async for batch in queue:
                    self._in_hand = batch
                    self._catch_up(queue)
                    for chunk in _chunks(self._in_hand):
                        async with writing:
                            self._in_hand = self._in_hand[len(chunk) :]
                            await self._write(connection, chunk)
                        queue.written(chunk)
                    await self._write_owed(connection, writing)
                    while self._unconfirmed.bytes > self._settings.queue.max_bytes:
                        await self._unconfirmed.changed()
                with anyio.move_on_after(_CONFIRM_S):
                    await checked.wait()
                    while self._unconfirmed:
                        await self._unconfirmed.changed()
                has_ended = True
            except OSError as error:
                connection.cut(str(error))
            group.cancel_scope.cancel()
        return has_ended

    def _catch_up(self, queue: Batches) -> None:
        """Note the last values that the queue dropped.

        Edges miss dropped envelopes, and see that by the numbers. But what they show afterwards must be the
        last value that was published, not an older one until the topic's next value comes.
        """
        self._in_hand, values = with_lost_values(queue, self._in_hand, queue.losses())
        self._owe(values)

    def _owe(self, values: Iterable[Envelope]) -> None:
        for value in values:
            if self._state.get(value.topic) is not value:
                self._owed[value.topic] = value
                self._is_owed_sent = False

    async def _write_owed(self, connection: NatsConnection, writing: anyio.Lock) -> None:
        if self._owed and not self._is_owed_sent:
            async with writing:
                await self._write(connection, self._owed.in_order(), is_new=False)
            self._is_owed_sent = True

    async def _write(
        self, connection: NatsConnection, envelopes: Sequence[Envelope], *, is_new: bool = True
    ) -> None:
        """Send envelopes, and wait until there is room for more.

        Raises:
            OSError: the connection is lost.
        """
        sent: list[Envelope] = []
        pieces: list[bytes] = []
        for envelope in envelopes:
            subject = self._subjects.of(envelope.topic).encode()
            head, size_bytes = publish_command(subject, self._origin, envelope)
            if size_bytes > connection.client.max_payload:
                self._report_size(envelope, size_bytes, connection.client.max_payload)
                continue
            pieces += (head, envelope.encoded, b"\r\n")
            sent.append(envelope)
        if is_new:
            self._unconfirmed.add(sent)
            for envelope in sent:
                self._owed.pop(envelope.topic, None)  # it is older
        connection.write(pieces)
        await connection.drain()

    async def _ask(self, connection: NatsConnection) -> None:
        """Ping the server to confirm what was sent and, when nothing was, that it is still there."""
        while True:
            if not self._unconfirmed:
                with anyio.move_on_after(self._settings.silence_timeout_s / 3):
                    await self._unconfirmed.changed()
            mark, owed = self._unconfirmed.mark, self._owed.in_order() if self._is_owed_sent else []
            if not await connection.answered():
                return
            self._state.note(self._unconfirmed.confirm(mark))
            for value in owed:
                if self._owed.get(value.topic) is value:
                    del self._owed[value.topic]
                    self._state.note([value])
            await anyio.sleep(_PING_PAUSE_S)

    async def _keep_last_values(
        self, connection: NatsConnection, writing: anyio.Lock, checked: anyio.Event
    ) -> None:
        """Have the server keep last values, and send it those that it lacks, such as after its restart."""
        while True:
            problem = ""
            try:
                if await self._last_values.keep(connection) == "begun":
                    self._owes_state = True
                if self._owes_state:
                    async with writing:  # or an older value could follow a newer one
                        await self._write_state(connection)
                    self._owes_state = not await connection.answered()
            except UnavailableError as error:
                problem = str(error)
            except OSError as error:
                connection.cut(str(error))
                return
            if problem and problem != self._problem_logged:
                what = "last values are not kept for edges that connect later"
                log.warning("sink %r: %s: %s; or set last_value = false", self._name, what, problem)
            self._problem_logged = problem
            checked.set()
            await anyio.sleep(_CHECK_S)

    async def _write_state(self, connection: NatsConnection) -> None:
        state = LastValues(self._state)
        state.note([*self._unconfirmed.envelopes(), *self._owed.values()])
        for chunk in _chunks(state.in_order()):
            await self._write(connection, chunk, is_new=False)

    def _report_size(self, envelope: Envelope, size_bytes: int, limit: int) -> None:
        self._too_large += 1
        if limit != self._limit_logged:
            self._limit_logged = limit
            log.error(
                "sink %r: %s number %d has %d bytes, and the server accepts %d: such envelopes are left out; "
                "raise max_payload in nats-server.conf, or make them smaller",
                self._name,
                envelope.topic,
                envelope.sequence,
                size_bytes,
                limit,
            )

    def _report_refusal(self, text: str) -> None:
        what = f"the server does not allow it: {text}; let this user publish to {self._subjects.everything}"
        self._reports.add("refusals", what, logging.ERROR)


def _chunks(envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    """Envelopes in order, in pieces small enough to write at once."""
    chunk: list[Envelope] = []
    size_bytes = 0
    for envelope in envelopes:
        chunk.append(envelope)
        size_bytes += len(envelope.encoded)
        if size_bytes >= _CHUNK_BYTES:
            yield chunk
            chunk, size_bytes = [], 0
    if chunk:
        yield chunk
