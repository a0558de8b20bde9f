"""Sink `websocket`: a server that any number of viewers connect to."""

from typing import Final

from beats.adapters.http.settings import METRICS
from beats.adapters.sinks.websocket.settings import ADJUSTABLE, WebSocketSettings
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=WebSocketSettings,
    sink="beats.adapters.sinks.websocket.sink:WebSocketSink",
    summary="a WebSocket server, for Foxglove too; every viewer gets the current state, then the live stream",
    docs="websocket",
    metrics={
        **METRICS,
        "workers": "Processes that serve viewers, with --workers.",
        "workers_running": "Processes that serve viewers and are running now.",
    },
    adjustable=ADJUSTABLE,
    env_aliases={
        "BEATS_STREAM_QUEUE_SIZE": "queue.size",
        "BEATS_STREAM_QUEUE_OVERFLOW": "queue.overflow",
        "BEATS_WEBSOCKET_BIND_HOST": "host",
        "BEATS_WEBSOCKET_ENABLED": "enabled",
        "BEATS_WEBSOCKET_HOST": "public_host",
        "BEATS_WEBSOCKET_PORT": "port",
    },
)

__all__ = ["SINK", "WebSocketSettings"]
