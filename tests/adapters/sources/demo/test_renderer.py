"""The demo's picture."""

import pytest
from PIL import ImageChops, ImageStat

from beats.adapters.sources.demo.renderer import Renderer
from beats.adapters.sources.demo.signals import Signals


def test_the_same_seed_size_and_time_give_the_same_pixels() -> None:
    """A picture does not depend on earlier ones; another seed selects other colours and paths."""
    fresh, used = Renderer(3, 64, 64), Renderer(3, 64, 64)
    for number in range(40):
        used.image(number / 30)
    assert fresh.image(0.7) == used.image(0.7) != Renderer(4, 64, 64).image(0.7)


@pytest.mark.parametrize("size", [(64, 64), (8, 8), (512, 8), (8, 512), (96, 48)])
def test_the_picture_has_the_size_asked_for(size: tuple[int, int]) -> None:
    """For the smallest and the largest sides; in RGB."""
    image = Renderer(0, *size).image(2.0)
    assert (image.mode, image.size) == ("RGB", size)


@pytest.mark.parametrize("seed", range(2))
def test_it_moves_and_is_neither_too_dark_nor_too_bright(seed: int) -> None:
    """Each frame differs from the one before; brightness and contrast stay in a range."""
    picture = Renderer(seed, 64, 64)
    before = picture.image(0.0)
    for number in range(1, 30):
        image = picture.image(number / 3)
        assert ImageChops.difference(before, image).getbbox() is not None
        statistics = ImageStat.Stat(image.convert("L"))
        assert 20 < statistics.mean[0] < 140
        assert statistics.stddev[0] > 15
        before = image


def test_a_press_starts_a_wave() -> None:
    """After a press, a growing ring around the centre differs from the picture without it."""
    press = Signals(0).press(0)
    picture, calm = Renderer(0, 64, 64), Renderer(0, 64, 64)
    calm._signals.since_press_s = lambda time_s: float("inf")  # type: ignore[method-assign]  # pyright: ignore[reportPrivateUsage]
    rings: list[int] = []
    for age_s in (0.1, 0.3, 0.5):
        moment = press.start_s + age_s
        lit = ImageChops.difference(picture.image(moment), calm.image(moment)).convert("L").getbbox()
        assert lit is not None
        rings.append(lit[2] - lit[0])
    assert rings == sorted(rings)
    assert rings[0] < rings[-1]
