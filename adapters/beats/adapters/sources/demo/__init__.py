"""Source `demo`: a moving picture and three peripherals, the same for the same seed."""

from typing import Final

from beats.adapters.sources.demo.settings import DemoSettings
from beats.kernel.ports import Context, Source, SourceKind


def build(settings: DemoSettings, context: Context) -> Source:
    """Only now is what it runs on imported: settings are read and checked without it."""
    from beats.adapters.sources.demo.source import DemoSource

    return DemoSource(settings, context)


SOURCE: Final = SourceKind(
    settings=DemoSettings,
    build=build,
    summary="A moving picture with a knob, an accelerometer and a button; the same for the same seed",
)

__all__ = ["SOURCE", "DemoSettings", "build"]
