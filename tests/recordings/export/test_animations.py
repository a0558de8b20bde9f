"""Animations as files: what is said of them, and what is left of them."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from beats.kernel.envelope import Frame
from beats.recordings.content import Message
from beats.recordings.export.animations import Animation, LosslessAnimation
from beats.recordings.export.png import PictureError
from beats.recordings.files import Piece
from beats.recordings.scan import Times
from beats.recordings.selection import Chosen
from tests.recordings.export.material import BLUE, GREEN, RED, pixels, plain, plain_png, shown

KINDS = [Animation, LosslessAnimation]


def fill(animation: Animation, frames: Sequence[tuple[float, bytes]]) -> None:
    if isinstance(animation, LosslessAnimation):
        for _, png_data in frames:
            animation.look_at(png_data)
    piece = Piece(Path("a.mcap"), Times(0, 0), 0.0, continues=False)
    for at_s, png_data in frames:
        message = Message("frame", 1, 0, 0, b"", carried=False)
        animation.add(Chosen(piece, at_s, message, repeated=False), Frame(png_data))


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_says_what_the_file_holds(kind: type[Animation], tmp_path: Path) -> None:
    """Frames, seconds and size; and the file is there under its name."""
    animation = kind(tmp_path / "a")
    fill(animation, [(number, plain_png(colour)) for number, colour in enumerate([RED, GREEN, BLUE])])
    size = (tmp_path / "a.part").stat().st_size
    assert size >= 0
    text = animation.finish()
    assert text == f"3 frames, 3.00 s, {(tmp_path / 'a').stat().st_size} bytes"
    assert [each for each, _ in shown(tmp_path / "a")] == [
        pixels(plain(colour)) for colour in (RED, GREEN, BLUE)
    ]


@pytest.mark.parametrize(("kind", "least"), [(Animation, "20 ms"), (LosslessAnimation, "11 ms")])
def test_the_end_says_what_became_of_frames(kind: type[Animation], least: str, tmp_path: Path) -> None:
    """How many were passed over or converted, and why."""
    animation = kind(tmp_path / "a")
    fill(animation, [(0, plain_png(RED)), (1, plain_png(GREEN)), (1.001, plain_png(BLUE, (9, 9)))])
    text = animation.finish()
    assert text is not None
    assert f"; 1 passed over that would have lasted under {least}; 1 converted, as" in text


@pytest.mark.parametrize("kind", KINDS)
def test_without_frames_there_is_no_file(kind: type[Animation], tmp_path: Path) -> None:
    """Also when all that came could not be decoded."""
    assert kind(tmp_path / "a").finish() is None
    animation = kind(tmp_path / "a")
    with pytest.raises(PictureError):
        fill(animation, [(0, b"no picture")])
    assert animation.finish() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_discarded_leaves_nothing(kind: type[Animation], tmp_path: Path) -> None:
    """A half file is taken away."""
    animation = kind(tmp_path / "a")
    fill(animation, [(0, plain_png(RED)), (1, plain_png(GREEN))])
    animation.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_recording_may_have_got_its_first_frame_since(tmp_path: Path) -> None:
    """When there was none to look at, the first that comes decides the form."""
    animation = LosslessAnimation(tmp_path / "a")
    piece = Piece(Path("a.mcap"), Times(0, 0), 0.0, continues=False)
    chosen = Chosen(piece, 0.0, Message("frame", 1, 0, 0, b"", carried=False), repeated=False)
    animation.add(chosen, Frame(plain_png(RED)))
    assert animation.finish() is not None
    assert shown(tmp_path / "a")[0][0] == pixels(plain(RED))
