"""Sink `mqtt`: publishes updates, and pictures if wished, to an MQTT broker, such as Home Assistant's."""

from typing import Final

from beats.adapters.sinks.mqtt.settings import MqttSinkSettings
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=MqttSinkSettings,
    sink="beats.adapters.sinks.mqtt.sink:MqttSink",
    summary="Publishes updates, and pictures if wished, to an MQTT broker, such as Home Assistant's",
)

__all__ = ["SINK", "MqttSinkSettings"]
