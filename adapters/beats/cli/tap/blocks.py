"""Draws pictures with coloured half blocks: two pixels in each character cell of a terminal."""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from PIL import Image

from beats.recordings.export.png import decode

Depth = Literal["truecolor", "256"]

_UPPER_HALF: Final = "▀"
_PLAIN: Final = "\x1b[0m"
_LEVELS: Final = (0, 95, 135, 175, 215, 255)
"""The intensities of xterm's 216 colours; its greys are 8, 18, … 238."""
_NEAREST: Final = tuple(min(range(6), key=lambda step: abs(_LEVELS[step] - value)) for value in range(256))


class BlockPicture(NamedTuple):
    """A frame, ready for a terminal."""

    width_px: int
    """The width of the frame itself."""
    height_px: int
    rows: tuple[str, ...]
    """Each resets the colours at its end, and does not move the cursor otherwise."""


def draw(png_data: bytes, columns: int, lines: int, depth: Depth) -> BlockPicture:
    """Draw a frame as large as possible: enlarged by whole factors, or reduced.

    Args:
        png_data: the frame.
        columns: the columns that it may use.
        lines: the lines that it may use.
        depth: the colours of the terminal.

    Raises:
        FrameError: it cannot be decoded, or is too large.
    """
    image = decode(png_data)
    scaled = _scaled(_on_black(image), columns, 2 * lines)
    return BlockPicture(*image.size, tuple(_rows(scaled, depth)))


def _on_black(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image).convert("RGB")


def _scaled(image: Image.Image, width: int, height: int) -> Image.Image:
    factor = min(width / image.width, height / image.height)
    if 1 <= factor < 2:
        return image
    if factor >= 2:
        factor, how = int(factor), Image.Resampling.NEAREST
    else:
        how = Image.Resampling.BOX
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize(size, how)  # pyright: ignore[reportUnknownMemberType]  # see pixels.py


def _rows(image: Image.Image, depth: Depth) -> Iterator[str]:
    """The lines of half blocks; colours are set where they change."""
    name = _exact if depth == "truecolor" else _nearest
    width, height = image.size
    pixels = image.tobytes()
    stride = 3 * width
    for top in range(0, height, 2):
        upper = pixels[top * stride : (top + 1) * stride]
        lower = pixels[(top + 1) * stride : (top + 2) * stride]  # empty below the last of an odd number
        row: list[str] = []
        before = after = b""
        for at in range(0, stride, 3):
            above, below = upper[at : at + 3], lower[at : at + 3]
            if above != before:
                row.append(f"\x1b[38;{name(above)}m")
            if below != after:
                row.append(f"\x1b[48;{name(below)}m")
            before, after = above, below
            row.append(_UPPER_HALF)
        yield "".join(row) + _PLAIN


def _exact(rgb: bytes) -> str:
    return f"2;{rgb[0]};{rgb[1]};{rgb[2]}"


def _nearest(rgb: bytes) -> str:
    """The nearest colour of the cube and the greys."""
    steps = [_NEAREST[value] for value in rgb]
    grey = min(23, max(0, (sum(rgb) // 3 - 3) // 10))
    of_cube = sum((_LEVELS[step] - value) ** 2 for step, value in zip(steps, rgb, strict=True))
    of_greys = sum((8 + 10 * grey - value) ** 2 for value in rgb)
    number = 232 + grey if of_greys < of_cube else 16 + 36 * steps[0] + 6 * steps[1] + steps[2]
    return f"5;{number}"
