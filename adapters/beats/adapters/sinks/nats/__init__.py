"""Sink `nats`: passes the stream on to a NATS server, for any number of edges."""

from typing import Final

from beats.adapters.sinks.nats.settings import NatsSinkSettings
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=NatsSinkSettings,
    sink="beats.adapters.sinks.nats.sink:NatsSink",
    summary="Passes the stream on to a NATS server, which gives it to any number of edges",
)

__all__ = ["SINK", "NatsSinkSettings"]
