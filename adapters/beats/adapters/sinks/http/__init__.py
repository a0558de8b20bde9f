"""Sink `http`: health, metrics and counters by HTTP, for a profile that nobody watches."""

from typing import Final

from beats.adapters.sinks.http.settings import ADJUSTABLE, HttpSettings
from beats.kernel.ports import Context, Sink, SinkKind
from beats.kernel.resources import Resources


def build(settings: HttpSettings, context: Context) -> Sink:
    """Import what runs it only now: settings are read and checked without it."""
    from beats.adapters.sinks.http.sink import HttpSink

    return HttpSink(settings, context)


def resources(settings: HttpSettings, profile: str) -> Resources:
    """Its port, and the files that its settings name."""
    return settings.resources(profile)


SINK: Final = SinkKind(
    settings=HttpSettings,
    build=build,
    summary="health, metrics and counters by HTTP, as the sink websocket has them, without a stream",
    adjustable=ADJUSTABLE,
    resources=resources,
)

__all__ = ["SINK", "HttpSettings", "build"]
