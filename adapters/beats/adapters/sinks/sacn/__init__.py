"""Sink `sacn`: an LED wall behind receivers of sACN, also called E1.31."""

from typing import Final

from beats.adapters.led.settings import ADJUSTABLE, METRICS
from beats.adapters.sinks.sacn.settings import SacnSettings
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=SacnSettings,
    sink="beats.adapters.sinks.sacn.sink:SacnSink",
    summary="An LED wall by sACN (E1.31), multicast or unicast",
    docs="led",
    metrics=METRICS,
    adjustable=ADJUSTABLE,
)

__all__ = ["SINK", "SacnSettings"]
