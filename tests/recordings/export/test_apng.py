"""Animated PNGs, read back with Pillow."""

import random
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from beats.recordings.export.apng import ApngWriter, FormSurvey, delay
from beats.recordings.export.png import RGB, RGBA, Chunk, Form, FrameError, Header, take_apart
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


def form_of(frames: Iterable[bytes]) -> tuple[Form, list[Chunk]]:
    survey = FormSurvey()
    for png_data in frames:
        survey.add(png_data)
    found = survey.form()
    assert found is not None
    return found


def write(path: Path, frames: Sequence[tuple[float, bytes]]) -> ApngWriter:
    with path.open("w+b") as file:
        writer = ApngWriter(file, *form_of(png_data for _, png_data in frames))
        for at_s, png_data in frames:
            writer.add(at_s, png_data)
        writer.finish()
    return writer


def noise(mode: str, seed: int) -> Image.Image:
    size = (37, 23)
    return Image.frombytes(mode, size, random.Random(seed).randbytes(size[0] * size[1] * len(mode)))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_frames_and_durations_read_back(mode: str, tmp_path: Path) -> None:
    """Every pixel is exact, and each frame lasts as recorded; the last one lasts the median."""
    images = [noise(mode, seed) for seed in range(5)]
    times_s = [0, 0.04, 0.1, 0.5, 0.54]
    writer = write(tmp_path / "a.png", list(zip(times_s, map(png, images), strict=True)))
    found = shown(tmp_path / "a.png")
    assert [each for each, _ in found] == [pixels(image) for image in images]
    assert [duration for _, duration in found] == [40, 60, 400, 40, 40]
    assert writer.converted == 0


def test_data_of_like_frames_goes_in_as_it_is(tmp_path: Path) -> None:
    """The encoded data of each picture is copied byte for byte, in as many chunks."""
    frames = [png(noise("RGB", seed), compress_level=level) for seed, level in enumerate([0, 9, 1])]
    write(tmp_path / "a.png", [(number / 10, each) for number, each in enumerate(frames)])
    data = (tmp_path / "a.png").read_bytes()
    for each in frames:
        for part in take_apart(each).data:
            assert data.count(part.data) == 1


def test_every_checksum_and_number_is_right(tmp_path: Path) -> None:
    """The animation's chunks are numbered without a gap, and the head has the number of frames."""
    write(tmp_path / "a.png", [(number / 10, plain_png((number, 0, 0))) for number in range(4)])
    png_data = (tmp_path / "a.png").read_bytes()
    names: list[bytes] = []
    numbers: list[int] = []
    at = 8
    while at < len(png_data):
        length, name = int.from_bytes(png_data[at : at + 4], "big"), png_data[at + 4 : at + 8]
        content = png_data[at + 8 : at + 8 + length]
        assert zlib.crc32(name + content) == int.from_bytes(
            png_data[at + 8 + length : at + 12 + length], "big"
        )
        names.append(name)
        if name == b"acTL":
            assert content == (4).to_bytes(4, "big") + bytes(4)
        if name in (b"fcTL", b"fdAT"):
            numbers.append(int.from_bytes(content[:4], "big"))
        at += 12 + length
    assert names == [b"IHDR", b"acTL", b"fcTL", b"IDAT", *[b"fcTL", b"fdAT"] * 3, b"IEND"]
    assert numbers == list(range(7))


def test_a_deep_picture_stays_deep(tmp_path: Path) -> None:
    """16 bits a channel are kept if all frames have them."""
    frames = [png(Image.new("I;16", (2, 1), value)) for value in (1, 0x8001)]
    write(tmp_path / "a.png", [(0, frames[0]), (0.1, frames[1])])
    with Image.open(tmp_path / "a.png") as image:
        image.seek(1)
        assert image.getpixel((0, 0)) == 0x8001


def test_one_palette_for_all_frames_is_kept(tmp_path: Path) -> None:
    """Frames with the same palette are not converted."""
    images = [Image.new("P", (4, 4), number) for number in range(3)]
    for image in images:
        image.putpalette([*RED, *GREEN, *BLUE])
    writer = write(tmp_path / "a.png", [(number / 10, png(image)) for number, image in enumerate(images)])
    assert writer.converted == 0
    assert [each for each, _ in shown(tmp_path / "a.png")] == [
        pixels(plain(c, (4, 4))) for c in (RED, GREEN, BLUE)
    ]


def test_frames_of_all_kinds_lose_no_colour(tmp_path: Path) -> None:
    """The form of the file suits grey, palette, opaque and transparent frames in any order."""
    indexed = Image.new("P", (4, 3), 0)
    indexed.putpalette([*GREEN])
    images = [Image.new("L", (4, 3), 7), indexed, plain(RED), plain((1, 2, 3, 77)), Image.new("1", (4, 3), 1)]
    writer = write(tmp_path / "a.png", [(number / 10, png(image)) for number, image in enumerate(images)])
    assert [each for each, _ in shown(tmp_path / "a.png")] == [pixels(image) for image in images]
    assert writer.converted == 4


def test_the_form_is_that_of_all_when_they_are_alike() -> None:
    """Colour chunks of the first frame are copied; chunks about that frame alone, such as texts, are not."""
    form, colours = form_of([png(plain(RED), dpi=(72, 72)), plain_png(BLUE)])
    assert form == Form(Header(4, 3, 8, RGB))
    assert [each.name for each in colours] == [b"pHYs"]


def test_the_form_has_room_for_transparency_only_if_there_may_be_some() -> None:
    """Opaque frames that differ become RGB; a frame that may be transparent makes the file RGBA."""
    grey = png(Image.new("L", (4, 3)))
    assert form_of([grey, plain_png(RED)])[0] == Form(Header(4, 3, 8, RGB))
    assert form_of([grey, plain_png(RED), plain_png((1, 2, 3, 4))])[0] == Form(Header(4, 3, 8, RGBA))
    assert FormSurvey().form() is None


def test_sixty_frames_a_second_are_all_there(tmp_path: Path) -> None:
    """Their durations are exact to a tenth of a millisecond."""
    write(tmp_path / "a.png", [(number / 60, plain_png((number, 0, 0))) for number in range(60)])
    found = shown(tmp_path / "a.png")
    assert len(found) == 60
    assert {round(duration, 1) for _, duration in found} <= {16.6, 16.7, 17.0}


def test_a_picture_alone_is_a_picture(tmp_path: Path) -> None:
    """A file with one frame is shown by any viewer."""
    write(tmp_path / "a.png", [(5, plain_png(RED))])
    assert shown(tmp_path / "a.png")[0][0] == pixels(plain(RED))


def test_a_frame_that_was_not_surveyed_cannot_break_the_file(tmp_path: Path) -> None:
    """A frame that was not surveyed and cannot be converted to the form of the file is refused."""
    with (tmp_path / "a.png").open("w+b") as file:
        writer = ApngWriter(file, take_apart(png(Image.new("L", (4, 3)))).form, [])
        with pytest.raises(FrameError, match="its form differs from the others"):
            writer.add(0, plain_png(RED))


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        (110, (110, 10_000)),
        (65_535, (65_535, 10_000)),
        (65_536, (6554, 1000)),
        (10_000_000, (10_000, 10)),
        (10**12, (65_535, 1)),
    ],
)
def test_a_delay_fits_in_two_times_sixteen_bits(ticks: int, expected: tuple[int, int]) -> None:
    """It is as exact as the two fields allow, and at most some 18 hours."""
    assert delay(ticks) == expected
