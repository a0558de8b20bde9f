import os
from collections.abc import Generator
from pathlib import Path

import pytest

from beats.adapters.sources.images import film as module
from beats.adapters.sources.images.convert import Shape
from beats.adapters.sources.images.film import Film, Shot, can_read
from beats.adapters.sources.images.listing import look
from beats.adapters.sources.images.reading import pictures_in
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

PLENTY = 1 << 20


class Screening:
    """A film that is watched, and what it reports."""

    def __init__(self, path: Path, *, cache_bytes: int = PLENTY, loop: bool = True, is_watched: bool = True):
        self.reported: list[str] = []
        self.film = Film(
            str(path),
            Shape(),
            self.reported.append,
            loop=loop,
            cache_bytes=cache_bytes,
            is_watched=is_watched,
        )
        self.shots: Generator[Shot | None] = self.film.shots()

    def next(self) -> object:
        """The colour of the next picture; None when there is none for now."""
        shot = next(self.shots)
        return None if shot is None else colour(shot.picture.png)

    def take(self, count: int) -> list[object]:
        return [self.next() for _ in range(count)]

    def look(self) -> None:
        """Take on what is there now."""
        found = self.film.look()
        if found is not None:
            self.film.listing = found


def one_pass(path: Path) -> tuple[list[Shot], list[str]]:
    """All pictures once, and what was reported."""
    screening = Screening(path, loop=False)
    return [shot for shot in screening.shots if shot is not None], screening.reported


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded, each time."""
    names: list[str] = []

    def counted(path: Path, shape: Shape) -> object:
        names.append(path.name)
        return pictures_in(path, shape)

    monkeypatch.setattr(module, "pictures_in", counted)
    return names


def test_a_folder_gives_its_pictures_in_natural_order_each_in_its_own_size(tmp_path: Path) -> None:
    """Sizes may differ; an animation among stills is shown whole."""
    still(tmp_path / "10.png", BLUE, (2, 2))
    still(tmp_path / "2.png", RED, (8, 1))
    animation(tmp_path / "3.gif", [50, 70])
    shots, _ = one_pass(tmp_path)
    assert [opened(shot.picture.png).size for shot in shots] == [(8, 1), (4, 3), (4, 3), (2, 2)]
    assert [shot.picture.duration_s for shot in shots] == [None, 0.05, 0.07, None]


def test_what_is_not_a_picture_is_skipped_and_reported_once(tmp_path: Path) -> None:
    """At the first pass only, until it is rewritten."""
    still(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("hello")
    screening = Screening(tmp_path)
    assert len(screening.take(3)) == 3
    assert len(screening.reported) == 1
    assert "notes.txt is not a picture that can be read: PNG" in screening.reported[0]
    (tmp_path / "notes.txt").write_text("hello again")
    screening.look()
    assert len(screening.take(3)) == 3
    assert len(screening.reported) == 2


def test_a_broken_file_in_a_folder_is_named_and_skipped(tmp_path: Path) -> None:
    """The others are shown."""
    whole = still(tmp_path / "a.png", size=(64, 64)).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[:60])
    huge_png(tmp_path / "c.png", 60_000)
    shots, reported = one_pass(tmp_path)
    assert len(shots) == 1
    assert "b.png is broken: " in reported[0]
    assert "c.png has more than 89,478,485 pixels" in reported[1]


def test_a_folder_without_a_picture_is_an_input_error(tmp_path: Path) -> None:
    """The error names the folder and what would be right."""
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(InputError, match=r"holds no picture that can be read: put PNG, .* files into it"):
        one_pass(tmp_path)
    assert str(tmp_path) in str(can_read(tmp_path))


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_decompression_bomb_is_an_input_error(tmp_path: Path, side: int) -> None:
    """A few bytes that claim to be enormous are refused before memory is taken, also just above the limit."""
    path = huge_png(tmp_path / "bomb.png", side)
    with pytest.raises(InputError, match="has more than 89,478,485 pixels, which may be an attack"):
        one_pass(path)
    assert "89,478,485" in str(can_read(path))


def test_a_cut_gif_gives_what_can_be_read_and_is_reported(tmp_path: Path) -> None:
    """Wherever it is cut: whole frames are shown, the fault is named; without one, it is an input error."""
    whole = noisy_gif(tmp_path / "whole.gif", 3).read_bytes()
    counts: set[int] = set()
    for cut in range(10, len(whole) - 1, 97):
        path = tmp_path / f"{cut}.gif"
        path.write_bytes(whole[:cut])
        screening = Screening(path)
        shots: list[Shot | None] = []
        fault = ""
        try:
            shots = [next(screening.shots) for _ in range(6)]
        except InputError as error:
            fault = str(error)
        assert (fault or screening.reported[0]).startswith(f"{path} ")
        assert len(screening.reported) == 1, f"cut at {cut}"
        counts.add(len({shot.picture.png for shot in shots if shot is not None}))
    assert counts == {0, 1, 2}


def test_a_missing_path_is_an_input_error_that_says_what_to_give(tmp_path: Path) -> None:
    """The path and what would be right stand in the message."""
    with pytest.raises(InputError, match=r"nothing\.gif does not exist: give a picture"):
        one_pass(tmp_path / "nothing.gif")


def test_a_broken_animation_is_reported_and_its_default_image_shown(tmp_path: Path) -> None:
    """Alone or in a folder, in each pass, and reported once."""
    path = broken_animation(animation(tmp_path / "a.png", [50, 50], default_image=True), with_damage)
    for place in (path, tmp_path):
        screening = Screening(place)
        assert screening.take(3) == [(10, 0, 0)] * 3
        (report,) = screening.reported
        assert report.startswith(f"{path} is broken in its animation (")
        assert report.endswith("its default image is shown")


def test_from_the_second_pass_on_a_broken_animation_is_its_default_image(tmp_path: Path) -> None:
    """The frames before the fault are shown once: the animation is over."""
    path = animation(tmp_path / "a.png", [50, 50, 50])
    path.write_bytes(path.read_bytes()[:-30])
    red = [(10, 0, 0), (50, 0, 0)]
    assert Screening(path).take(5) == [*red, red[0], red[0], red[0]]


@pytest.mark.parametrize(("room", "passes"), [(0, 4), (-1, 4), (1, 1)])
def test_a_film_that_fits_is_decoded_once(tmp_path: Path, decoded: list[str], room: int, passes: int) -> None:
    """What is kept is bounded in bytes; a longer film is decoded for each pass."""
    path = animation(tmp_path / "a.gif", [50, 50, 50])
    size = sum(len(shot.picture.png) for shot in one_pass(path)[0])
    decoded.clear()
    screening = Screening(path, cache_bytes=size if room == 1 else size - 1 if room == -1 else 0)
    assert screening.take(12) == [(10, 0, 0), (50, 0, 0), (90, 0, 0)] * 4
    assert len(decoded) == passes


def test_a_folder_keeps_the_files_that_fit(tmp_path: Path, decoded: list[str]) -> None:
    """The others are decoded for each pass."""
    sizes = [len(one_pass(still(tmp_path / f"{name}.png"))[0][0].picture.png) for name in "abc"]
    decoded.clear()
    Screening(tmp_path, cache_bytes=sum(sizes[:2])).take(9)
    assert decoded == ["a.png", "b.png", "c.png", "c.png", "c.png"]


# Changes


def test_a_picture_that_is_added_is_shown_in_its_place(tmp_path: Path, decoded: list[str]) -> None:
    """In the pass that goes on, and nothing else is decoded again."""
    still(tmp_path / "1.png", RED)
    still(tmp_path / "3.png", BLUE)
    screening = Screening(tmp_path)
    assert screening.take(3) == [RED, BLUE, RED]
    still(tmp_path / "2.png", GREEN)
    screening.look()
    assert screening.take(4) == [GREEN, BLUE, RED, GREEN]
    assert decoded.count("2.png") == 1


def test_a_picture_that_is_removed_is_shown_no_more(tmp_path: Path) -> None:
    """What was kept of it is dropped."""
    for name, shade in (("1", RED), ("2", GREEN), ("3", BLUE)):
        still(tmp_path / f"{name}.png", shade)
    screening = Screening(tmp_path)
    assert screening.take(4) == [RED, GREEN, BLUE, RED]
    (tmp_path / "2.png").unlink()
    screening.look()
    assert screening.take(4) == [BLUE, RED, BLUE, RED]


@pytest.mark.parametrize("is_renamed", [False, True])
def test_a_rewritten_picture_is_shown_as_it_is(tmp_path: Path, is_renamed: bool) -> None:
    """In a folder in its next turn, alone at once; in place or by renaming."""
    path = still(tmp_path / "a.png", RED)
    alone, folder = Screening(path), Screening(tmp_path)
    assert (alone.take(2), folder.take(2)) == ([RED, RED], [RED, RED])
    still(tmp_path / ".b.png" if is_renamed else path, BLUE, (5, 5))
    if is_renamed:
        (tmp_path / ".b.png").replace(path)
    alone.look()
    folder.look()
    assert (alone.take(2), folder.take(2)) == ([BLUE, BLUE], [BLUE, BLUE])


def test_a_rewritten_film_begins_from_its_start(tmp_path: Path) -> None:
    """In the middle of the old one."""
    path = animation(tmp_path / "a.gif", [50, 50, 50])
    screening = Screening(path)
    assert screening.take(2) == [(10, 0, 0), (50, 0, 0)]
    animation(path, [50, 50, 50, 50, 50])
    screening.look()
    assert screening.take(6) == [(10, 0, 0), (50, 0, 0), (90, 0, 0), (130, 0, 0), (170, 0, 0), (10, 0, 0)]


def test_a_swapped_link_to_a_folder_shows_the_other_one(tmp_path: Path) -> None:
    """Though the names in it are the same."""
    for name, shade in (("one", RED), ("two", BLUE)):
        (tmp_path / name).mkdir()
        still(tmp_path / name / "a.png", shade)
    link = tmp_path / "link"
    link.symlink_to("one")
    screening = Screening(link)
    assert screening.take(2) == [RED, RED]
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").replace(link)
    screening.look()
    assert screening.take(2) == [BLUE, BLUE]


@pytest.mark.parametrize("is_folder", [False, True])
def test_what_goes_away_is_shown_as_it_was_and_reported_once(tmp_path: Path, is_folder: bool) -> None:
    """Until it is back: an upload may begin with removing what is there."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    path = still(folder / "a.png", RED)
    screening = Screening(folder if is_folder else path)
    assert screening.take(2) == [RED, RED]
    path.unlink()
    for _ in range(3):
        screening.look()
        assert screening.take(2) == [RED, RED]
    (report,) = screening.reported
    assert "what was read before is shown" in report
    still(path, BLUE)
    screening.look()
    assert screening.take(2) == [BLUE, BLUE]


def test_a_file_that_is_broken_by_its_change_is_shown_as_it_was(tmp_path: Path) -> None:
    """When it is alone; what is wrong is reported once, and what is right later is shown."""
    path = still(tmp_path / "a.png", RED)
    screening = Screening(path)
    assert screening.take(2) == [RED, RED]
    path.write_bytes(path.read_bytes()[:50])
    screening.look()
    assert screening.take(3) == [RED, RED, RED]
    (report,) = screening.reported
    assert report.endswith("what was read before is shown")
    still(path, BLUE)
    screening.look()
    assert screening.take(2) == [BLUE, BLUE]


@pytest.mark.parametrize("is_folder", [False, True])
def test_without_anything_to_show_a_watched_film_waits(tmp_path: Path, is_folder: bool) -> None:
    """Nothing was kept, and the file is broken; one that is not watched ends with an error."""
    path = still(tmp_path / "a.png", RED)
    place = tmp_path if is_folder else path
    watched = Screening(place, cache_bytes=0)
    unwatched = Screening(place, cache_bytes=0, is_watched=False)
    assert (watched.next(), unwatched.next()) == (RED, RED)
    path.write_bytes(b"no picture")
    watched.look()
    assert watched.take(3) == [None, None, None]
    assert len(watched.reported) == 1
    with pytest.raises(InputError, match=r"no picture that can be read|is not a picture"):
        unwatched.next()
    still(path, BLUE)
    watched.look()
    assert watched.next() == BLUE


def test_what_is_kept_stays_within_its_bound_while_files_change(tmp_path: Path, decoded: list[str]) -> None:
    """What has changed or gone gives back its room."""
    shades = (GREEN, BLUE, RED)
    sizes = [len(one_pass(still(tmp_path / "a.png", shade))[0][0].picture.png) for shade in shades]
    screening = Screening(tmp_path, cache_bytes=max(sizes))
    screening.take(2)
    for shade in shades:
        (tmp_path / "a.png").unlink()
        still(tmp_path / "a.png", shade)
        screening.look()
        screening.take(2)
        decoded.clear()
        screening.take(2)
        assert decoded == []
    (tmp_path / "a.png").rename(tmp_path / "b.png")
    screening.look()
    screening.take(3)
    decoded.clear()
    screening.take(2)
    assert decoded == []


def test_a_change_in_the_middle_of_once_does_not_cut_it_short(tmp_path: Path) -> None:
    """Without a further pass, what has begun is shown to its end."""
    path = animation(tmp_path / "a.gif", [50, 50, 50])
    screening = Screening(path, loop=False)
    first = screening.next()
    path.write_bytes(path.read_bytes() + b"more")
    screening.film.listing = look(path)
    assert [first, *(colour(shot.picture.png) for shot in screening.shots if shot is not None)] == [
        (10, 0, 0),
        (50, 0, 0),
        (90, 0, 0),
    ]


# Before it is put on air


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
