"""Source `images`: a GIF, APNG, WebP, still picture or a folder of pictures, put on air."""

from typing import Final

from beats.adapters.sources.images.settings import ImagesSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=ImagesSettings,
    source="beats.adapters.sources.images.source:ImagesSource",
    summary="A GIF, APNG, WebP, still picture or folder of pictures, looped or once",
)

__all__ = ["SOURCE", "ImagesSettings"]
