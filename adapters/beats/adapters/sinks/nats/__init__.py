"""Sink `nats`: passes the stream on to a NATS server, for any number of edges."""

from typing import Final

from beats.adapters.sinks.nats.resources import resources
from beats.adapters.sinks.nats.settings import NatsSinkSettings
from beats.kernel.ports import Context, Sink, SinkKind


def build(settings: NatsSinkSettings, context: Context) -> Sink:
    """Only now is what it runs on imported: settings are read and checked without it."""
    from beats.adapters.sinks.nats.sink import NatsSink

    return NatsSink(settings, context)


SINK: Final = SinkKind(
    settings=NatsSinkSettings,
    build=build,
    summary="Passes the stream on to a NATS server, which gives it to any number of edges",
    resources=resources,
)

__all__ = ["SINK", "NatsSinkSettings", "build"]
