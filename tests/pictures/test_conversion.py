"""Decoded pictures as 8-bit RGB or RGBA."""

import pytest
from PIL import Image

from beats.pictures.conversion import to_rgb


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("L", 7, (7, 7, 7)),
        ("1", 1, (255, 255, 255)),
        ("RGBA", (1, 2, 3, 255), (1, 2, 3)),
        ("RGBA", (1, 2, 3, 9), (1, 2, 3, 9)),
        ("LA", (7, 0), (7, 7, 7, 0)),
        ("I;16", 0x1234, (0x12, 0x12, 0x12)),
        ("F", 0.5, (0, 0, 0)),
    ],
)
def test_a_picture_becomes_8_bit_rgb_or_rgba(
    mode: str, colour: int | float | tuple[int, ...], expected: tuple[int, ...]
) -> None:
    """RGBA only if something is transparent; 16-bit greyscale keeps its upper bits."""
    image = to_rgb(Image.new(mode, (2, 2), colour))
    assert image.mode == ("RGBA" if len(expected) == 4 else "RGB")
    assert image.getpixel((1, 1)) == expected


def test_floats_are_stretched_to_their_own_range() -> None:
    """They have no agreed range."""
    image = Image.new("F", (2, 1))
    image.putdata([-1.0, 3.0])  # pyright: ignore[reportUnknownMemberType]
    assert [to_rgb(image).getpixel((x, 0)) for x in (0, 1)] == [(0, 0, 0), (255, 255, 255)]
