"""Passes the stream on to an MQTT broker."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import anyio

from beats.adapters.mqtt.broker import Broker
from beats.adapters.mqtt.connection import MqttConnection
from beats.adapters.mqtt.own_topics import OwnTopics
from beats.adapters.mqtt.topics import Topics
from beats.adapters.sinks.mqtt.discovery import Discovery
from beats.adapters.sinks.mqtt.payloads import Message, json_of
from beats.adapters.sinks.mqtt.pictures import Pictures, oversized
from beats.adapters.sinks.mqtt.settings import MqttSinkSettings
from beats.kernel.envelope import Envelope
from beats.kernel.ports import Batches, Context
from beats.kit.lost_values import with_lost_values
from beats.kit.reconnecting import deliver_over_connections
from beats.kit.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

_CHUNK: Final = 16
"""Most updates that are on their way at once: with a QoS above 0 each takes a round trip to the broker."""
_LAST_S: Final = 2.0
"""How long the broker may take, at the end, for the last pictures."""


class MqttSink:
    """Publishes while there is a broker; meanwhile updates wait in the queue, by its strategy.

    An update counts as delivered when it was written or, with a QoS above 0, when the broker has confirmed
    it. When a connection is lost, the others go back to the queue. What the broker keeps for late subscribers
    is published again with each connection, since the broker may have been restarted.
    """

    def __init__(self, settings: MqttSinkSettings, context: Context) -> None:
        self._settings: Final = settings
        topics = self._topics = Topics(settings.prefix)
        self._broker: Final = Broker(settings, f"sink {context.name!r}", log, status_topic=topics.status)
        prefixes = (settings.prefix, *([settings.discovery_prefix] if settings.discovery else []))
        self._own_topics: Final = OwnTopics(settings.host, settings.port, prefixes)
        self._reports: Final = ThrottledLog(log, f"sink {context.name!r}")
        self._discovery: Final = Discovery(settings, topics, self._reports) if settings.discovery else None
        self._pictures: Final = Pictures(settings, topics, self._discovery, self._reports)
        self._in_hand: Sequence[Envelope] = ()
        """Envelopes that were taken and are not delivered yet."""
        self._published = 0

    def metrics(self) -> Mapping[str, float]:
        """The state of its connection, what was published, and what could not be."""
        return {
            "connected": float(self._broker.link.is_connected),
            "reconnects_total": float(self._broker.link.reconnects),
            "updates_published_total": float(self._published),
            "pictures_published_total": float(self._pictures.published),
            "pictures_skipped_total": float(self._pictures.skipped),
            "pictures_unreadable_total": float(self._reports.counts["unreadable pictures"]),
            "oversized_total": float(self._reports.counts["oversized messages"]),
        }

    async def run(self, queue: Batches) -> None:
        """Publish until the queue ends.

        Raises:
            OSError, ValueError: a file of the settings cannot be used.
            MissingPackageError: a package is not installed.
            RuntimeError: the event loop is not asyncio's.
        """
        self._broker.open()
        await deliver_over_connections(queue, self._broker, self._deliver, self._take_back)
        self._reports.summarise()

    def _take_back(self) -> Sequence[Envelope]:
        left, self._in_hand = self._in_hand, ()
        return left

    async def _deliver(self, connection: MqttConnection, queue: Batches) -> bool:
        """Publish until the connection is lost; True if the queue has ended first."""
        has_ended = False
        async with anyio.create_task_group() as group:

            async def until_lost() -> None:
                await connection.lost.wait()
                group.cancel_scope.cancel()

            group.start_soon(until_lost)
            if self._settings.pictures:
                group.start_soon(self._pictures.run, connection)
            if self._discovery is not None:
                self._discovery.forget()
            caught_up = queue.catch_up()
            self._in_hand = caught_up.batch
            await self._publish_values(connection, caught_up.before)
            await self._publish_in_hand(connection, queue)
            async for batch in queue:
                # What is kept must become the last value also when the queue has dropped it.
                self._in_hand, lost = with_lost_values(queue, batch, queue.losses())
                await self._publish_in_hand(connection, queue)
                await self._publish_values(connection, lost)
            with anyio.move_on_after(_LAST_S):
                await self._pictures.flush(connection)
            has_ended = True
            group.cancel_scope.cancel()
        return has_ended

    async def _publish_in_hand(self, connection: MqttConnection, queue: Batches) -> None:
        while self._in_hand:
            chunk, left = self._in_hand[:_CHUNK], self._in_hand[_CHUNK:]
            await self._publish(connection, chunk)
            self._in_hand = left
            queue.written(chunk)

    async def _publish_values(self, connection: MqttConnection, values: Sequence[Envelope]) -> None:
        for begin in range(0, len(values), _CHUNK):
            await self._publish(connection, values[begin : begin + _CHUNK])

    async def _publish(self, connection: MqttConnection, envelopes: Sequence[Envelope]) -> None:
        """Publish a chunk; returns when all is delivered, and never if the connection is lost."""
        messages: list[Message] = []
        published = 0
        for envelope in envelopes:
            if envelope.kind == "peripheral":
                found = self._messages(envelope)
                published += bool(found)
                messages += found
            elif self._settings.pictures:
                self._pictures.offer(envelope)
        async with anyio.create_task_group() as group:  # its tasks begin in this order
            for message in messages:
                group.start_soon(connection.publish, *message, self._settings.qos)
        self._published += published

    def _messages(self, envelope: Envelope) -> list[Message]:
        """An update and, before it, what announces it; nothing if it is too large."""
        payload = json_of(envelope)
        if len(payload) > self._settings.max_payload_bytes:
            self._reports.add("oversized messages", oversized(envelope, len(payload), self._settings))
            return []
        announced = self._discovery.of_update(envelope, payload) if self._discovery else []
        return [*announced, Message(self._topics.of(envelope.topic), payload)]
