"""Sink `ddp`: an LED wall behind a controller that speaks DDP, such as WLED."""

from typing import Final

from beats.adapters.led.settings import ADJUSTABLE, METRICS
from beats.adapters.sinks.ddp.settings import DdpSettings
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=DdpSettings,
    sink="beats.adapters.sinks.ddp.sink:DdpSink",
    summary="An LED wall by DDP, such as WLED, ESPixelStick and Falcon controllers",
    docs="led",
    metrics=METRICS,
    adjustable=ADJUSTABLE,
)

__all__ = ["SINK", "DdpSettings"]
