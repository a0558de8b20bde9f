"""What the source `images` needs to start."""

from beats.adapters.sources.images.settings import ImagesSettings
from beats.kernel.resources import Input, Resources
from beats.kit.paths import expanded


def resources(settings: ImagesSettings, profile: str) -> Resources:
    """The pictures, or the folder that holds them."""
    return Resources(inputs=(Input("path", expanded(settings.path), "any"),))
