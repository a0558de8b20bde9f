"""The one error of this room."""

from typing import Final

MAX_PIXELS: Final = 1 << 26
"""Most pixels of a picture by default: 8,192 x 8,192, which take 256 MiB in RGBA. A file of a few kilobytes
can claim any size (a decompression bomb). Below Pillow's own limit of 89 million."""


class PictureError(ValueError):
    """No pixels, or no picture, that can be published; says what was given and what would be right."""


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture without pixels, or with too many.

    Raises:
        PictureError: it is one.
    """
    if width < 1 or height < 1:
        raise PictureError(f"a picture of {width} x {height} has no pixels")
    if width * height > max_pixels:
        raise PictureError(
            f"a picture of {width:,} x {height:,} has {width * height:,} pixels; at most {max_pixels:,} are "
            "allowed: make it smaller, or raise pixels.max_pixels"
        )
