"""The pictures at a path, pass after pass."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from beats.adapters.sources.images import slideshow as module
from beats.adapters.sources.images.decode import Encode, Enlargement, pictures_in
from beats.adapters.sources.images.listing import look
from beats.adapters.sources.images.slideshow import Slide, Slideshow, can_read
from beats.config.settings import PixelSettings
from beats.kernel.errors import InputError
from tests.adapters.sources.images.pictures import (
    BLUE,
    GREEN,
    RED,
    animation,
    broken_animation,
    colour,
    huge_png,
    noisy_gif,
    opened,
    still,
    with_damage,
)
from tests.adapters.sources.support import pixel_publisher

PLENTY = 1 << 20


class Show:
    """A slideshow and its reports."""

    def __init__(self, path: Path, *, cache_bytes: int = PLENTY, **options: bool) -> None:
        self.reported: list[str] = []
        watched = {"is_watched": True, **options}
        self.pixels = pixel_publisher()
        self.slideshow = Slideshow(
            str(path), Enlargement(), self.pixels, self.reported.append, cache_bytes=cache_bytes, **watched
        )
        self.slides: Generator[Slide | None] = self.slideshow.slides()

    def next(self) -> object:
        """The colour of the next picture; None if there is none for now."""
        slide = next(self.slides)
        return None if slide is None else colour(slide.picture.frame.data)

    def take(self, count: int) -> list[object]:
        return [self.next() for _ in range(count)]

    def look(self) -> None:
        """Take the files that are there now."""
        found = self.slideshow.look()
        if found is not None:
            self.slideshow.listing = found


def one_pass(path: Path) -> tuple[list[Slide], list[str]]:
    """All pictures once, and the reports."""
    show = Show(path, loop=False, is_watched=False)  # as the source does it
    return [slide for slide in show.slides if slide is not None], show.reported


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files decoded, with repetitions."""
    names: list[str] = []

    def counted(path: Path, enlargement: Enlargement, encode: Encode) -> object:
        names.append(path.name)
        return pictures_in(path, enlargement, encode)

    monkeypatch.setattr(module, "pictures_in", counted)
    return names


def test_a_folder_gives_its_pictures_in_natural_order_each_in_its_own_size(tmp_path: Path) -> None:
    """Sizes may differ; an animation among stills is shown whole."""
    still(tmp_path / "10.png", BLUE, (2, 2))
    still(tmp_path / "2.png", RED, (8, 1))
    animation(tmp_path / "3.gif", [50, 70])
    slides, _ = one_pass(tmp_path)
    assert [opened(slide.picture.frame.data).size for slide in slides] == [(8, 1), (4, 3), (4, 3), (2, 2)]
    assert [slide.picture.duration_s for slide in slides] == [None, 0.05, 0.07, None]


def test_other_settings_of_pixels_hold_for_the_next_picture(tmp_path: Path) -> None:
    """Also for one that is in the cache."""
    animation(tmp_path / "a.gif", [50, 70])
    show = Show(tmp_path)
    types: list[str] = []
    for form in ("png", "jpeg"):
        show.pixels.settings = PixelSettings.model_validate({"format": form})
        for _ in range(2):
            slide = next(show.slides)
            assert slide is not None
            types.append(slide.picture.frame.media_type)
    assert types == ["image/png", "image/png", "image/jpeg", "image/jpeg"]


def test_more_pixels_than_may_be_published_are_reported(tmp_path: Path) -> None:
    """The other pictures are shown."""
    still(tmp_path / "a.png", RED, (9, 6))
    still(tmp_path / "b.png", BLUE, (8, 6))
    show = Show(tmp_path)
    show.pixels.settings = PixelSettings(max_pixels=48)
    assert show.next() == BLUE
    assert show.reported == [
        f"{tmp_path}/a.png cannot be shown: a picture of 9 x 6 has 54 pixels; at most 48 are allowed: "
        "make it smaller, or raise pixels.max_pixels; skipped"
    ]


def test_a_file_that_is_not_a_picture_is_skipped_and_reported_once(tmp_path: Path) -> None:
    """In the first pass only, until it is rewritten."""
    still(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("hello")
    show = Show(tmp_path)
    assert len(show.take(3)) == 3
    assert len(show.reported) == 1
    assert "notes.txt is not a readable picture: give PNG" in show.reported[0]
    (tmp_path / "notes.txt").write_text("hello again")
    show.look()
    assert len(show.take(3)) == 3
    assert len(show.reported) == 2


def test_a_broken_file_in_a_folder_is_reported_and_skipped(tmp_path: Path) -> None:
    """The others are shown."""
    whole = still(tmp_path / "a.png", size=(64, 64)).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[:60])
    huge_png(tmp_path / "c.png", 60_000)
    slides, reported = one_pass(tmp_path)
    assert len(slides) == 1
    assert "b.png is broken: " in reported[0]
    assert "c.png has more than 89,478,485 pixels" in reported[1]


def test_a_folder_without_a_picture_is_an_input_error(tmp_path: Path) -> None:
    """The error names the folder and says what to put into it."""
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=r"holds no readable picture: put PNG, .* files into it"):
        one_pass(tmp_path)
    assert str(tmp_path) in str(can_read(tmp_path))


def test_a_decompression_bomb_is_an_input_error(tmp_path: Path) -> None:
    """A small file with an enormous size in its header is refused before memory is allocated."""
    path = huge_png(tmp_path / "bomb.png", 10_000)
    with pytest.raises(InputError, match="has more than 89,478,485 pixels, which may be an attack"):
        one_pass(path)
    assert "89,478,485" in str(can_read(path))


def test_a_truncated_gif_gives_its_whole_frames_and_is_reported(tmp_path: Path) -> None:
    """Wherever it is truncated. Without a whole frame it is an input error."""
    whole = noisy_gif(tmp_path / "whole.gif", 3).read_bytes()
    counts: set[int] = set()
    for cut in range(10, len(whole) - 1, 97):
        path = tmp_path / f"{cut}.gif"
        path.write_bytes(whole[:cut])
        show = Show(path)
        slides: list[Slide | None] = []
        fault = ""
        try:
            slides = [next(show.slides) for _ in range(6)]
        except InputError as error:
            fault = str(error)
        assert (fault or show.reported[0]).startswith(f"{path} ")
        assert len(show.reported) == 1, f"cut at {cut}"
        counts.add(len({slide.picture.frame.data for slide in slides if slide is not None}))
    assert counts == {0, 1, 2}


def test_a_broken_animation_is_reported_and_its_default_image_shown(tmp_path: Path) -> None:
    """As a single file or in a folder, in each pass; it is reported once."""
    path = broken_animation(animation(tmp_path / "a.png", [50, 50], default_image=True), with_damage)
    for place in (path, tmp_path):
        show = Show(place)
        assert show.take(3) == [(10, 0, 0)] * 3
        (report,) = show.reported
        assert report.startswith(f"{path} has a broken animation (")
        assert report.endswith("its default image is shown")


def test_from_the_second_pass_a_broken_animation_is_only_its_default_image(tmp_path: Path) -> None:
    """The frames before the fault are shown once."""
    path = animation(tmp_path / "a.png", [50, 50, 50])
    path.write_bytes(path.read_bytes()[:-30])
    red = [(10, 0, 0), (50, 0, 0)]
    assert Show(path).take(5) == [*red, red[0], red[0], red[0]]


@pytest.mark.parametrize(("room", "passes"), [(0, 4), (-1, 4), (1, 1)])
def test_what_fits_the_cache_is_decoded_once(
    tmp_path: Path, decoded: list[str], room: int, passes: int
) -> None:
    """The cache is bounded in bytes; a larger animation is decoded in each pass."""
    path = animation(tmp_path / "a.gif", [50, 50, 50])
    size = sum(len(slide.picture.frame.data) for slide in one_pass(path)[0])
    decoded.clear()
    show = Show(path, cache_bytes=size if room == 1 else size - 1 if room == -1 else 0)
    assert show.take(12) == [(10, 0, 0), (50, 0, 0), (90, 0, 0)] * 4
    assert len(decoded) == passes


def test_the_files_of_a_folder_that_fit_are_cached(tmp_path: Path, decoded: list[str]) -> None:
    """The others are decoded in each pass."""
    sizes = [len(one_pass(still(tmp_path / f"{name}.png"))[0][0].picture.frame.data) for name in "abc"]
    decoded.clear()
    Show(tmp_path, cache_bytes=sum(sizes[:2])).take(9)
    assert decoded == ["a.png", "b.png", "c.png", "c.png", "c.png"]


# Changes


def test_an_added_picture_is_shown_in_its_place(tmp_path: Path, decoded: list[str]) -> None:
    """Within the current pass, and nothing else is decoded again."""
    still(tmp_path / "1.png", RED)
    still(tmp_path / "3.png", BLUE)
    show = Show(tmp_path)
    assert show.take(3) == [RED, BLUE, RED]
    still(tmp_path / "2.png", GREEN)
    show.look()
    assert show.take(4) == [GREEN, BLUE, RED, GREEN]
    assert decoded.count("2.png") == 1


@pytest.mark.parametrize("is_renamed", [False, True])
def test_a_rewritten_picture_replaces_the_old_one(tmp_path: Path, is_renamed: bool) -> None:
    """In a folder at its next turn, a single file at once; whether rewritten in place or by renaming."""
    path = still(tmp_path / "a.png", RED)
    single, folder = Show(path), Show(tmp_path)
    assert (single.take(2), folder.take(2)) == ([RED, RED], [RED, RED])
    still(tmp_path / ".b.png" if is_renamed else path, BLUE, (5, 5))
    if is_renamed:
        (tmp_path / ".b.png").replace(path)
    single.look()
    folder.look()
    assert (single.take(2), folder.take(2)) == ([BLUE, BLUE], [BLUE, BLUE])


def test_a_rewritten_animation_starts_from_its_first_frame(tmp_path: Path) -> None:
    """Even in the middle of the old one."""
    path = animation(tmp_path / "a.gif", [50, 50, 50])
    show = Show(path)
    assert show.take(2) == [(10, 0, 0), (50, 0, 0)]
    animation(path, [50, 50, 50, 50, 50])
    show.look()
    assert show.take(6) == [(10, 0, 0), (50, 0, 0), (90, 0, 0), (130, 0, 0), (170, 0, 0), (10, 0, 0)]


def test_a_link_that_changes_to_another_folder_shows_that_folder(tmp_path: Path) -> None:
    """Even if the file names are the same."""
    for name, shade in (("one", RED), ("two", BLUE)):
        (tmp_path / name).mkdir()
        still(tmp_path / name / "a.png", shade)
    link = tmp_path / "link"
    link.symlink_to("one")
    show = Show(link)
    assert show.take(2) == [RED, RED]
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").replace(link)
    show.look()
    assert show.take(2) == [BLUE, BLUE]


@pytest.mark.parametrize(("fault", "is_folder"), [("removed", False), ("removed", True), ("broken", False)])
def test_removed_and_broken_files_are_shown_from_the_cache_and_reported_once(
    tmp_path: Path, fault: str, is_folder: bool
) -> None:
    """Until they are back: an upload may start by removing the old files."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    path = still(folder / "a.png", RED)
    show = Show(folder if is_folder else path)
    assert show.take(2) == [RED, RED]
    if fault == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:50])
    for _ in range(3):
        show.look()
        assert show.take(2) == [RED, RED]
    (report,) = show.reported
    assert "still showing" in report
    still(path, BLUE)
    show.look()
    assert show.take(2) == [BLUE, BLUE]


@pytest.mark.parametrize("is_folder", [False, True])
def test_without_anything_to_show_a_watched_slideshow_waits(tmp_path: Path, is_folder: bool) -> None:
    """An unwatched one ends with an error."""
    path = still(tmp_path / "a.png", RED)
    place = tmp_path if is_folder else path
    watched = Show(place, cache_bytes=0)
    unwatched = Show(place, cache_bytes=0, is_watched=False)
    assert (watched.next(), unwatched.next()) == (RED, RED)
    path.write_bytes(b"no picture")
    watched.look()
    assert watched.take(3) == [None, None, None]
    assert len(watched.reported) == 1
    with pytest.raises(InputError, match=r"no readable picture|is not a readable"):
        unwatched.next()
    still(path, BLUE)
    watched.look()
    assert watched.next() == BLUE


def test_the_cache_stays_within_its_limit_while_files_change(tmp_path: Path, decoded: list[str]) -> None:
    """Changed and removed files free their space."""
    shades = (GREEN, BLUE, RED)
    sizes = [len(one_pass(still(tmp_path / "a.png", shade))[0][0].picture.frame.data) for shade in shades]
    show = Show(tmp_path, cache_bytes=max(sizes))
    for number, shade in enumerate(shades):
        show.take(2)
        (tmp_path / "a.png").unlink(missing_ok=True)
        still(tmp_path / f"{'aab'[number]}.png", shade)
        show.look()
        show.take(3)
        decoded.clear()
        show.take(2)
        assert decoded == []


def test_a_change_does_not_cut_short_a_single_pass(tmp_path: Path) -> None:
    """Without `loop`, a file is shown to its end."""
    path = animation(tmp_path / "a.gif", [50, 50, 50])
    show = Show(path, loop=False, is_watched=False)  # as the source does it
    first = show.next()
    path.write_bytes(path.read_bytes() + b"more")
    show.slideshow.listing = look(path)
    rest = [colour(slide.picture.frame.data) for slide in show.slides if slide is not None]
    assert [first, *rest] == [(10, 0, 0), (50, 0, 0), (90, 0, 0)]


# can_read


def test_can_read_says_nothing_about_a_picture(tmp_path: Path) -> None:
    """Neither about a file nor about its folder."""
    for name in ("a.gif", "a.png", "a.webp"):
        assert can_read(still(tmp_path / name)) is None
    assert can_read(str(tmp_path)) is None


def test_can_read_says_why_not(tmp_path: Path) -> None:
    """Missing, not a picture, neither a file nor a folder, or with an impossible name."""
    (tmp_path / "notes.txt").write_text("hello")
    os.mkfifo(tmp_path / "fifo")
    assert "does not exist" in str(can_read(tmp_path / "nothing"))
    assert "is not a readable picture" in str(can_read(tmp_path / "notes.txt"))
    assert "is neither a file nor a folder" in str(can_read(tmp_path / "fifo"))
    assert "is broken: " in str(can_read("a\0b"))
