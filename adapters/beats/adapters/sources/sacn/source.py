"""The sACN source."""

from beats.adapters.led.source import DeskSource
from beats.adapters.sources.sacn.packets import SacnReader
from beats.adapters.sources.sacn.settings import SacnSourceSettings
from beats.kernel.ports import Context


class SacnSource(DeskSource):
    """Takes universes by sACN."""

    def __init__(self, settings: SacnSourceSettings, context: Context) -> None:
        reader = SacnReader(
            settings.wanted,
            multicast=settings.multicast,
            interface=settings.interface,
            preview=settings.preview,
        )
        super().__init__(settings, context, reader)
