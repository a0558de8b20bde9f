"""How the pixels of a wall are cut into universes."""

from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.adapters.led.support import artnet, sacn


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 40),
    st.integers(1, 20),
    st.sampled_from(["rgb", "rgbw"]),
    st.none() | st.integers(1, 128),
    st.integers(0, 1000),
    st.integers(0, 1000),
)
def test_every_pixel_is_in_one_universe(
    width: int, height: int, order: str, per: int | None, offset: int, universe: int
) -> None:
    """At the place that universe, pixels per universe and offset say, and never across two of them."""
    wall = artnet(width, height, color_order=order, pixels_per_universe=per, offset=offset, universe=universe)
    channels = len(order)
    wire = bytes(1 + index % 255 for index in range(width * height * channels))
    cut = dict(zip(wall.numbers, wall.cut(wire), strict=True))
    assert all(0 < len(data) <= 512 for data in cut.values())
    each = per or 512 // channels
    for pixel in range(width * height):
        number, place = divmod(offset + pixel, each)
        found = cut[universe + number][place * channels : (place + 1) * channels]
        assert found == wire[pixel * channels : (pixel + 1) * channels]
    assert bytes(chain.from_iterable(cut.values())).lstrip(b"\0") == wire


@pytest.mark.parametrize(
    ("make", "given", "said"),
    [
        (
            artnet,
            {"universe": 32_767},
            "size [20, 10] needs 2 universes, 32767 to 32768, and Art-Net ends at 32767",
        ),
        (
            sacn,
            {"universe": 63_999},
            "size [20, 10] needs 2 universes, 63999 to 64000, and sACN ends at 63999",
        ),
        (
            artnet,
            {"color_order": "rgbw", "pixels_per_universe": 170},
            "pixels_per_universe is 170; a universe's 512 channels hold at most 128 pixels of rgbw",
        ),
        (sacn, {"universe": 0}, "Input should be greater than or equal to 1"),
        (sacn, {"source_name": "ä" * 32}, "a source name has at most 63 bytes of UTF-8"),
        (sacn, {"interface": "eth0"}, "'eth0' is not an IPv4 address of this machine, such as 192.168.1.10"),
    ],
)
def test_what_does_not_fit_is_said(make: Any, given: dict[str, Any], said: str) -> None:
    """With the limit."""
    with pytest.raises(ValidationError) as raised:
        make(20, 10, **given)
    assert said in str(raised.value)


def test_walls_in_other_universes_are_at_other_places() -> None:
    """So that those that a successor no longer lights go dark."""
    places = [sacn(universe=1).place, sacn(universe=2).place, sacn(pixels_per_universe=5).place]
    assert len(set(places)) == 3
    assert sacn(brightness=0.5, priority=1).place == sacn().place
