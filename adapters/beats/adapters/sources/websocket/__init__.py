"""Source `websocket`: the stream of another Beats, from the port that its viewers connect to."""

from typing import Final

from beats.adapters.sources.websocket.resources import resources
from beats.adapters.sources.websocket.settings import WebSocketSourceSettings
from beats.kernel.ports import Context, Source, SourceKind


def build(settings: WebSocketSourceSettings, context: Context) -> Source:
    """Only now is what it runs on imported: settings are read and checked without it."""
    from beats.adapters.sources.websocket.source import WebSocketSource

    return WebSocketSource(settings, context)


SOURCE: Final = SourceKind(
    settings=WebSocketSourceSettings,
    build=build,
    summary="The stream of another Beats, watched as any viewer does, with its numbers and times",
    resources=resources,
)

__all__ = ["SOURCE", "WebSocketSourceSettings", "build"]
