"""Listens to an MQTT broker: messages become updates of peripherals, or pictures."""

import logging
from collections.abc import Mapping
from typing import Final

import anyio

from beats.adapters.mqtt.broker import Broker
from beats.adapters.mqtt.connection import MqttConnection
from beats.adapters.mqtt.own_topics import is_own
from beats.adapters.sources.mqtt.payloads import picture_of, value_of
from beats.adapters.sources.mqtt.settings import MqttSourceSettings
from beats.kernel.envelope import Message, Peripheral
from beats.kernel.ports import Context, Publish
from beats.kit.id_template import IdTemplate, tag_of
from beats.kit.inbox import Inbox
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.publishing import PixelPublisher

log = logging.getLogger(__name__)

_MOST_REMEMBERED: Final = 10_000
"""Most topics whose last message is remembered, as a number, for the next connection."""


class MqttSource:
    """Subscribes with each connection. What the broker has kept comes first, then what is new."""

    def __init__(self, settings: MqttSourceSettings, context: Context) -> None:
        who = f"source {context.name!r}"
        self._settings: Final = settings
        self._clock: Final = context.clock
        self._pixels: Final = context.service(PixelPublisher)
        self._broker: Final = Broker(settings, who, log, on_message=self._take)
        self._reports: Final = ThrottledLog(log, who)
        self._inbox: Final = Inbox(context.name, settings.queue, context.clock, self._reports)
        self._id: Final = IdTemplate(settings.id)
        self._picture_id: Final = self._id if settings.picture is None else IdTemplate(settings.picture)
        self._tags: Final = tuple(map(tag_of, settings.tags))
        self._is_listening = False
        self._last: Final[dict[str, int]] = {}
        """The hash of each topic's last message."""
        self._messages = self._repeated = self._own = 0

    def metrics(self) -> Mapping[str, float]:
        """The state of its connection, what came, and what could not be used."""
        counts = self._reports.counts
        return {
            "connected": float(self._is_listening),
            "reconnects_total": float(self._broker.link.reconnects),
            "messages_total": float(self._messages),
            "repeated_total": float(self._repeated),
            "own_total": float(self._own),
            "unreadable_total": float(counts["unreadable messages"]),
            "oversized_total": float(counts["oversized messages"]),
            "unpublishable_total": float(counts["unusable topics"] + counts["unpublishable messages"]),
            "dropped_total": float(self._inbox.dropped),
        }

    async def run(self, publish: Publish) -> None:
        """Publish messages until cancelled.

        Raises:
            OSError, ValueError: a file of the settings cannot be used.
            MissingPackageError: a package is not installed.
            RuntimeError: the event loop is not asyncio's.
        """
        self._broker.open()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._inbox.run, publish)
                while True:
                    connection = await self._broker.connect()
                    assert connection is not None, "it tries without end"
                    try:
                        async with anyio.create_task_group() as listening:
                            listening.start_soon(self._subscribe, connection)
                            await connection.lost.wait()
                            listening.cancel_scope.cancel()
                    finally:
                        self._is_listening = False
                        await connection.close()
                    self._broker.lose(connection)
                    await self._broker.link.pause()
        finally:
            self._reports.summarise()

    async def _subscribe(self, connection: MqttConnection) -> None:
        settings = self._settings
        refused = await connection.subscribe(settings.topics, settings.qos)
        for topic in refused:
            text = f"the broker refuses the topic {topic!r}: let this user read it, or correct topics"
            self._reports.add("refused topics", text, logging.ERROR)
        self._is_listening = len(refused) < len(settings.topics)

    def _take(self, topic: str, payload: bytes, retained: bool) -> None:
        """Understand a message and queue it; never raises."""
        self._messages += 1
        settings = self._settings
        if is_own(settings.host, settings.port, topic):
            self._own += 1
            text = f"{topic!r:.80} is what the sink of this very process publishes; such topics are left out"
            self._reports.add("own messages", text, logging.INFO)
            return
        if len(payload) > settings.max_payload_bytes:
            limit = f"max_payload_bytes = {settings.max_payload_bytes:,}"
            text = f"{topic!r:.80} is left out: {len(payload):,} bytes are more than {limit}"
            self._reports.add("oversized messages", text)
            return
        if self._is_repeated(topic, payload, retained=retained):
            self._repeated += 1
            return
        try:
            message = self._message(topic, payload)
        except _UnusableTopicError as error:
            self._reports.add("unusable topics", str(error))
        except ValueError as error:
            self._reports.add("unreadable messages", f"{topic!r:.80} is left out: {error}")
        else:
            self._inbox.offer(message, self._clock.unix_ns(), payload)

    def _is_repeated(self, topic: str, payload: bytes, *, retained: bool) -> bool:
        """Whether a new connection brings a kept message once more that was the last of its topic."""
        number = hash(payload)
        is_known = self._last.get(topic) == number
        if topic in self._last or len(self._last) < _MOST_REMEMBERED:
            self._last[topic] = number
        return retained and is_known and self._broker.link.reconnects > 0

    def _message(self, topic: str, payload: bytes) -> Message:
        picture = picture_of(payload, self._pixels.settings.max_pixels)
        if picture is not None:
            return picture._replace(id=_id_of(self._picture_id, topic))
        value = value_of(payload)
        return Peripheral(_id_of(self._id, topic), value, self._tags)


class _UnusableTopicError(ValueError):
    """The template gives no id for this topic."""


def _id_of(template: IdTemplate, topic: str) -> str:
    try:
        return template.id_of(topic)
    except ValueError as error:
        raise _UnusableTopicError(str(error)) from None
