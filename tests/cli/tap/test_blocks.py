"""Pictures of half blocks."""

import re
import struct
import zlib

import pytest
from PIL import Image

from beats.cli.tap.blocks import draw
from beats.recordings.export.png import FrameError
from tests.recordings.export.material import png, wall
from tests.support import tiny_png

Pixel = tuple[int, int, int]


def seen(rows: tuple[str, ...]) -> list[list[Pixel | None]]:
    """The pixels that a terminal shows; None below the last line."""
    lines: list[list[Pixel | None]] = []
    for row in rows:
        upper: list[Pixel | None] = []
        lower: list[Pixel | None] = []
        above: Pixel | None = None
        below: Pixel | None = None
        for part in re.findall(r"\x1b\[([\d;]*)m|(▀)", row):
            codes, block = part
            if block:
                upper.append(above)
                lower.append(below)
            elif codes.startswith(("38;2;", "48;2;")):
                red, green, blue = (int(code) for code in codes.split(";")[2:])
                if codes.startswith("38"):
                    above = (red, green, blue)
                else:
                    below = (red, green, blue)
            else:
                assert codes == "0"
        assert re.sub(r"\x1b\[[\d;]*m|▀", "", row) == ""
        assert row.endswith("\x1b[0m")
        lines += [upper, lower]
    return lines


def pixels(image: Image.Image) -> list[list[Pixel]]:
    return [[image.getpixel((x, y)) for x in range(image.width)] for y in range(image.height)]  # type: ignore[misc]


def test_every_pixel_is_where_it_is_in_the_frame() -> None:
    """With its exact colour, two in each character cell; below an odd number of lines is the background."""
    image = wall(20, 10)
    found = draw(png(image), 30, 8, "truecolor")
    assert (found.width_px, found.height_px, len(found.rows)) == (20, 10, 5)
    assert seen(found.rows) == pixels(image)
    odd = wall(4, 3)
    assert seen(draw(png(odd), 6, 3, "truecolor").rows) == [*pixels(odd), [None] * 4]


def test_a_small_frame_is_enlarged_by_whole_factors() -> None:
    """Every pixel becomes a square; a plain picture needs few bytes, as colours are named once."""
    image = wall(3, 2)
    found = draw(png(image), 11, 20, "truecolor")
    small = pixels(image)
    assert seen(found.rows) == [[small[y // 3][x // 3] for x in range(9)] for y in range(6)]
    found = draw(png(Image.new("RGB", (40, 2), (1, 2, 3))), 40, 1, "truecolor")
    assert found.rows == ("\x1b[38;2;1;2;3m\x1b[48;2;1;2;3m" + "▀" * 40 + "\x1b[0m",)


@pytest.mark.parametrize(("columns", "lines"), [(79, 15), (10, 50), (1, 1), (200, 3)])
def test_a_large_frame_is_made_to_fit(columns: int, lines: int) -> None:
    """In its proportions, as far as whole pixels allow; a tiny terminal shows one pixel."""
    found = draw(png(wall(640, 480)), columns, lines, "truecolor")
    height, width = len(found.rows), found.rows[0].count("▀")
    assert width <= columns
    assert height <= lines
    assert width == columns or height in (lines, lines - 1)
    assert (found.width_px, found.height_px) == (640, 480)


@pytest.mark.parametrize(
    ("colour", "number"),
    [((0, 0, 0), 16), ((255, 255, 255), 231), ((255, 0, 0), 196), ((95, 135, 175), 67), ((8, 8, 8), 232),
     ((128, 128, 128), 244), ((238, 238, 238), 255), ((250, 5, 5), 196)],
)  # fmt: skip
def test_256_colours_are_the_nearest(colour: Pixel, number: int) -> None:
    """Of xterm's cube and greys."""
    found = draw(png(Image.new("RGB", (1, 2), colour)), 1, 1, "256")
    assert found.rows == (f"\x1b[38;5;{number}m\x1b[48;5;{number}m▀\x1b[0m",)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_drawn(mode: str) -> None:
    """Transparent pixels are on black."""
    image = Image.new("RGBA", (2, 2), (255, 255, 255, 255)).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = Image.new("I;16", (2, 2), 65535)
    assert seen(draw(png(image), 2, 1, "truecolor").rows) == [[(255, 255, 255)] * 2] * 2
    clear = Image.new("RGBA", (2, 2), (255, 255, 255, 0))
    assert seen(draw(png(clear), 2, 1, "truecolor").rows) == [[(0, 0, 0)] * 2] * 2


def claiming(width: int, height: int) -> bytes:
    """A file that says it is larger than it is."""
    data = tiny_png()
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x89PNG\r\n\x1a\n", png(wall(20, 20))[:60], b"GIF89a", tiny_png()[:-30], claiming(10**5, 10**5),
     claiming(10_000, 10_000), claiming(0, 5)],
    ids=["empty", "signature", "cut", "gif", "cut at the end", "huge", "large", "nothing"],
)  # fmt: skip
def test_what_cannot_be_drawn_says_why(data: bytes) -> None:
    """Cut files, other formats, and impossible sizes."""
    with pytest.raises(FrameError, match=r"\w"):
        draw(data, 80, 24, "truecolor")
