"""The settings of the sink `artnet`."""

from typing import Annotated, ClassVar

from pydantic import Field

from beats.adapters.led import artnet
from beats.adapters.led.universes import UniversesSettings


class ArtNetSettings(UniversesSettings):
    """An LED wall behind nodes that speak Art-Net; their port is 6454."""

    default_port: ClassVar[int] = artnet.PORT
    protocol: ClassVar[str] = "Art-Net"
    last_universe: ClassVar[int] = artnet.LAST_UNIVERSE

    universe: Annotated[int, Field(ge=0, le=artnet.LAST_UNIVERSE)] = 0
    """Number of the first universe: net * 256 + subnet * 16 + universe, counted from 0."""
    sync: bool = True
    """Send ArtSync after each frame, so that nodes show all universes at once; some old ones need it off."""
