"""Source `nats`: the stream of another machine, by way of a NATS server."""

from typing import Final

from beats.adapters.sources.nats.settings import NatsSourceSettings
from beats.kernel.ports import SourceKind
from beats.kit.connecting import STREAM_METRICS

SOURCE: Final = SourceKind(
    settings=NatsSourceSettings,
    source="beats.adapters.sources.nats.source:NatsSource",
    summary="The stream of another machine by way of a NATS server, with its numbers and times",
    docs="relay",
    metrics=STREAM_METRICS,
)

__all__ = ["SOURCE", "NatsSourceSettings"]
