"""Converts decoded pictures to the form that is sent and exported: 8 bits, RGB or RGBA.

Some of Pillow's annotations name NumPy types, which are unknown where NumPy is not installed.
"""

from typing import Final

from PIL import Image

MAX_PX: Final = 89_478_485
"""Most pixels of a picture: Pillow's limit against decompression bombs."""


def to_rgb(image: Image.Image) -> Image.Image:
    """The picture in 8-bit RGB, or in RGBA if some of it is transparent."""
    image = _to_8_bits(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    lowest, _ = image.getchannel("A").getextrema()
    return image.convert("RGB") if lowest == 255 else image


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit and floating-point greyscale to 8 bits; Pillow's `convert` would clip values above 255.

    By Pillow's convention, an image of mode `I` holds 16-bit values. `F` has no agreed range: values are
    stretched to 0..255.
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
    grey.info.pop("transparency", None)  # it names a value of the old range
    return grey
