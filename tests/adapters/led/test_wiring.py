"""In which order the LEDs of a wall are wired, and the same way back."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from beats.adapters.led.settings import LayoutSettings
from beats.adapters.led.wiring import Picker, inverse, wiring
from tests.adapters.led.support import numbered


def layout(**given: Any) -> LayoutSettings:
    return LayoutSettings.model_validate_json(json.dumps(given))


CORNERS = st.sampled_from(["top_left", "top_right", "bottom_left", "bottom_right"])
DIRECTIONS = st.sampled_from(["horizontal", "vertical"])
SIDES = st.integers(1, 6)


@st.composite
def walls(draw: st.DrawFn) -> tuple[tuple[int, int], LayoutSettings]:
    """The size of a wall and its layout, of any kind."""
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rotations = st.sampled_from([0, 90, 180, 270])
    each = st.lists(rotations, min_size=rows * columns, max_size=rows * columns)
    scan = {"start": CORNERS, "direction": DIRECTIONS, "serpentine": st.booleans()}
    given = {
        "rows": rows,
        "columns": columns,
        "rotation": draw(st.one_of(rotations, each)),
        "chain": draw(st.fixed_dictionaries(scan)),
        **draw(st.fixed_dictionaries(scan)),
    }
    return (draw(SIDES) * columns, draw(SIDES) * rows), layout(**given)


@settings(deadline=None, max_examples=150)
@given(walls(), st.sampled_from([3, 4]))
def test_every_pixel_has_one_place_on_the_wire(
    wall: tuple[tuple[int, int], LayoutSettings], channels: int
) -> None:
    """No pixel is left out or sent twice; pixels are picked in this order, and the inverse leads back."""
    size, wired = wall
    order = wiring(size, wired)
    assert sorted(order) == list(range(size[0] * size[1]))
    image = numbered(*size).convert("RGB" if channels == 3 else "RGBA")
    data = image.tobytes()
    picked = Picker(order, size, channels).pick(image)
    assert picked == b"".join(data[channels * each : channels * (each + 1)] for each in order)
    along = Image.frombytes(image.mode, (len(order), 1), picked)
    assert Picker(inverse(order), along.size, channels).pick(along) == data


@pytest.mark.parametrize(
    ("given", "order"),
    [
        ({}, "abcdefgh"),
        ({"serpentine": True}, "abcdhgfe"),
        ({"start": "top_right"}, "dcbahgfe"),
        ({"start": "bottom_left", "serpentine": True}, "efghdcba"),
        ({"direction": "vertical"}, "aebfcgdh"),
        ({"start": "bottom_right", "direction": "vertical", "serpentine": True}, "hdcgfbae"),
        ({"columns": 2}, "abefcdgh"),
        ({"columns": 2, "chain": {"start": "top_right"}}, "cdghabef"),
        ({"columns": 2, "rotation": 90}, "bfaedhcg"),
        ({"columns": 2, "rotation": [0, 180]}, "abefhgdc"),
        ({"columns": 4, "rows": 2, "chain": {"serpentine": True}}, "abcdhgfe"),
        ({"columns": 2, "rows": 2, "chain": {"direction": "vertical"}}, "abefcdgh"),
        ({"rotation": 270}, "eafbgchd"),
    ],
)
def test_wires_of_a_wall_of_four_by_two(given: dict[str, Any], order: str) -> None:
    """Drawn by hand: abcd above efgh, seen from the front."""
    assert "".join("abcdefgh"[pixel] for pixel in wiring((4, 2), layout(**given))) == order


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_panel_is_rotated_clockwise(degrees: int) -> None:
    """As Pillow turns the panel's own picture, in which its LEDs are numbered along the wire."""
    size = (3, 5)
    own = numbered(*(size if degrees == 180 else size[::-1]))
    mounted = own.rotate(-degrees, expand=True)
    assert mounted.size == size
    assert Picker(wiring(size, layout(rotation=degrees)), size, 3).pick(mounted) == own.tobytes()
