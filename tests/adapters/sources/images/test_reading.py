import os
from pathlib import Path

import pytest
from PIL import Image

from beats.adapters.sources.images.convert import Shape
from beats.adapters.sources.images.reading import Reader, can_read, frame_s, natural_key
from beats.kernel.errors import InputError
from tests.adapters.sources.images.pictures import (
    BLUE,
    GREEN,
    RED,
    animation,
    colour,
    huge_png,
    noisy_gif,
    opened,
    still,
)


def reader(path: Path, reported: list[str] | None = None) -> Reader:
    return Reader(str(path), Shape(), ([] if reported is None else reported).append)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_an_animation_gives_each_frame_and_its_time(tmp_path: Path, suffix: str) -> None:
    """GIF, APNG and WebP: frames in order, each with the file's own duration."""
    path = animation(tmp_path / f"a.{suffix}", [50, 100, 200])
    pictures = list(reader(path).pictures())
    assert [colour(picture.png) for picture in pictures] == [(10, 0, 0), (50, 0, 0), (90, 0, 0)]
    assert [picture.duration_s for picture in pictures] == [0.05, 0.1, 0.2]


def test_the_frames_of_a_gif_are_composed(tmp_path: Path) -> None:
    """A frame that changes a corner only is sent whole, with what it leaves of the one before."""
    first = Image.new("RGB", (20, 20), RED)
    second = first.copy()
    second.paste(GREEN, (15, 15, 20, 20))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second], duration=50, disposal=1)
    pictures = [opened(picture.png) for picture in reader(tmp_path / "a.gif").pictures()]
    assert pictures[1].size == (20, 20)
    assert [pictures[1].getpixel(spot) for spot in ((0, 0), (19, 19))] == [RED, GREEN]


def test_a_transparent_gif_keeps_its_holes(tmp_path: Path) -> None:
    """Transparency arrives as alpha."""
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    image.putpixel((0, 0), (255, 0, 0, 255))
    image.save(tmp_path / "a.gif")
    (picture,) = reader(tmp_path / "a.gif").pictures()
    shown = opened(picture.png)
    assert shown.getpixel((0, 0)) == (255, 0, 0, 255)
    assert shown.getchannel("A").getpixel((3, 3)) == 0


def test_the_default_image_of_an_apng_is_not_a_frame(tmp_path: Path) -> None:
    """A picture that is there for viewers that cannot animate is not shown by one that can."""
    path = animation(tmp_path / "a.png", [50, 50, 50], default_image=True)
    assert [colour(picture.png) for picture in reader(path).pictures()] == [(50, 0, 0), (90, 0, 0)]


@pytest.mark.parametrize("suffix", ["png", "gif", "webp", "jpg", "bmp", "tiff", "ppm"])
def test_a_still_has_no_time_of_its_own(tmp_path: Path, suffix: str) -> None:
    """One picture, no duration, whatever the format."""
    (picture,) = reader(still(tmp_path / f"a.{suffix}")).pictures()
    assert picture.duration_s is None
    assert opened(picture.png).size == (4, 3)


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    """The orientation that a camera noted is applied, since a PNG's viewers ignore it."""
    image = Image.new("RGB", (4, 2))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    (picture,) = reader(tmp_path / "a.jpg").pictures()
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
    pictures = reader(animation(tmp_path / "a.gif", [0, 10, 20])).pictures()
    assert [picture.duration_s for picture in pictures] == [0.1, 0.1, 0.02]


def test_names_are_sorted_as_people_count() -> None:
    """2 comes before 10, and letter case does not part what belongs together."""
    names = ["f10.png", "F2.png", "f1.png", "a.png", "f02.png", "10.png", "9.png"]
    expected = ["9.png", "10.png", "a.png", "f1.png", "F2.png", "f02.png", "f10.png"]
    assert sorted(names, key=natural_key) == expected


def test_a_folder_gives_its_pictures_in_natural_order_each_in_its_own_size(tmp_path: Path) -> None:
    """Sizes may differ; an animation among stills is shown whole."""
    still(tmp_path / "10.png", BLUE, (2, 2))
    still(tmp_path / "2.png", RED, (8, 1))
    animation(tmp_path / "3.gif", [50, 70])
    pictures = list(reader(tmp_path).pictures())
    assert [opened(picture.png).size for picture in pictures] == [(8, 1), (4, 3), (4, 3), (2, 2)]
    assert [picture.duration_s for picture in pictures] == [None, 0.05, 0.07, None]


def test_what_is_not_a_picture_is_skipped_and_reported_once(tmp_path: Path) -> None:
    """Each name is reported at the first pass only; hidden files, folders and FIFOs are passed over."""
    still(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".DS_Store").write_text("hidden")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo.png")
    reported: list[str] = []
    folder = reader(tmp_path, reported)
    for _ in range(3):
        assert len(list(folder.pictures())) == 1
    assert len(reported) == 1
    assert "notes.txt is not a picture that can be read: PNG" in reported[0]


def test_a_broken_file_in_a_folder_is_named_and_skipped(tmp_path: Path) -> None:
    """The others are shown."""
    whole = still(tmp_path / "a.png", size=(64, 64)).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[:60])
    huge_png(tmp_path / "c.png", 60_000)
    reported: list[str] = []
    assert len(list(reader(tmp_path, reported).pictures())) == 1
    assert "b.png is broken: " in reported[0]
    assert "c.png has more than 89,478,485 pixels" in reported[1]


def test_a_folder_without_a_picture_is_an_input_error(tmp_path: Path) -> None:
    """The error names the folder and what would be right."""
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=r"holds no picture that can be read: put PNG, .* files into it"):
        list(reader(tmp_path).pictures())
    assert str(tmp_path) in str(can_read(tmp_path))


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_decompression_bomb_is_an_input_error(tmp_path: Path, side: int) -> None:
    """A few bytes that claim to be enormous are refused before memory is taken, also just above the limit."""
    path = huge_png(tmp_path / "bomb.png", side)
    with pytest.raises(InputError, match="has more than 89,478,485 pixels, which may be an attack"):
        list(reader(path).pictures())
    assert "89,478,485" in str(can_read(path))


def test_a_cut_gif_gives_what_can_be_read_and_is_reported(tmp_path: Path) -> None:
    """Wherever it is cut: whole frames are shown, the fault is named; without one, it is an input error."""
    whole = noisy_gif(tmp_path / "whole.gif", 3).read_bytes()
    counts: set[int] = set()
    for cut in range(10, len(whole) - 1, 97):
        path = tmp_path / f"{cut}.gif"
        path.write_bytes(whole[:cut])
        reported: list[str] = []
        found = reader(path, reported)
        count = 0
        try:
            for _ in range(2):
                count = len(list(found.pictures()))
        except InputError as error:
            reported.append(str(error))
        assert len(reported) == 1, f"cut at {cut}"
        assert reported[0].startswith(str(path))
        counts.add(count)
    assert counts == {0, 1, 2}


def test_a_missing_path_is_an_input_error_that_says_what_to_give(tmp_path: Path) -> None:
    """The path and what would be right stand in the message."""
    with pytest.raises(InputError, match=r"nothing\.gif does not exist: give a picture"):
        list(reader(tmp_path / "nothing.gif").pictures())


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_can_read_says_nothing_about_a_picture(tmp_path: Path, name: str) -> None:
    """A file and the folder it is in are both fine."""
    still(tmp_path / name)
    assert can_read(tmp_path / name) is None
    assert can_read(str(tmp_path)) is None


def test_can_read_says_why_not(tmp_path: Path) -> None:
    """Missing, not a picture, and neither a file nor a folder, each in words of its own."""
    (tmp_path / "notes.txt").write_text("hello")
    os.mkfifo(tmp_path / "fifo")
    assert "does not exist" in str(can_read(tmp_path / "nothing"))
    assert "is not a picture" in str(can_read(tmp_path / "notes.txt"))
    assert "is neither a file nor a folder" in str(can_read(tmp_path / "fifo"))
    assert "is broken: " in str(can_read("a\0b"))
