"""What the source `images` needs to start."""

from beats.adapters.paths import expanded
from beats.adapters.sources.images.settings import ImagesSettings
from beats.kernel.claims import Claims, Input


def claims(settings: ImagesSettings, profile: str) -> Claims:
    """The pictures, or the folder that holds them."""
    return Claims(inputs=(Input("path", expanded(settings.path), "any"),))
