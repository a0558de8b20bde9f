"""Source `replay`: plays recordings back, envelope by envelope as they were."""

from typing import Final

from beats.adapters.sources.replay.settings import ReplaySettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=ReplaySettings,
    source="beats.adapters.sources.replay.source:ReplaySource",
    summary="Recordings, envelope by envelope as they were, on their own timeline or another",
    docs="recording#replay",
)

__all__ = ["SOURCE", "ReplaySettings"]
