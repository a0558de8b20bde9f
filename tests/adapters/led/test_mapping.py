"""From a picture to the bytes of a wall, and back to what the wall shows."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from beats.adapters.led.mapping import Tone, WallMapping
from tests.adapters.led.support import numbered, pixels, wall

FULL = Tone(1, 1)


def wire(image: Image.Image, tone: Tone = FULL, **given: Any) -> bytes:
    return WallMapping(wall(*given.pop("size", image.size), **given)).wire(pixels(image), tone)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.booleans(),
    st.sampled_from(["".join(order) for order in [*permutations("rgb"), *permutations("rgbw")]]),
)
def test_a_wall_shows_the_picture(width: int, height: int, serpentine: bool, order: str) -> None:
    """What is computed back from the bytes sent is the picture, in every order of colours."""
    mapping = WallMapping(wall(width, height, color_order=order, layout={"serpentine": serpentine}))
    image = numbered(width, height)
    sent = mapping.wire(pixels(image), FULL)
    assert len(sent) == width * height * len(order)
    assert mapping.picture(sent, FULL).packed() == image.tobytes()


def test_colours_are_sent_in_the_order_of_the_leds() -> None:
    """A white LED shows what red, green and blue have in common."""
    image = Image.new("RGB", (1, 1), (250, 30, 100))
    assert wire(image) == bytes((250, 30, 100))
    assert wire(image, color_order="grb") == bytes((30, 250, 100))
    assert wire(image, color_order="wbgr") == bytes((30, 70, 0, 220))


def test_brightness_is_a_share_of_light_and_gamma_its_curve() -> None:
    """Gamma bends the values between dark and full light; brightness scales all of them."""
    image = Image.new("RGB", (1, 1), (0, 128, 255))
    assert wire(image, Tone(0.5, 1)) == bytes((0, 64, 128))
    assert wire(image, Tone(1, 2.2)) == bytes((0, round(255 * (128 / 255) ** 2.2), 255))
    assert wire(image, Tone(0, 2.2)) == bytes(3)


def test_the_preview_undoes_gamma_and_keeps_brightness() -> None:
    """On a screen, a dimmed wall is dark, and one with the right gamma has the colours of the picture."""
    image = Image.new("RGB", (1, 1), (60, 128, 255))
    mapping = WallMapping(wall(1, 1))

    def shown(tone: Tone) -> list[int]:
        return list(mapping.picture(mapping.wire(pixels(image), tone), tone).packed())

    assert shown(Tone(1, 2.2)) == pytest.approx([60, 128, 255], abs=2)
    assert shown(Tone(0.5, 1)) == [30, 64, 128]


def test_the_preview_shows_what_a_wall_makes_of_wrong_settings() -> None:
    """The wall turns at the end of each row and the settings do not: every second row is mirrored."""
    image = numbered(4, 3)
    mapping = WallMapping(wall(4, 3, preview="p", preview_layout={"serpentine": True}))
    wrong = image.copy()
    wrong.paste(image.crop((0, 1, 4, 2)).transpose(Image.Transpose.FLIP_LEFT_RIGHT), (0, 1))
    assert mapping.picture(mapping.wire(pixels(image), FULL), FULL).packed() == wrong.tobytes()


def test_a_picture_of_another_size_is_fitted() -> None:
    """Box takes the mean, nearest keeps hard edges, letterbox adds black bars."""
    image = Image.new("RGB", (4, 2))
    image.paste((200, 0, 0), (0, 0, 1, 2))  # the left of the two columns of the left half
    box = wire(image, size=(2, 2))
    nearest = wire(image, size=(2, 2), fit="nearest")
    bars = wire(image, size=(2, 3), fit="letterbox")
    assert box == bytes((100, 0, 0, 0, 0, 0)) * 2
    assert nearest in (bytes((200, 0, 0, 0, 0, 0)) * 2, bytes(12))
    assert bars == bytes(6) + bytes((100, 0, 0, 0, 0, 0)) + bytes(6)


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_grey_and_transparent_pictures_are_shown(mode: str) -> None:
    """What is transparent is dark."""
    image = Image.new(mode, (2, 1), 90 if mode == "L" else (200, 100, 50, 0))
    assert wire(image) == (bytes([90] * 6) if mode == "L" else bytes(6))
