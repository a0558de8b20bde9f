import io

import pytest
from PIL import Image

from beats.adapters.sources.images.convert import Shape, to_png
from tests.adapters.sources.images.pictures import opened

Fill = int | tuple[int, ...]


@pytest.mark.parametrize(
    ("mode", "fill", "expected"),
    [
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBA", (1, 2, 3, 128), (1, 2, 3, 128)),
        ("L", 200, (200, 200, 200)),
        ("1", 1, (255, 255, 255)),
        ("LA", (200, 100), (200, 200, 200, 100)),
        ("I;16", 0x8000, (128, 128, 128)),
        ("I;16B", 0xFF00, (255, 255, 255)),
        ("I", 0x4000, (64, 64, 64)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("YCbCr", (255, 128, 128), (255, 255, 255)),
        ("HSV", (0, 255, 255), (255, 0, 0)),
    ],
)
def test_any_mode_becomes_rgb_or_rgba(
    mode: str, fill: int | tuple[int, ...], expected: tuple[int, ...]
) -> None:
    """Colours stay what they were, 16 bits become 8, and alpha is kept where there is some."""
    image = opened(to_png(Image.new(mode, (3, 2), fill), Shape()))
    assert image.mode == ("RGB" if len(expected) == 3 else "RGBA")
    assert image.size == (3, 2)
    assert image.getpixel((2, 1)) == expected


def test_alpha_that_hides_nothing_is_left_out() -> None:
    """An opaque RGBA picture is sent as RGB."""
    assert opened(to_png(Image.new("RGBA", (2, 2), (1, 2, 3, 255)), Shape())).mode == "RGB"


@pytest.mark.parametrize("transparent", [True, False])
def test_a_palette_becomes_colours(transparent: bool) -> None:
    """A palette picture becomes RGB, or RGBA when one of its colours is transparent."""
    image = Image.new("P", (2, 1), 1)
    image.putpalette([0, 0, 0, 9, 8, 7])
    image.putpixel((0, 0), 0)
    buffer = io.BytesIO()
    if transparent:
        image.save(buffer, "PNG", transparency=0)
    else:
        image.save(buffer, "PNG")
    with Image.open(buffer) as stored:
        out = opened(to_png(stored, Shape()))
    assert out.mode == ("RGBA" if transparent else "RGB")
    assert out.getpixel((0, 0)) == ((0, 0, 0, 0) if transparent else (0, 0, 0))
    assert out.getpixel((1, 0)) == ((9, 8, 7, 255) if transparent else (9, 8, 7))


def test_floating_point_is_stretched_to_its_own_range() -> None:
    """The darkest becomes black and the brightest white; a flat picture is black."""
    image = Image.new("F", (3, 1), 0.5)
    assert opened(to_png(image, Shape())).getpixel((0, 0)) == (0, 0, 0)
    image.putpixel((0, 0), -1.0)
    image.putpixel((2, 0), 2.0)
    out = opened(to_png(image, Shape()))
    assert [out.getpixel((x, 0)) for x in range(3)] == [(0,) * 3, (127,) * 3, (255,) * 3]


@pytest.mark.parametrize(("shape", "size"), [(Shape(scale=3), (6, 3)), (Shape(size=(4, 5)), (4, 5))])
def test_enlarging_keeps_pixels_crisp(shape: Shape, size: tuple[int, int]) -> None:
    """Nearest neighbour: no colour appears that was not there."""
    image = Image.new("RGB", (2, 1), (255, 0, 0))
    image.putpixel((1, 0), (0, 0, 255))
    out = opened(to_png(image, shape))
    assert out.size == size
    assert {colour for _, colour in out.getcolors() or []} == {(255, 0, 0), (0, 0, 255)}


def test_a_result_that_would_be_enormous_is_refused() -> None:
    """The limit that guards reading also guards enlarging; it is checked before memory is taken."""
    with pytest.raises(ValueError, match="would be 64000 x 64000 pixels"):
        to_png(Image.new("L", (1000, 1000)), Shape(scale=64))
