"""Source `replay`: recordings on air again, envelope by envelope as they were."""

from typing import Final

from beats.adapters.sources.replay.resources import resources
from beats.adapters.sources.replay.settings import ReplaySettings
from beats.kernel.ports import Context, Source, SourceKind


def build(settings: ReplaySettings, context: Context) -> Source:
    """Only now is what it runs on imported: settings are read and checked without it."""
    from beats.adapters.sources.replay.source import ReplaySource

    return ReplaySource(settings, context)


SOURCE: Final = SourceKind(
    settings=ReplaySettings,
    build=build,
    summary="Recordings, envelope by envelope as they were, on their own timeline or another",
    resources=resources,
)

__all__ = ["SOURCE", "ReplaySettings", "build"]
