"""Sink `recorder`: everything that was published, exactly, in MCAP files."""

from typing import Final

from beats.adapters.sinks.recorder.settings import ADJUSTABLE, RecorderSettings
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=RecorderSettings,
    sink="beats.adapters.sinks.recorder.sink:RecorderSink",
    summary="Records everything to MCAP files that other tools open and Beats can play again",
    adjustable=ADJUSTABLE,
)

__all__ = ["SINK", "RecorderSettings"]
