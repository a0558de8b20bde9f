"""Source `mqtt`: what sensors, switches and cameras publish to an MQTT broker."""

from typing import Final

from beats.adapters.sources.mqtt.settings import MqttSourceSettings
from beats.kernel.ports import SourceKind
from beats.kit.connecting import LINK_METRICS

SOURCE: Final = SourceKind(
    settings=MqttSourceSettings,
    source="beats.adapters.sources.mqtt.source:MqttSource",
    summary="What sensors, switches and cameras publish to an MQTT broker",
    docs="mqtt#from-a-broker",
    metrics={
        **LINK_METRICS,
        "messages_total": "Messages that came from the broker.",
        "repeated_total": "Kept messages that a new connection brought once more, and that were left out.",
        "own_total": "Messages of a sink of this process, which were left out.",
        "unreadable_total": "Messages whose payload is no value and no picture.",
        "oversized_total": "Messages that were left out because of max_payload_bytes.",
        "unpublishable_total": "Messages whose topic gives no id, or that the bus refused.",
        "dropped_total": "Messages that came and were dropped, because this machine's bus was held up.",
    },
)

__all__ = ["SOURCE", "MqttSourceSettings"]
