"""How a picture gets to its size: pure arithmetic."""

from typing import NamedTuple

from beats.adapters.sources.video.settings import Fit


class Fitted(NamedTuple):
    """Scale to `width` x `height`, then cut out `crop_width` x `crop_height` from its middle."""

    width: int
    height: int
    crop_width: int
    crop_height: int

    def turned(self) -> "Fitted":
        """The same for a picture that is turned by 90 degrees afterwards."""
        return Fitted(self.height, self.width, self.crop_height, self.crop_width)


def fitted(width: float, height: float, size: tuple[int, int] | None, fit: Fit) -> Fitted:
    """How to scale and cut a picture.

    Args:
        width: the width at which the picture is meant to be seen, in square pixels.
        height: its height in pixels.
        size: the wanted width and height in pixels; None keeps those of the picture.
        fit: how to get to another shape, as the setting `fit` says.
    """
    if size is None:
        whole = max(1, round(width)), max(1, round(height))
        return Fitted(*whole, *whole)
    if fit == "fill":
        return Fitted(*size, *size)
    factors = size[0] / width, size[1] / height
    factor = min(factors) if fit == "contain" else max(factors)
    wide, high = max(1, round(width * factor)), max(1, round(height * factor))
    if fit == "contain":
        return Fitted(wide, high, wide, high)
    return Fitted(max(wide, size[0]), max(high, size[1]), *size)
