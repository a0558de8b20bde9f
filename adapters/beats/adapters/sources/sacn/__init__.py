"""Source `sacn`: what a lighting desk sends by sACN, also called E1.31."""

from typing import Final

from beats.adapters.led.source_settings import METRICS
from beats.adapters.sources.sacn.settings import SacnSourceSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=SacnSourceSettings,
    source="beats.adapters.sources.sacn.source:SacnSource",
    summary="A lighting desk's universes by sACN (E1.31), as a picture or peripherals",
    docs="led#a-lighting-desk",
    metrics=METRICS,
)
