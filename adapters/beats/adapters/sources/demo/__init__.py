"""Source `demo`: a moving picture and three peripherals, the same for the same seed."""

from typing import Final

from beats.adapters.sources.demo.settings import DemoSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=DemoSettings,
    source="beats.adapters.sources.demo.source:DemoSource",
    summary="A moving picture with a knob, an accelerometer and a button; the same for the same seed",
    docs="sources",
)

__all__ = ["SOURCE", "DemoSettings"]
