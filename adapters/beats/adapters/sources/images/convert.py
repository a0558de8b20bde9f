"""Any picture that Pillow can decode, as a PNG file in RGB or RGBA.

Some of Pillow's own annotations name NumPy types, which are unknown where NumPy is not installed.
"""

import io
from typing import NamedTuple

from PIL import Image

MAX_PX = 89_478_485
"""Most pixels of a picture, before and after enlarging: Pillow's own limit against decompression bombs."""


class Shape(NamedTuple):
    """How pictures are enlarged, always by nearest neighbour so that pixels stay crisp."""

    scale: int = 1
    """Whole-number factor."""
    size: tuple[int, int] | None = None
    """Width and height in pixels, in place of a factor."""

    def of(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size that a picture of `size` is sent in.

        Raises:
            ValueError: the result would be too large.
        """
        width, height = self.size or (size[0] * self.scale, size[1] * self.scale)
        if width * height > MAX_PX:
            raise ValueError(f"would be {width} x {height} pixels, more than {MAX_PX:,}: lower scale or size")
        return width, height


def to_png(image: Image.Image, shape: Shape) -> bytes:
    """Encode one loaded picture.

    Raises:
        ValueError: the result would be too large.
    """
    target = shape.of(image.size)
    image = to_rgb(image)
    if target != image.size:
        image = image.resize(target, Image.Resampling.NEAREST)  # pyright: ignore[reportUnknownMemberType]
    out = io.BytesIO()
    # Level 3: measured at 1920 x 1080, half to two thirds of the default's time for 13 to 20 % more bytes.
    image.save(out, "PNG", compress_level=3)
    return out.getvalue()


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
