"""Sink `recorder`: everything that was published, exactly, in MCAP files."""

from typing import Final

from beats.adapters.sinks.recorder.resources import resources
from beats.adapters.sinks.recorder.settings import ADJUSTABLE, RecorderSettings
from beats.kernel.ports import Context, Sink, SinkKind


def build(settings: RecorderSettings, context: Context) -> Sink:
    """Only now is what it runs on imported: settings are read and checked without it."""
    from beats.adapters.sinks.recorder.sink import RecorderSink

    return RecorderSink(settings, context)


SINK: Final = SinkKind(
    settings=RecorderSettings,
    build=build,
    adjustable=ADJUSTABLE,
    summary="Records everything to MCAP files that other tools open and Beats can play again",
    resources=resources,
)

__all__ = ["SINK", "RecorderSettings", "build"]
