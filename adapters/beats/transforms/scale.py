"""`scale`: a picture in another size."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


def scaled(image: "Image", width: int, height: int) -> "Image":
    """Brought to a size in pixels: the mean of what a pixel covers, or, enlarged, the nearest pixel."""
    from PIL.Image import Resampling

    return image.resize((width, height), Resampling.BOX)  # pyright: ignore[reportUnknownMemberType] - names NumPy
