"""Source `replay`: recordings on air again, envelope by envelope as they were."""

from typing import Final

from beats.adapters.sources.replay.settings import ReplaySettings
from beats.adapters.sources.replay.source import ReplaySource
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=ReplaySettings,
    build=ReplaySource,
    summary="Recordings, envelope by envelope as they were, on their own timeline or another",
)

__all__ = ["SOURCE", "ReplaySettings", "ReplaySource"]
