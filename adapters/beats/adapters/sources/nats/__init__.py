"""Source `nats`: the stream of another machine, by way of a NATS server."""

from typing import Final

from beats.adapters.sources.nats.resources import resources
from beats.adapters.sources.nats.settings import NatsSourceSettings
from beats.kernel.ports import Context, Source, SourceKind


def build(settings: NatsSourceSettings, context: Context) -> Source:
    """Only now is what it runs on imported: settings are read and checked without it."""
    from beats.adapters.sources.nats.source import NatsSource

    return NatsSource(settings, context)


SOURCE: Final = SourceKind(
    settings=NatsSourceSettings,
    build=build,
    summary="The stream of another machine by way of a NATS server, with its numbers and times",
    resources=resources,
)

__all__ = ["SOURCE", "NatsSourceSettings", "build"]
