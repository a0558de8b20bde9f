"""Source `images`: shows a GIF, APNG, WebP, still picture or folder of pictures."""

from typing import Final

from beats.adapters.sources.images.settings import ImagesSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=ImagesSettings,
    source="beats.adapters.sources.images.source:ImagesSource",
    summary="A GIF, APNG, WebP, still picture or folder of pictures, looped or once",
    docs="sources#pictures",
)

__all__ = ["SOURCE", "ImagesSettings"]
