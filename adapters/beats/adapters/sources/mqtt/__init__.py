"""Source `mqtt`: what sensors, switches and cameras publish to an MQTT broker."""

from typing import Final

from beats.adapters.sources.mqtt.settings import MqttSourceSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=MqttSourceSettings,
    source="beats.adapters.sources.mqtt.source:MqttSource",
    summary="What sensors, switches and cameras publish to an MQTT broker",
)

__all__ = ["SOURCE", "MqttSourceSettings"]
