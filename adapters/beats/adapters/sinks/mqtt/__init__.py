"""Sink `mqtt`: publishes updates, and pictures if wished, to an MQTT broker, such as Home Assistant's."""

from typing import Final

from beats.adapters.sinks.mqtt.settings import MqttSinkSettings
from beats.kernel.ports import SinkKind
from beats.kit.connecting import LINK_METRICS

SINK: Final = SinkKind(
    settings=MqttSinkSettings,
    sink="beats.adapters.sinks.mqtt.sink:MqttSink",
    summary="Publishes updates, and pictures if wished, to an MQTT broker, such as Home Assistant's",
    docs="mqtt",
    metrics={
        **LINK_METRICS,
        "updates_published_total": "Updates of peripherals that were published.",
        "pictures_published_total": "Pictures that were published.",
        "pictures_skipped_total": "Pictures that were left out because a newer one came before their turn.",
        "pictures_unreadable_total": "Frames that could not be made into pictures to publish.",
        "oversized_total": "Messages that were larger than the broker takes, and lost.",
    },
)

__all__ = ["SINK", "MqttSinkSettings"]
