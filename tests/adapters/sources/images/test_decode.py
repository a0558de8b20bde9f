"""The pictures of a file, as PNG."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from beats.adapters.sources.images.decode import (
    SIGNATURE,
    BrokenAnimationError,
    Enlargement,
    TimedFrame,
    frame_s,
    pictures_in,
    to_frame,
    why_not,
    without_animation,
)
from beats.kernel.envelope import Frame
from beats.pictures.pixels import Pixels
from tests.adapters.sources.images.pictures import (
    GREEN,
    RED,
    Chunks,
    animation,
    broken_animation,
    colour,
    opened,
    still,
    with_damage,
    with_wrong_order,
    without_frame_control,
)
from tests.adapters.sources.support import pixel_publisher


def as_png(image: Image.Image) -> Frame:
    return pixel_publisher().frame(Pixels.of_image(image))


def shown(image: Image.Image, enlargement: Enlargement) -> Image.Image:
    return opened(to_frame(image, enlargement, as_png).data)


def pictures(path: Path) -> list[TimedFrame]:
    return list(pictures_in(path, Enlargement(), as_png))


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_an_animation_gives_each_frame_and_its_time(tmp_path: Path, suffix: str) -> None:
    """GIF, APNG and WebP: frames in order, each with the duration from the file; 10 ms become 100 ms."""
    found = pictures(animation(tmp_path / f"a.{suffix}", [50, 10, 200]))
    assert [colour(picture.frame.data) for picture in found] == [(10, 0, 0), (50, 0, 0), (90, 0, 0)]
    assert [picture.duration_s for picture in found] == [0.05, 0.1, 0.2]


def test_the_frames_of_a_gif_are_composed(tmp_path: Path) -> None:
    """A frame that changes only a corner is sent whole, together with the rest of the frame before."""
    first = Image.new("RGB", (20, 20), RED)
    second = first.copy()
    second.paste(GREEN, (15, 15, 20, 20))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second], duration=50, disposal=1)
    composed = opened(pictures(tmp_path / "a.gif")[1].frame.data)
    assert composed.size == (20, 20)
    assert [composed.getpixel(spot) for spot in ((0, 0), (19, 19))] == [RED, GREEN]


def test_a_transparent_gif_stays_transparent(tmp_path: Path) -> None:
    """Transparency becomes alpha."""
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.putpixel((0, 0), (255, 0, 0, 255))
    image.save(tmp_path / "a.gif")
    (picture,) = pictures(tmp_path / "a.gif")
    shown = opened(picture.frame.data)
    assert shown.getpixel((0, 0)) == (255, 0, 0, 255)
    assert shown.getchannel("A").getpixel((3, 3)) == 0


def test_the_default_image_of_an_apng_is_not_a_frame(tmp_path: Path) -> None:
    """The image for viewers that cannot animate is not shown."""
    path = animation(tmp_path / "a.png", [50, 50, 50], default_image=True)
    assert [colour(picture.frame.data) for picture in pictures(path)] == [(50, 0, 0), (90, 0, 0)]


@pytest.mark.parametrize("suffix", ["png", "gif", "webp", "jpg", "bmp", "tiff", "ppm"])
def test_a_still_has_no_duration(tmp_path: Path, suffix: str) -> None:
    """One picture without a duration, in any format."""
    (picture,) = pictures(still(tmp_path / f"a.{suffix}"))
    assert picture.duration_s is None
    assert opened(picture.frame.data).size == (4, 3)


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    """The orientation in the Exif data is applied, because viewers of PNG ignore it."""
    image = Image.new("RGB", (4, 2))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    (picture,) = pictures(tmp_path / "a.jpg")
    assert opened(picture.frame.data).size == (2, 4)


@pytest.mark.parametrize(
    ("duration_ms", "expected_s"),
    [(None, 0.1), (0, 0.1), (10, 0.1), (11, 0.011), (float("nan"), 0.1), (70_000, 70.0)],
)
def test_a_duration_of_at_most_10_ms_becomes_100_ms(duration_ms: float | None, expected_s: float) -> None:
    """As in browsers; so does a missing one."""
    assert frame_s(duration_ms) == expected_s


@pytest.mark.parametrize("default_image", [False, True])
@pytest.mark.parametrize("damage", [without_frame_control, with_wrong_order, with_damage])
def test_an_apng_with_a_broken_animation_gives_its_default_image(
    tmp_path: Path, damage: Callable[[Chunks], Chunks], default_image: bool
) -> None:
    """As PNG recommends, for every kind of damage; the error describes the damage."""
    path = animation(tmp_path / "a.png", [50, 50, 50], default_image=default_image)
    broken_animation(path, damage)
    with pytest.raises(BrokenAnimationError, match=r"^has a broken animation \(.+\); its default") as caught:
        pictures(path)
    assert colour(caught.value.default.frame.data) == (10, 0, 0)
    assert caught.value.default.duration_s is None
    assert why_not(path) is None


def test_an_apng_with_a_broken_default_image_is_broken(tmp_path: Path) -> None:
    """There is nothing to show instead."""
    path = animation(tmp_path / "a.png", [50, 50, 50])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises((OSError, SyntaxError)):
        pictures(path)


def content(path: Path) -> bytes:
    """A PNG file without its signature."""
    data = path.read_bytes()
    assert data.startswith(SIGNATURE)
    return data[len(SIGNATURE) :]


def test_an_apng_without_its_animation_is_a_plain_picture(tmp_path: Path) -> None:
    """The default image is left, without any animation chunk; a plain picture gives None."""
    plain = without_animation(content(animation(tmp_path / "a.png", [50, 50], default_image=True)))
    assert plain is not None
    assert colour(plain) == (10, 0, 0)
    assert not any(name in plain for name in (b"acTL", b"fcTL", b"fdAT"))
    assert without_animation(content(still(tmp_path / "b.png"))) is None
    assert without_animation(b"") is None


def test_an_apng_may_be_truncated_anywhere(tmp_path: Path) -> None:
    """The rest is kept; a wrong chunk length does no harm."""
    data = content(animation(tmp_path / "a.png", [50, 50]))
    for length in range(0, 160, 7):
        for cut in (data[:length], data[:length] + b"\xff\xff\xff\xff" + data[length + 4 :]):
            plain = without_animation(cut)
            assert plain is None or len(plain) <= len(SIGNATURE) + len(cut)


@pytest.mark.parametrize(
    ("mode", "fill", "expected"),
    [
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBA", (1, 2, 3, 128), (1, 2, 3, 128)),
        ("RGBA", (1, 2, 3, 255), (1, 2, 3)),
        ("L", 200, (200, 200, 200)),
        ("1", 1, (255, 255, 255)),
        ("LA", (200, 100), (200, 200, 200, 100)),
        ("I;16", 0x8000, (128, 128, 128)),
        ("I;16B", 0xFF00, (255, 255, 255)),
        ("I", 0x4000, (64, 64, 64)),
        ("F", 0.5, (0, 0, 0)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("YCbCr", (255, 128, 128), (255, 255, 255)),
        ("HSV", (0, 255, 255), (255, 0, 0)),
    ],
)
def test_modes_become_rgb_or_rgba(
    mode: str, fill: float | tuple[int, ...], expected: tuple[int, ...]
) -> None:
    """Colours stay the same, 16 bits become 8, and alpha is kept only if something is transparent."""
    image = shown(Image.new(mode, (3, 2), fill), Enlargement())
    assert image.mode == ("RGB" if len(expected) == 3 else "RGBA")
    assert image.size == (3, 2)
    assert image.getpixel((2, 1)) == expected


@pytest.mark.parametrize("transparent", [True, False])
def test_a_palette_becomes_colours(transparent: bool) -> None:
    """A palette picture becomes RGB, or RGBA if one of its colours is transparent."""
    image = Image.new("P", (2, 1), 1)
    image.putpalette([0, 0, 0, 9, 8, 7])
    image.putpixel((0, 0), 0)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **({"transparency": 0} if transparent else {}))
    with Image.open(buffer) as stored:
        out = shown(stored, Enlargement())
    expected = [(0, 0, 0, 0), (9, 8, 7, 255)] if transparent else [(0, 0, 0), (9, 8, 7)]
    assert [out.getpixel((x, 0)) for x in (0, 1)] == expected


@pytest.mark.parametrize(
    ("enlargement", "size"), [(Enlargement(scale=3), (6, 3)), (Enlargement(size=(4, 5)), (4, 5))]
)
def test_enlarging_keeps_pixels_sharp(enlargement: Enlargement, size: tuple[int, int]) -> None:
    """Nearest neighbour: no new colour appears."""
    image = Image.new("RGB", (2, 1), (255, 0, 0))
    image.putpixel((1, 0), (0, 0, 255))
    out = shown(image, enlargement)
    assert out.size == size
    assert {colour for _, colour in out.getcolors() or []} == {(255, 0, 0), (0, 0, 255)}


def test_a_result_that_would_be_too_large_is_refused() -> None:
    """The limit for reading also limits enlarging; it is checked before memory is allocated."""
    with pytest.raises(ValueError, match="would be 64000 x 64000 pixels"):
        shown(Image.new("L", (1000, 1000)), Enlargement(scale=64))
