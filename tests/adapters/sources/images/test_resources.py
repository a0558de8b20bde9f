"""What the source `images` needs to start."""

from pathlib import Path

from beats.adapters.sources.images import SOURCE, ImagesSettings
from beats.adapters.sources.images.resources import resources
from beats.kernel.resources import Input, Resources


def test_it_needs_its_pictures() -> None:
    """A file or a folder, with the home folder spelt out."""
    settings = ImagesSettings(type="images", path="~/a.gif")
    assert resources(settings, "x") == Resources(inputs=(Input("path", Path.home() / "a.gif", "any"),))
    assert SOURCE.resources is resources
