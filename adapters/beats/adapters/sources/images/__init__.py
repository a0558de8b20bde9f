"""Source `images`: a GIF, APNG, WebP, still picture or a folder of pictures, put on air."""

from beats.adapters.sources.images.reading import can_read
from beats.adapters.sources.images.source import SOURCE, ImagesSettings, ImagesSource

__all__ = ["SOURCE", "ImagesSettings", "ImagesSource", "can_read"]
