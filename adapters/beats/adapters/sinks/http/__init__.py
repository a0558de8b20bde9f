"""Sink `http`: health, metrics, counters and pictures by HTTP, for a profile without the sink `websocket`."""

from typing import Final

from beats.adapters.http.settings import METRICS
from beats.adapters.sinks.http.settings import ADJUSTABLE, HttpSettings
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=HttpSettings,
    sink="beats.adapters.sinks.http.sink:HttpSink",
    summary="health, metrics and counters by HTTP, and pictures for any player, without a WebSocket stream",
    docs="players#without-the-sink-websocket",
    metrics=METRICS,
    adjustable=ADJUSTABLE,
)

__all__ = ["SINK", "HttpSettings"]
