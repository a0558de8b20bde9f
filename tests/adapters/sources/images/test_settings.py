"""The settings of the source `images`."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from beats.adapters.sources.images import ImagesSettings
from beats.kernel.resources import Input, Resources


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "path"),
        ({"path": ""}, "path"),
        ({"path": "a", "scale": 2, "size": [4, 4]}, "scale and size exclude each other"),
        ({"path": "a", "scale": 65}, "scale"),
        ({"path": "a", "size": [4]}, "size"),
        ({"path": "a", "size": ["4", 4]}, "size"),
        ({"path": "a", "size": [4, 9000]}, "size"),
        ({"path": "a", "fps": 0}, "fps"),
        ({"path": "a", "cache_bytes": -1}, "cache_bytes"),
        ({"path": "a", "refresh_s": -1}, "refresh_s"),
        ({"path": "a", "speed": 1}, "speed"),
    ],
)
def test_invalid_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    """The error names the key."""
    with pytest.raises(ValidationError, match=message):
        ImagesSettings.model_validate({"type": "images", **wrong})


def test_it_needs_its_pictures() -> None:
    """A file or a folder, with the home folder expanded."""
    settings = ImagesSettings(type="images", path="~/a.gif", size=(2, 3))
    assert settings.resources("x") == Resources(inputs=(Input("path", Path.home() / "a.gif", "any"),))
