"""Decoded pictures in the form in which they are sent and exported: 8 bits, RGB or RGBA.

Some of Pillow's own annotations name NumPy types, which are unknown where NumPy is not installed.
"""

from typing import Final

from PIL import Image

MAX_PX: Final = 89_478_485
"""Most pixels of a picture: Pillow's own limit against decompression bombs."""


def to_rgb(image: Image.Image) -> Image.Image:
    """The picture in 8-bit RGB, or in RGBA when some of it is transparent."""
    image = _to_8_bits(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    lowest, _ = image.getchannel("A").getextrema()
    return image.convert("RGB") if lowest == 255 else image


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Deep greyscale brought down to 8 bits; Pillow's `convert` would cut off all above 255 instead.

    `I` holds 16-bit values by Pillow's convention. `F` has no agreed range, so it is stretched to its own.
    """
    if image.mode.startswith("I"):
        image = image.convert("I")
        return _linear(image, 1 / 256, 0.0)
    if image.mode == "F":
        low, high = image.getextrema()
        assert isinstance(low, float)
        assert isinstance(high, float)
        factor = 255 / (high - low) if high > low else 0.0
        return _linear(image, factor, -low * factor)
    return image


def _linear(image: Image.Image, factor: float, offset: float) -> Image.Image:
    mapped = image.point(lambda value: value * factor + offset)  # pyright: ignore[reportUnknownMemberType]
    grey = mapped.convert("L")
    grey.info.pop("transparency", None)  # names a value of the old range
    return grey
