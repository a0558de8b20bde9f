"""Source `screen`: what is on a screen of this machine, by the package mss."""

from typing import Final

from beats.adapters.sources.screen.settings import ScreenSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=ScreenSettings,
    source="beats.adapters.sources.screen.source:ScreenSource",
    summary="What is on a screen of this machine, or on a part of it",
    docs="sources#screens",
)

__all__ = ["SOURCE", "ScreenSettings"]
