"""Source `images`: a GIF, APNG, WebP, still picture or a folder of pictures, put on air."""

from typing import Final

from beats.adapters.sources.images.resources import resources
from beats.adapters.sources.images.settings import ImagesSettings
from beats.kernel.ports import Context, Source, SourceKind


def build(settings: ImagesSettings, context: Context) -> Source:
    """Only now is what it runs on imported: settings are read and checked without it."""
    from beats.adapters.sources.images.source import ImagesSource

    return ImagesSource(settings, context)


SOURCE: Final = SourceKind(
    settings=ImagesSettings,
    build=build,
    summary="A GIF, APNG, WebP, still picture or folder of pictures, looped or once",
    resources=resources,
)

__all__ = ["SOURCE", "ImagesSettings", "build"]
