"""The settings of the sink `ddp`."""

from typing import ClassVar

from beats.adapters.led.settings import LedSettings


class DdpSettings(LedSettings):
    """An LED wall behind a controller that speaks DDP; its port is 4048."""

    default_port: ClassVar[int] = 4048
