"""Sink `artnet`: an LED wall behind nodes that speak Art-Net."""

from typing import Final

from beats.adapters.led.settings import ADJUSTABLE, METRICS
from beats.adapters.sinks.artnet.settings import ArtNetSettings
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=ArtNetSettings,
    sink="beats.adapters.sinks.artnet.sink:ArtNetSink",
    summary="An LED wall by Art-Net, with sequence numbers and ArtSync",
    docs="led",
    metrics=METRICS,
    adjustable=ADJUSTABLE,
)

__all__ = ["SINK", "ArtNetSettings"]
