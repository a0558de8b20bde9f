"""`crop`: a part of a picture."""

from typing import TYPE_CHECKING

from beats.pictures.errors import PictureError

if TYPE_CHECKING:
    from PIL.Image import Image


def cropped(image: "Image", x: int, y: int, width: int, height: int) -> "Image":
    """The part that begins at x, y, in pixels from the top left.

    Raises:
        PictureError: some of it is outside the picture.
    """
    if x + width > image.width or y + height > image.height:
        raise PictureError(
            f"crop = [{x}, {y}, {width}, {height}] reaches beyond a picture of {image.width} x {image.height}"
        )
    return image.crop((x, y, x + width, y + height))
