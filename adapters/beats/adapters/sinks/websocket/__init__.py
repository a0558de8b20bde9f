"""Sink `websocket`: a server that any number of viewers connect to."""

from typing import Final

from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.adapters.sinks.websocket.sink import WebSocketSink
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=WebSocketSettings,
    build=WebSocketSink,
    summary="a WebSocket server; every viewer gets the current state, then the live stream",
)

__all__ = ["SINK", "WebSocketSettings", "WebSocketSink"]
