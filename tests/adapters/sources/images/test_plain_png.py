from pathlib import Path

import pytest

from beats.adapters.sources.images.plain_png import SIGNATURE, without_animation
from tests.adapters.sources.images.pictures import animation, colour, still


def content(path: Path) -> bytes:
    data = path.read_bytes()
    assert data.startswith(SIGNATURE)
    return data[len(SIGNATURE) :]


def test_what_is_left_is_a_plain_picture(tmp_path: Path) -> None:
    """The default image, in a file without any piece of the animation."""
    plain = without_animation(content(animation(tmp_path / "a.png", [50, 50], default_image=True)))
    assert plain is not None
    assert colour(plain) == (10, 0, 0)
    assert not any(name in plain for name in (b"acTL", b"fcTL", b"fdAT"))


def test_a_picture_without_animation_stays_as_it_is(tmp_path: Path) -> None:
    """There is nothing to take away."""
    assert without_animation(content(still(tmp_path / "a.png"))) is None
    assert without_animation(b"") is None


@pytest.mark.parametrize("length", range(0, 160, 7))
def test_a_file_may_be_cut_anywhere(tmp_path: Path, length: int) -> None:
    """What is left of it is kept; a length that is a lie leads nowhere."""
    data = content(animation(tmp_path / "a.png", [50, 50]))
    for cut in (data[:length], data[:length] + b"\xff\xff\xff\xff" + data[length + 4 :]):
        plain = without_animation(cut)
        assert plain is None or len(plain) <= len(SIGNATURE) + len(cut)
