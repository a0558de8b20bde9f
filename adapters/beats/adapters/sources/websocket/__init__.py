"""Source `websocket`: the stream of another Beats, from the port that its viewers connect to."""

from typing import Final

from beats.adapters.sources.websocket.settings import WebSocketSourceSettings
from beats.kernel.ports import SourceKind
from beats.kit.connecting import STREAM_METRICS

SOURCE: Final = SourceKind(
    settings=WebSocketSourceSettings,
    source="beats.adapters.sources.websocket.source:WebSocketSource",
    summary="The stream of another Beats, watched as any viewer does, with its numbers and times",
    docs="relay#without-a-server",
    metrics=STREAM_METRICS,
)

__all__ = ["SOURCE", "WebSocketSourceSettings"]
