"""The NATS source: publishes an origin's envelopes on this machine's bus, with their numbers and times."""

import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack, nullcontext
from typing import TYPE_CHECKING, Final

import anyio

from beats.adapters.nats.broker import Broker
from beats.adapters.nats.connection import NatsConnection
from beats.adapters.nats.forwarder import Forwarder
from beats.adapters.nats.kept_values import KeptValues, UnavailableError
from beats.adapters.nats.messages import Subjects, headers_of
from beats.adapters.nats.run_id import RunFilter, run_id
from beats.adapters.sources.nats.settings import NatsSourceSettings
from beats.kernel.envelope import Sealed, topic_of
from beats.kernel.ports import Context, Publish
from beats.kit.throttled_log import ThrottledLog
from beats.proto.codec import OPEN_CODEC

if TYPE_CHECKING:  # the package comes with an extra
    from nats.aio.msg import Msg

log = logging.getLogger(__name__)

_STATE_S: Final = 1.0
"""How long live messages wait for the last values."""
_OVERLAP_S: Final = 1.0
"""How long last values are read beside live messages."""


class NatsSource:
    """Subscribes first and then reads the last values, so that nothing is missing in between."""

    def __init__(self, settings: NatsSourceSettings, context: Context) -> None:
        self._settings: Final = settings
        self._subjects: Final = Subjects(settings.prefix, settings.stream)
        self._last_values: Final = KeptValues(self._subjects)
        self._broker: Final = Broker(settings, f"source {context.name!r}", log)
        self._reports: Final = ThrottledLog(log, f"source {context.name!r}")
        self._own_run: Final = run_id(context)
        self._runs: Final = RunFilter()
        self._is_listening = False
        self._forwarder: Final = Forwarder(
            context.name, settings.queue, context.clock, self._reports, self._understand
        )

    def metrics(self) -> Mapping[str, float]:
        """The state of its connection, and what was missed or ignored."""
        return {
            "connected": float(self._is_listening),
            "reconnects_total": float(self._broker.link.reconnects),
            **self._forwarder.metrics(),
        }

    async def run(self, publish: Publish) -> None:
        """Publish messages until cancelled.

        Raises:
            OSError, ValueError: a file of the settings cannot be used.
            MissingPackageError: a package is not installed.
            ConnectionError: envelopes published here come back from the server.
            RuntimeError: the event loop is not asyncio's.
        """
        self._broker.open()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._forwarder.run, publish)
                while True:
                    connection = await self._broker.connect()
                    assert connection is not None, "it tries without end"
                    try:
                        await self._listen(connection, publish)
                    finally:
                        self._is_listening = False
                        await connection.close()
                    self._broker.lose(connection)
        finally:
            self._reports.summarise()

    async def _listen(self, connection: NatsConnection, publish: Publish) -> None:
        """Listen until the connection is lost."""

        def refused(text: str) -> None:
            what = f"not allowed ({text}): let this user subscribe to {self._subjects.everything}"
            self._reports.add("refusals", what, logging.ERROR)
            if "subscription" in text:  # the server does not reconsider within this connection
                connection.cut("it may not listen")

        connection.on_refusal = refused
        connection.before_reading(self._forwarder.make_way)
        async with anyio.create_task_group() as group:

            async def until_lost() -> None:
                # Beside the ping, which would go on waiting for an answer that cannot come.
                await connection.lost.wait()
                group.cancel_scope.cancel()

            async def ask() -> None:
                is_there = True
                while is_there:
                    await anyio.sleep(self._settings.silence_timeout_s / 3)
                    is_there = await connection.answered()

            group.start_soon(until_lost)
            group.start_soon(ask)
            late: dict[str, Msg] = {}
            async with AsyncExitStack() as stack:
                # An edge that reconnects has last values already. Live messages are fresher, and do not wait
                # for the rest: with a slow server that takes a second.
                is_new = not self._broker.link.reconnects
                self._forwarder.begin()
                with self._forwarder.held() if is_new else nullcontext():
                    await connection.subscribe(self._subjects.everything, self._on_message)
                    await connection.answered()  # perhaps before the library has subscribed
                    await connection.answered()
                    await self._publish_last(await self._read_last(connection, stack, late), publish)
                self._is_listening = True
                await anyio.sleep(_OVERLAP_S)
            for message in late.values():
                topic = self._subjects.topic(message.subject)
                # For other subjects, an older message may still be on its way.
                if topic is not None and not self._forwarder.has_arrived(topic):
                    await self._on_message(message)
            await anyio.sleep_forever()

    async def _read_last(
        self, connection: NatsConnection, stack: AsyncExitStack, late: "dict[str, Msg]"
    ) -> "list[Msg]":
        """The last values; until the stack is unwound, those that the server keeps later go to `late`."""

        async def note(message: "Msg") -> None:
            late[message.subject] = message

        try:
            with anyio.fail_after(_STATE_S):
                return await stack.enter_async_context(self._last_values.read(connection, note))
        except (UnavailableError, TimeoutError) as error:
            why = str(error) or f"no answer within {_STATE_S:g} s"
            self._reports.add("starts without state", f"no last values to begin with: {why}", logging.INFO)
            return []

    async def _publish_last(self, messages: "list[Msg]", publish: Publish) -> None:
        """Publish the last values of the newest run; those of earlier runs are out of date."""
        read = [(headers_of(each.headers).origin, found) for each in messages if (found := self._read(each))]
        if read and self._follow(read[-1][0]):
            state = [found for origin, found in read if origin == self._runs.current]
            state.sort(key=lambda found: found.kind != "frame")
            await self._forwarder.bring_state(publish, state)

    async def _on_message(self, message: "Msg") -> None:
        headers = headers_of(message.headers)
        if headers.origin == self._own_run:
            return
        topic = self._subjects.topic(message.subject) or message.subject
        if headers.origin == self._runs.current and self._forwarder.numbering.is_old(topic, headers.sequence):
            self._forwarder.repeated += 1
            return
        self._forwarder.arrived(self._subjects.kind(message.subject), topic, message.data, message)

    def _understand(self, message: "Msg") -> Sealed | None:
        """The envelope in a message; None when its run is not followed."""
        found = self._read(message)
        return found if found is not None and self._follow(headers_of(message.headers).origin) else None

    def _follow(self, run: str) -> bool:
        """Whether to publish the envelopes of a run of the origin. Notes when a new run begins."""
        answer = self._runs.hear(run, anyio.current_time())
        if answer in ("new", "resumed"):
            self._forwarder.numbering.begin_run(is_known=answer == "resumed")
            what = "the origin was restarted; numbers go on from where they were"
            self._reports.add("runs", what, logging.INFO)
        elif answer == "other":
            what = "another origin sends to this stream and is ignored: give each its own `stream`"
            self._reports.add("messages of another origin", what)
        return answer != "other"

    def _read(self, message: "Msg") -> Sealed | None:
        """The envelope in a message; None when there is none, or when its topic has another subject."""
        why = ""
        try:
            found = OPEN_CODEC.decode(message.data)
        except ValueError as error:
            why = str(error)
        else:
            topic = topic_of(found.message)
            if self._subjects.of(topic) == message.subject:
                return found
            why = f"it holds an envelope of {topic!r:.80}"
        self._reports.add("unreadable messages", f"{message.subject!r:.80}: {why}")
        return None
