"""The settings of the source `mqtt`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from beats.adapters.mqtt.settings import MqttSettings
from beats.adapters.mqtt.topics import checked_filter
from beats.config.settings import MIB, SourceSettings
from beats.kit.connecting import InboxSettings
from beats.kit.id_template import IdTemplateText, TagText


class MqttSourceSettings(MqttSettings, SourceSettings):
    """The MQTT broker that has the messages, and which of them to take."""

    topics: Annotated[
        tuple[Annotated[str, AfterValidator(checked_filter)], ...], Field(min_length=1, max_length=256)
    ]
    """Which topics to take: each a topic, or with the wildcards `+` for a level and `#` for all that follow,
    such as "zigbee2mqtt/#"."""
    id: IdTemplateText = "{topic}"
    """Template of a peripheral's id: `{topic}` is the whole topic, `{2}` its second level, `{-1}` its last,
    `{2+}` the second and all that follow."""
    picture: IdTemplateText | None = None
    """Template of a picture's id; empty for the main picture; by default as `id`."""
    tags: tuple[TagText, ...] = ("mqtt",)
    """Tags of all updates, each NAME or NAME:VARIANT."""
    max_payload_bytes: Annotated[int, Field(ge=1, le=256 * MIB)] = 8 * MIB
    """Largest message; larger ones are left out and counted."""
    queue: InboxSettings = InboxSettings()
    """The queue between the network and the bus, for when the bus is delayed."""
