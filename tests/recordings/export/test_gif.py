"""Animated GIFs, read back with Pillow."""

import io
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from beats.recordings.export.gif import GifWriter, encode
from beats.recordings.export.png import FrameError
from tests.recordings.export.material import (
    BLUE,
    GREEN,
    RED,
    pixels,
    plain,
    plain_png,
    png,
    shown,
)


def write(path: Path, frames: Iterable[tuple[float, bytes]]) -> GifWriter:
    with path.open("w+b") as file:
        writer = GifWriter(file)
        for at_s, png_data in frames:
            writer.add(at_s, png_data)
        writer.finish()
    return writer


def noise(seed: int, colours: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    rng = random.Random(seed)
    palette = [rng.randbytes(3) for _ in range(colours)]
    return Image.frombytes("RGB", size, b"".join(rng.choice(palette) for _ in range(size[0] * size[1])))


def test_frames_and_durations_read_back(tmp_path: Path) -> None:
    """Pictures of up to 256 colours are exact, and each lasts as recorded; the last one lasts the median."""
    images = [noise(seed, colours) for seed, colours in enumerate([2, 256, 17, 1, 255])]
    times_s = [0, 0.04, 0.1, 0.5, 0.54]
    write(tmp_path / "a.gif", zip(times_s, map(png, images), strict=True))
    found = shown(tmp_path / "a.gif")
    assert [each for each, _ in found] == [pixels(image) for image in images]
    assert [duration for _, duration in found] == [40, 60, 400, 40, 40]


def test_a_still_picture_may_last_longer_than_a_frame_can(tmp_path: Path) -> None:
    """More than ten minutes are split into several frames of the same picture."""
    write(tmp_path / "a.gif", [(0, plain_png(RED)), (1500, plain_png(BLUE)), (1500.1, plain_png(RED))])
    found = shown(tmp_path / "a.gif")
    assert sum(duration for each, duration in found[:3] if each == pixels(plain(RED))) == 1_500_000


@pytest.mark.parametrize("leading", [[], [plain((0, 0, 0, 0)), plain((*RED, 255))]])
def test_transparent_frames_show_nothing_of_those_before(leading: list[Image.Image], tmp_path: Path) -> None:
    """A transparent pixel is transparent first of all, after opaque and after transparent frames alike."""
    hole = plain((*GREEN, 255))
    hole.putpixel((0, 0), (0, 0, 0, 0))
    images = [*leading, plain(RED), plain(BLUE), hole, plain((0, 0, 0, 0)), hole, plain(RED), plain(BLUE)]
    write(tmp_path / "a.gif", [(number / 10, png(image)) for number, image in enumerate(images)])
    assert [each for each, _ in shown(tmp_path / "a.gif")] == [pixels(image) for image in images]


def test_opaque_frames_are_not_taken_away(tmp_path: Path) -> None:
    """Without transparency, viewers need not clear the canvas, which may flicker; they repeat it forever."""
    write(tmp_path / "a.gif", [(0, plain_png(RED)), (0.1, plain_png(BLUE)), (0.2, plain_png(RED))])
    data = (tmp_path / "a.gif").read_bytes()
    assert data.count(b"\x21\xf9\x04\x04") == 3
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["loop"] == 0


def test_a_side_longer_than_sixteen_bits_is_refused() -> None:
    """A GIF cannot store such a size."""
    with pytest.raises(FrameError, match="65535"):
        GifWriter(io.BytesIO()).add(0, png(Image.new("1", (70_000, 1))))


@pytest.mark.parametrize("colours", [1, 2, 3, 5, 128, 129, 256])
def test_an_image_block_has_a_table_of_its_own(colours: int) -> None:
    """The block declares a local colour table of the right size."""
    image = encode(noise(1, colours)).image
    flags = image[9]
    assert image[:1] == b","
    assert flags & 0x80
    assert 2 << (flags & 7) >= colours
    assert image[-1] == 0
