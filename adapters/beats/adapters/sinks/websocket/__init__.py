"""Sink `websocket`: a server that any number of viewers connect to."""

from typing import Final

from beats.adapters.sinks.websocket.resources import resources
from beats.adapters.sinks.websocket.settings import ADJUSTABLE, WebSocketSettings
from beats.kernel.ports import Context, Sink, SinkKind


def build(settings: WebSocketSettings, context: Context) -> Sink:
    """Only now is what it runs on imported: settings are read and checked without it."""
    from beats.adapters.sinks.websocket.sink import WebSocketSink

    return WebSocketSink(settings, context)


SINK: Final = SinkKind(
    settings=WebSocketSettings,
    build=build,
    summary="a WebSocket server; every viewer gets the current state, then the live stream",
    adjustable=ADJUSTABLE,
    resources=resources,
)

__all__ = ["SINK", "WebSocketSettings", "build"]
