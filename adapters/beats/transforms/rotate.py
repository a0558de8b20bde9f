"""`rotate`: a picture by quarter turns."""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

Turn = Literal[0, 90, 180, 270]


def rotated(image: "Image", degrees: Turn) -> "Image":
    """Turned clockwise; no pixel changes."""
    from PIL.Image import Transpose

    if not degrees:
        return image
    turns = {90: Transpose.ROTATE_270, 180: Transpose.ROTATE_180, 270: Transpose.ROTATE_90}
    return image.transpose(turns[degrees])  # Pillow turns the other way
