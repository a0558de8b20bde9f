"""Each transform alone."""

import pkgutil
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

import beats.transforms
from beats.config.settings import TagSettings, TransformSettings, seconds_of
from beats.kernel.envelope import Frame, Location, Message, Peripheral, Tag
from beats.pictures.errors import PictureError
from beats.transforms.crop import cropped
from beats.transforms.every import Every
from beats.transforms.location import located
from beats.transforms.on_change import OnChange, is_same
from beats.transforms.rename import renamed
from beats.transforms.rotate import Turn, rotated
from beats.transforms.scale import scaled
from beats.transforms.tags import tag_of, tagged

KNOB = Peripheral("knob", 1, (Tag("input"),), Location(1, 2, 3))
FRAME = Frame(b"x", "cam")


def test_every_setting_has_a_module() -> None:
    """And besides those there are only the two that put them together."""
    modules = {module.name for module in pkgutil.iter_modules(beats.transforms.__path__)}
    assert modules - {"chain", "source"} == set(TransformSettings.model_fields)


@pytest.mark.parametrize(
    ("before", "template", "after"),
    [("a", "b", "b"), ("a", "room/{id}", "room/a"), ("", "room/{id}", "room"), ("a", "{id}-{id}", "a-a")],
)
def test_a_template_makes_ids(before: str, template: str, after: str) -> None:
    """Of pictures and peripherals alike; the main picture has none."""
    for message in (FRAME, KNOB):
        assert renamed(message._replace(id=before), template) == message._replace(id=after)


def test_tags_are_added_to_updates() -> None:
    """Behind their own, which win; pictures have none."""
    tags = [tag_of("lab"), tag_of(TagSettings(name="input", metadata={"a": "b"}))]
    assert tagged(KNOB, tags) == KNOB._replace(tags=(Tag("input"), Tag("lab")))
    assert tag_of(TagSettings(name="a", variant="b", metadata={"c": "d"})) == Tag("a", "b", {"c": "d"})
    assert tagged(FRAME, tags) is FRAME
    assert tag_of("wind:north") == Tag("wind:north")


def test_a_location_replaces_that_of_updates() -> None:
    """Pictures have none."""
    assert located(KNOB, Location(4)) == KNOB._replace(location=Location(4))
    assert located(FRAME, Location(4)) is FRAME


def picture() -> Image.Image:
    """Of 3 x 2, with a different grey in each pixel."""
    return Image.frombytes("L", (3, 2), bytes((1, 2, 3, 4, 5, 6)))


def test_a_crop_is_a_part_of_a_picture() -> None:
    """Counted from the top left; what reaches beyond it is refused."""
    part = cropped(picture(), 1, 0, 2, 1)
    assert (part.size, part.tobytes()) == ((2, 1), bytes((2, 3)))
    with pytest.raises(PictureError, match=r"crop = \[2, 0, 2, 1\] reaches beyond a picture of 3 x 2"):
        cropped(picture(), 2, 0, 2, 1)


@pytest.mark.parametrize(
    ("degrees", "pixels"),
    [(0, (1, 2, 3, 4, 5, 6)), (90, (4, 1, 5, 2, 6, 3)), (180, (6, 5, 4, 3, 2, 1)), (270, (3, 6, 2, 5, 1, 4))],
)
def test_a_picture_turns_clockwise(degrees: Turn, pixels: tuple[int, ...]) -> None:
    """By quarters, so that each pixel stays what it is."""
    turned = rotated(picture(), degrees)
    assert (turned.width == 2, tuple(turned.tobytes())) == (degrees in (90, 270), pixels)


def test_a_picture_is_scaled_by_whole_pixels() -> None:
    """Smaller, a pixel is the mean of those that it covers; larger, each is repeated."""
    assert scaled(picture(), 1, 1).tobytes() in (b"\x03", b"\x04")
    assert scaled(picture(), 6, 4).tobytes()[:6] == bytes((1, 1, 2, 2, 3, 3))


def test_the_newest_value_passes_when_its_time_has_come() -> None:
    """The first at once, at most one in each interval, and the last one always; each topic by itself."""
    every = Every[int](1.0)
    assert [every.offer("a", number, number / 10) for number in range(4)] == [
        "pass",
        "hold",
        "replace",
        "replace",
    ]
    assert every.offer("b", 9, 0.5) == "pass"
    assert every.due_s == 1.0
    assert every.take(0.9) is None
    assert every.take(1.0) == ("a", 3)
    assert every.take(5.0) is None
    assert every.offer("a", 4, 1.9) == "hold"
    assert every.take(2.0) == ("a", 4)
    assert every.offer("a", 5, 3.0) == "pass"


def test_held_values_pass_in_order_of_time() -> None:
    """A topic that is refused is forgotten."""
    every = Every[str](1.0)
    for topic, now_s in (("a", 0.2), ("b", 0.1), ("c", 0.0), ("a", 0.3), ("b", 0.3), ("c", 0.3)):
        every.offer(topic, topic, now_s)
    assert [every.take(float("inf")) for _ in range(4)] == [("c", "c"), ("b", "b"), ("a", "a"), None]
    every = Every[str](1.0)
    every.offer("a", "a", 0.0)
    every.forget("a")
    assert every.offer("a", "a", 0.1) == "pass"


class Array:
    """As NumPy's: a comparison has no single result."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")

    def __hash__(self) -> int:
        return 0


@pytest.mark.parametrize(
    ("after", "same"),
    [
        (KNOB, True),
        (Peripheral("knob", 1, (Tag("input"),), Location(1, 2, 3)), True),
        (KNOB._replace(data=1.0), False),
        (KNOB._replace(data=True), False),
        (KNOB._replace(tags=()), False),
        (KNOB._replace(location=None), False),
        (FRAME, False),
    ],
)
def test_the_same_is_what_viewers_would_see_as_the_same(after: Message, *, same: bool) -> None:
    """1, 1.0 and true differ in JSON."""
    assert is_same(KNOB, after) == same
    assert is_same(FRAME, Frame(b"x", "cam")) > is_same(FRAME, Frame(b"y", "cam"))
    assert not is_same(KNOB._replace(data=Array()), KNOB._replace(data=Array()))


def test_a_value_is_new_if_it_differs_from_the_one_before() -> None:
    """In its topic; one that was not published does not count."""
    on_change = OnChange()
    values = [1, 1, 2, 1]
    assert [on_change.is_new("a", Peripheral("a", value)) for value in values] == [True, False, True, True]
    assert on_change.is_new("b", Peripheral("a", 1))
    on_change.forget("a")
    assert on_change.is_new("a", Peripheral("a", 1))


@pytest.mark.parametrize(
    ("text", "seconds"), [("100ms", 0.1), ("2.5s", 2.5), (" 2 min ", 120), ("1h", 3600), ("24h", 86_400)]
)
def test_durations_have_a_unit(text: str, seconds: float) -> None:
    """In seconds they are exact."""
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        *(
            ({"every": text}, "must be a duration such as")
            for text in ("100", "0s", "-1s", "25h", "1e9s", "")
        ),
        ({"rename": "a/{name}"}, "in which {id} stands for the present one"),
        ({"rename": " "}, "must be an id"),
        ({"rotate": 45}, "Input should be 0, 90, 180 or 270"),
        ({"crop": [0, 0, 0, 8]}, "greater than or equal to 1"),
        ({"tags": [""]}, "at least 1 character"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], fault: str) -> None:
    """With what would be right."""
    with pytest.raises(ValidationError, match=fault):
        TransformSettings.model_validate(settings)
