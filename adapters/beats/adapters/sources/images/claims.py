"""What the source `images` needs to start."""

from pathlib import Path

from beats.adapters.sources.images.settings import ImagesSettings
from beats.kernel.claims import Claims, Input


def claims(settings: ImagesSettings, profile: str) -> Claims:
    """The pictures, or the folder that holds them."""
    return Claims(inputs=(Input("path", Path(settings.path).expanduser(), "any"),))
