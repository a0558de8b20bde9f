"""The NATS source: puts an origin's envelopes on this machine's bus, with their numbers and times."""

import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack, nullcontext
from typing import TYPE_CHECKING, Final

import anyio

from beats.adapters.nats.broker import Broker
from beats.adapters.nats.connection import Connection
from beats.adapters.nats.forwarder import Forwarder
from beats.adapters.nats.headers import place_of
from beats.adapters.nats.kept_values import KeptValues, UnavailableError
from beats.adapters.nats.origins import Origins
from beats.adapters.nats.run_id import run_of
from beats.adapters.nats.subjects import Subjects
from beats.adapters.sources.nats.settings import NatsSourceSettings
from beats.kernel.envelope import FRAME_TOPIC, Sealed, topic_of
from beats.kernel.ports import Context, Publish
from beats.kit.throttled_log import ThrottledLog
from beats.proto.codec import OPEN_CODEC

if TYPE_CHECKING:  # the package comes with an extra
    from nats.aio.msg import Msg

log = logging.getLogger(__name__)

_STATE_S: Final = 1.0
"""How long what is live waits for what was last."""
_OVERLAP_S: Final = 1.0
"""How long what is kept is heard beside what is live."""


class NatsSource:
    """Listens first and then asks for what was last, so that nothing is missing between the two."""

    def __init__(self, settings: NatsSourceSettings, context: Context) -> None:
        self._settings: Final = settings
        self._subjects: Final = Subjects(settings.prefix, settings.stream)
        self._last_values: Final = KeptValues(self._subjects)
        self._broker: Final = Broker(settings, f"source {context.name!r}", log)
        self._reports: Final = ThrottledLog(log, f"source {context.name!r}")
        self._own_run: Final = run_of(context)
        self._origins: Final = Origins()
        self._is_listening = False
        self._forwarder: Final = Forwarder(
            context.name, settings.queue, context.clock, self._reports, self._understand
        )

    def metrics(self) -> Mapping[str, float]:
        """How well it hears the origin."""
        counts = self._reports.counts
        return {
            "connected": float(self._is_listening),
            "reconnects_total": float(self._broker.link.reconnects),
            "missed_total": float(self._forwarder.missed),
            "repeated_total": float(self._forwarder.repeated),
            "dropped_total": float(self._forwarder.stats().dropped.items),
            "unreadable_total": float(counts["unreadable messages"]),
        }

    async def run(self, publish: Publish) -> None:
        """Listen for ever.

        Raises:
            OSError, ValueError: a file of the settings cannot be used.
            MissingPackageError: a package is not installed.
            ConnectionError: what is put on the bus here comes back.
            RuntimeError: the event loop is not asyncio's.
        """
        self._broker.open()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._forwarder.run, publish)
                while True:
                    connection = await self._broker.connect()
                    assert connection is not None, "it tries for ever"
                    try:
                        await self._listen(connection, publish)
                    finally:
                        self._is_listening = False
                        await connection.close()
                    self._broker.lose(connection)
        finally:
            self._reports.summarise()

    async def _listen(self, connection: Connection, publish: Publish) -> None:
        """Listen until the connection is lost."""

        def refused(text: str) -> None:
            what = f"not allowed ({text}): let this user subscribe to {self._subjects.everything}"
            self._reports.add("refusals", what, logging.ERROR)
            if "subscription" in text:  # the server will not change its mind within this connection
                connection.cut("it may not listen")

        connection.on_refusal = refused
        connection.before_reading(self._forwarder.make_way)
        async with anyio.create_task_group() as group:

            async def until_lost() -> None:
                # Beside the question, whose answer would be waited for although it cannot come any more.
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
                # An edge that was here before has a state. What is live is fresher, and does not wait for the
                # rest of it: over a long way to the server that is a second.
                is_new = not self._broker.link.reconnects
                self._forwarder.begin()
                with self._forwarder.held() if is_new else nullcontext():
                    await connection.subscribe(self._subjects.everything, self._heard)
                    await connection.answered()  # perhaps before the library has asked for messages
                    await connection.answered()
                    await self._bring_state(await self._read_last(connection, stack, late), publish)
                self._is_listening = True
                await anyio.sleep(_OVERLAP_S)
            for message in late.values():
                topic = self._subjects.topic(message.subject)
                # Of others, something older may still be on its way.
                if topic is not None and not self._forwarder.has_arrived(topic):
                    await self._heard(message)
            await anyio.sleep_forever()

    async def _read_last(
        self, connection: Connection, stack: AsyncExitStack, late: "dict[str, Msg]"
    ) -> "list[Msg]":
        """What was last; what the server keeps only later is noted, until the stack is unwound."""

        async def note(message: "Msg") -> None:
            late[message.subject] = message

        try:
            with anyio.fail_after(_STATE_S):
                return await stack.enter_async_context(self._last_values.read(connection, note))
        except (UnavailableError, TimeoutError) as error:
            why = str(error) or f"no answer within {_STATE_S:g} s"
            self._reports.add("starts without state", f"no last values to begin with: {why}", logging.INFO)
            return []

    async def _bring_state(self, messages: "list[Msg]", publish: Publish) -> None:
        """Put on the bus what was last of the newest run: what is left of another one is nobody's state."""
        read = [(place_of(each.headers).origin, found) for each in messages if (found := self._read(each))]
        if read and self._follow(read[-1][0]):
            state = [found for origin, found in read if origin == self._origins.current]
            state.sort(key=lambda found: topic_of(found.message) != FRAME_TOPIC)
            await self._forwarder.bring_state(publish, state)

    async def _heard(self, message: "Msg") -> None:
        place = place_of(message.headers)
        if place.origin == self._own_run:
            return
        topic = self._subjects.topic(message.subject) or message.subject
        if place.origin == self._origins.current and self._forwarder.numbering.is_old(topic, place.sequence):
            self._forwarder.repeated += 1
            return
        self._forwarder.arrived(
            "frame" if topic == FRAME_TOPIC else "peripheral", topic, message.data, message
        )

    def _understand(self, message: "Msg") -> Sealed | None:
        """The envelope in a message of the run that is followed."""
        found = self._read(message)
        return found if found is not None and self._follow(place_of(message.headers).origin) else None

    def _follow(self, run: str) -> bool:
        """Whether an envelope is of the run that is followed, which may be a new one from here on."""
        answer = self._origins.hear(run, anyio.current_time())
        if answer in ("new", "resumed"):
            self._forwarder.numbering.begin_run(is_known=answer == "resumed")
            what = "the origin was started anew; numbers go on from where they were"
            self._reports.add("runs", what, logging.INFO)
        elif answer == "other":
            what = "another origin sends to this stream, and is passed over: give each its own `stream`"
            self._reports.add("messages of another origin", what)
        return answer != "other"

    def _read(self, message: "Msg") -> Sealed | None:
        """The envelope in a message; None when there is none, or it is at the wrong place."""
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
