"""Sink `http`: health, metrics and counters by HTTP, for a profile without viewers."""

from typing import Final

from beats.adapters.sinks.http.settings import ADJUSTABLE, HttpSettings
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=HttpSettings,
    sink="beats.adapters.sinks.http.sink:HttpSink",
    summary="health, metrics and counters by HTTP, as the sink websocket has them, without a stream",
    adjustable=ADJUSTABLE,
)

__all__ = ["SINK", "HttpSettings"]
