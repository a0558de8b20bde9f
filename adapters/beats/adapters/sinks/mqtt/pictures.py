"""Publishes pictures as JPEG: the newest of each, and not too often."""

from typing import Final, cast

import anyio

from beats.adapters.mqtt.connection import MqttConnection
from beats.adapters.mqtt.topics import Topics
from beats.adapters.sinks.mqtt.discovery import Discovery
from beats.adapters.sinks.mqtt.settings import MqttSinkSettings
from beats.kernel.envelope import Envelope, Frame
from beats.kit.offload import in_a_thread
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.errors import PictureError

_JPEG: Final = "image/jpeg"


class Pictures:
    """One picture of each topic waits; a newer one takes its place."""

    def __init__(
        self, settings: MqttSinkSettings, topics: Topics, discovery: Discovery | None, reports: ThrottledLog
    ) -> None:
        self.published = 0
        """How many were published."""
        self.skipped = 0
        """How many were not, because a newer one had come before it was their turn."""
        self._settings: Final = settings
        self._topics: Final = topics
        self._discovery: Final = discovery
        self._reports: Final = reports
        self._waiting: Final[dict[str, Envelope]] = {}
        self._changed = anyio.Event()
        self._turn: Final = anyio.Lock()

    def offer(self, envelope: Envelope) -> None:
        """Have a picture published soon, unless a newer one comes before that."""
        before = self._waiting.get(envelope.topic)
        if before is not None and before is not envelope:
            self.skipped += 1
        self._waiting[envelope.topic] = envelope
        self._changed.set()

    async def run(self, connection: MqttConnection) -> None:
        """Publish pictures as they come, each at most `fps` times a second, until cancelled."""
        while True:
            await self._changed.wait()
            await self.flush(connection)
            await anyio.sleep(1 / self._settings.fps)

    async def flush(self, connection: MqttConnection) -> None:
        """Publish the pictures that wait."""
        async with self._turn:
            self._changed = anyio.Event()
            for topic in tuple(self._waiting):
                await self._publish(connection, self._waiting.pop(topic))

    async def _publish(self, connection: MqttConnection, envelope: Envelope) -> None:
        try:
            data = await self._jpeg(cast("Frame", envelope.message))
        except PictureError as error:
            self._reports.add("unreadable pictures", f"{envelope.topic}: {error}")
            return
        if len(data) > self._settings.max_payload_bytes:
            self._reports.add("oversized messages", oversized(envelope, len(data), self._settings))
            return
        for message in self._discovery.of_picture(envelope.topic) if self._discovery else ():
            await connection.publish(*message, self._settings.qos)
        await connection.publish(self._topics.of(envelope.topic), data, self._settings.qos)
        self.published += 1

    async def _jpeg(self, frame: Frame) -> bytes:
        settings = self._settings
        is_small = settings.max_width is None or 0 < frame.width <= settings.max_width
        if frame.media_type == _JPEG and is_small:
            return frame.data
        # Imported when the first picture is encoded: most brokers get none.
        from beats.pictures.encoders import transcode

        return await in_a_thread(
            transcode, frame.data, frame.media_type, "jpeg", settings.quality, settings.max_width
        )


def oversized(envelope: Envelope, size_bytes: int, settings: MqttSinkSettings) -> str:
    """What to say of a message that is left out because of its size."""
    return (
        f"{envelope.topic} number {envelope.sequence} has {size_bytes} bytes and is left out: raise "
        f"max_payload_bytes ({settings.max_payload_bytes}) if the broker allows it, or make it smaller"
    )
