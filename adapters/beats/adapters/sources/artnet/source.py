"""The Art-Net source."""

from beats.adapters.led.source import DeskSource
from beats.adapters.sources.artnet.packets import ArtNetReader
from beats.adapters.sources.artnet.settings import ArtNetSourceSettings
from beats.kernel.ports import Context


class ArtNetSource(DeskSource):
    """Takes universes by Art-Net."""

    def __init__(self, settings: ArtNetSourceSettings, context: Context) -> None:
        super().__init__(
            settings, context, ArtNetReader(settings.wanted if settings.poll_reply else (), context.name)
        )
