"""Source `artnet`: what a lighting desk sends by Art-Net."""

from typing import Final

from beats.adapters.led.source_settings import METRICS
from beats.adapters.sources.artnet.settings import ArtNetSourceSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=ArtNetSourceSettings,
    source="beats.adapters.sources.artnet.source:ArtNetSource",
    summary="A lighting desk's universes by Art-Net, as a picture or peripherals",
    docs="led#a-lighting-desk",
    metrics=METRICS,
)
