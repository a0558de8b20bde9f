"""Source `osc`: what desks, phones and music programs send by Open Sound Control (OSC)."""

from typing import Final

from beats.adapters.sources.osc.settings import OscSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=OscSettings,
    source="beats.adapters.sources.osc.source:OscSource",
    summary="What desks, phones and music programs send by Open Sound Control (OSC) over UDP",
)

__all__ = ["SOURCE", "OscSettings"]
