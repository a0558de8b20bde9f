"""The pictures of a file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from beats.adapters.sources.images.convert import Shape
from beats.adapters.sources.images.reading import (
    BrokenAnimationError,
    Picture,
    frame_s,
    pictures_in,
    why_not,
)
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


def pictures(path: Path) -> list[Picture]:
    return list(pictures_in(path, Shape()))


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_an_animation_gives_each_frame_and_its_time(tmp_path: Path, suffix: str) -> None:
    """GIF, APNG and WebP: frames in order, each with the file's own duration."""
    path = animation(tmp_path / f"a.{suffix}", [50, 100, 200])
    found = pictures(path)
    assert [colour(picture.png) for picture in found] == [(10, 0, 0), (50, 0, 0), (90, 0, 0)]
    assert [picture.duration_s for picture in found] == [0.05, 0.1, 0.2]


def test_the_frames_of_a_gif_are_composed(tmp_path: Path) -> None:
    """A frame that changes a corner only is sent whole, with what it leaves of the one before."""
    first = Image.new("RGB", (20, 20), RED)
    second = first.copy()
    second.paste(GREEN, (15, 15, 20, 20))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second], duration=50, disposal=1)
    composed = [opened(picture.png) for picture in pictures(tmp_path / "a.gif")]
    assert composed[1].size == (20, 20)
    assert [composed[1].getpixel(spot) for spot in ((0, 0), (19, 19))] == [RED, GREEN]


def test_a_transparent_gif_keeps_its_holes(tmp_path: Path) -> None:
    """Transparency arrives as alpha."""
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.putpixel((0, 0), (255, 0, 0, 255))
    image.save(tmp_path / "a.gif")
    (picture,) = pictures(tmp_path / "a.gif")
    shown = opened(picture.png)
    assert shown.getpixel((0, 0)) == (255, 0, 0, 255)
    assert shown.getchannel("A").getpixel((3, 3)) == 0


def test_the_default_image_of_an_apng_is_not_a_frame(tmp_path: Path) -> None:
    """A picture that is there for viewers that cannot animate is not shown by one that can."""
    path = animation(tmp_path / "a.png", [50, 50, 50], default_image=True)
    assert [colour(picture.png) for picture in pictures(path)] == [(50, 0, 0), (90, 0, 0)]


@pytest.mark.parametrize("suffix", ["png", "gif", "webp", "jpg", "bmp", "tiff", "ppm"])
def test_a_still_has_no_time_of_its_own(tmp_path: Path, suffix: str) -> None:
    """One picture, no duration, whatever the format."""
    (picture,) = pictures(still(tmp_path / f"a.{suffix}"))
    assert picture.duration_s is None
    assert opened(picture.png).size == (4, 3)


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    """The orientation that a camera noted is applied, since a PNG's viewers ignore it."""
    image = Image.new("RGB", (4, 2))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    (picture,) = pictures(tmp_path / "a.jpg")
    assert opened(picture.png).size == (2, 4)


@pytest.mark.parametrize(
    ("duration_ms", "expected_s"),
    [(None, 0.1), (0, 0.1), (10, 0.1), (11, 0.011), (20, 0.02), (float("nan"), 0.1), (70_000, 70.0)],
)
def test_a_frame_without_a_sensible_time_lasts_100_ms(duration_ms: float | None, expected_s: float) -> None:
    """At most 10 ms, or none, means 100 ms, as in browsers."""
    assert frame_s(duration_ms) == expected_s


def test_a_gif_without_times_runs_at_ten_frames_a_second(tmp_path: Path) -> None:
    """The rule reaches real files."""
    found = pictures(animation(tmp_path / "a.gif", [0, 10, 20]))
    assert [picture.duration_s for picture in found] == [0.1, 0.1, 0.02]


@pytest.mark.parametrize("default_image", [False, True])
@pytest.mark.parametrize("damage", [without_frame_control, with_wrong_order, with_damage])
def test_an_apng_that_is_broken_in_its_animation_gives_its_default_image(
    tmp_path: Path, damage: Callable[[Chunks], Chunks], default_image: bool
) -> None:
    """As PNG recommends, whatever is wrong with the animation; what is wrong is told."""
    path = animation(tmp_path / "a.png", [50, 50, 50], default_image=default_image)
    broken_animation(path, damage)
    with pytest.raises(
        BrokenAnimationError, match=r"^is broken in its animation \(.+\); its default"
    ) as caught:
        pictures(path)
    assert colour(caught.value.default.png) == (10, 0, 0)
    assert caught.value.default.duration_s is None
    assert why_not(path) is None


def test_the_frames_before_a_fault_come_before_the_default_image(tmp_path: Path) -> None:
    """A picture is shown as soon as it is decoded, and the fault is met later."""
    path = animation(tmp_path / "a.png", [50, 50, 50])
    path.write_bytes(path.read_bytes()[:-30])
    found: list[object] = []
    with pytest.raises(BrokenAnimationError):
        found.extend(colour(picture.png) for picture in pictures_in(path, Shape()))
    assert found == [(10, 0, 0), (50, 0, 0)]


def test_an_apng_whose_default_image_is_broken_is_broken(tmp_path: Path) -> None:
    """There is nothing to fall back on."""
    path = animation(tmp_path / "a.png", [50, 50, 50])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises((OSError, SyntaxError)):
        pictures(path)
