"""Sink `recorder`: everything that was published, exactly, in MCAP files."""

from typing import Final

from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.adapters.sinks.recorder.sink import RecorderSink
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=RecorderSettings,
    build=RecorderSink,
    summary="Records everything to MCAP files that other tools open and Beats can play again",
)

__all__ = ["SINK", "RecorderSettings", "RecorderSink"]
