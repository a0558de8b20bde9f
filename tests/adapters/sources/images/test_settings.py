"""The settings of the source `images`."""

import pytest

from beats.adapters.sources.images.settings import ImagesSettings


def test_there_is_one_way_to_enlarge() -> None:
    """A factor or a size, not both."""
    assert ImagesSettings(type="images", path="x", size=(2, 3)).size == (2, 3)
    with pytest.raises(ValueError, match="exclude each other"):
        ImagesSettings(type="images", path="x", size=(2, 3), scale=2)
