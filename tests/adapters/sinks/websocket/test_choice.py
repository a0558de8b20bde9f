"""What a viewer asks for in the query of its address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.adapters.http.query import InvalidQuery
from beats.adapters.sinks.websocket.choice import StreamChoice, parse_choice
from beats.kernel.testing import envelope
from beats.pictures.variants import Variant

FRAME = envelope(1)
KNOB = envelope(1, topic="peripheral/knob-1")
CAMERA = envelope(1, topic="frame/cam-1")


def test_no_query_means_everything() -> None:
    """Old clients connect to `/` and get the whole stream. Values are percent-encoded as in any URL.

    Equal queries, in any order, make equal choices, so that their viewers are served together.
    """
    choice, token = parse_choice("/")
    assert (choice, token, choice.everything) == (StreamChoice(), None, True)
    assert choice.wants(FRAME)
    assert choice.wants(KNOB)
    assert not choice.wants(CAMERA)
    choice, token = parse_choice("/?max_fps=7.5&snapshot=0&token=a%26b")
    assert (choice.max_fps, choice.snapshot, token, choice.everything) == (7.5, False, "a&b", False)
    one, _ = parse_choice("/?topics=b,a&kinds=frame,peripheral")
    two, _ = parse_choice("/?topics=a,b,a")
    assert (one, hash(one)) == (two, hash(two))


@pytest.mark.parametrize(
    ("query", "main", "camera"),
    [("topics=*", True, True), ("topics=frame/cam-*", False, True), ("topics=frame", True, False)],
)
def test_topics_choose_pictures(query: str, main: bool, camera: bool) -> None:
    """A picture with an id must be asked for."""
    choice, _ = parse_choice(f"/?{query}")
    assert (choice.wants(FRAME), choice.wants(CAMERA)) == (main, camera)


def test_a_viewer_may_say_how_old_what_it_gets_may_be() -> None:
    """It is of the same class as one that does not, and served apart."""
    choice, _ = parse_choice("/?max_age_s=0.5")
    assert (choice.max_age_s, choice.group, choice == StreamChoice()) == (0.5, "full", False)


def test_formats_are_those_that_a_viewer_can_show() -> None:
    """In the order of its preference; PNG alone unless it says otherwise."""
    assert parse_choice("/?formats=png")[0] == StreamChoice()
    choice, _ = parse_choice("/?formats=webp,jpeg")
    assert choice.formats == ("image/webp", "image/jpeg")
    assert not choice.takes(FRAME)
    assert choice.takes(KNOB)


@pytest.mark.parametrize(
    ("query", "variant"),
    [
        ("", Variant("png")),
        ("formats=avif,webp,png&quality=70", Variant("webp", 70)),
        ("formats=jpeg&max_width=480", Variant("jpeg", max_width=480)),
        ("formats=jpeg,png,webp,avif", None),
        ("formats=jpeg,png,webp,avif&max_width=480", Variant("jpeg", max_width=480)),
        ("formats=avif", None),
    ],
)
def test_what_a_viewer_does_not_take_is_encoded_in_its_first_format_that_can_be(
    query: str, variant: Variant | None
) -> None:
    """A viewer that takes everything needs none; AVIF cannot be encoded."""
    assert parse_choice(f"/?{query}")[0].variant == variant


@pytest.mark.parametrize(
    ("query", "frames", "knobs"),
    [
        ("kinds=frame", True, False),
        ("kinds=peripheral", False, True),
        ("kinds=peripheral,frame", True, True),
        ("topics=frame", True, False),
        ("topics=peripheral/knob-*", False, True),
        ("topics=frame,peripheral/*", True, True),
        ("topics=*", True, True),
        ("kinds=frame&topics=peripheral/*", False, False),
        ("topics=peripheral/KNOB-1", False, False),
    ],
)
def test_kinds_and_topics_select_envelopes(query: str, frames: bool, knobs: bool) -> None:
    """An envelope must match both; patterns are case-sensitive."""
    choice, _ = parse_choice(f"/?{query}")
    assert (choice.wants(FRAME), choice.wants(KNOB)) == (frames, knobs)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("kinds=", "kinds is ''"),
        ("kinds=frames", "kinds is 'frames'; it takes frame, peripheral"),
        ("topics=", "topics is ''"),
        ("topics=a,,b", "topics is"),
        ("topics=" + ",".join(f"t{n}" for n in range(33)), "1 to 32 patterns"),
        ("formats=", "formats is ''; it takes png, jpeg, webp, avif"),
        ("formats=gif", "formats is 'gif'"),
        ("formats=png,png", "each at most once"),
        ("formats=image/png", "formats is 'image/png'"),
        ("quality=0", "quality is '0'; it takes a whole number from 1 to 100"),
        ("quality=8.5", "quality is '8.5'"),
        ("max_width=-1", "max_width is '-1'; it takes a whole number of pixels from 1 to 65535"),
        ("max_width=\u0663", "max_width is"),
        ("max_fps=0", "max_fps is '0'"),
        ("max_fps=-1", "max_fps"),
        ("max_fps=nan", "max_fps"),
        ("max_fps=inf", "max_fps"),
        ("max_fps=1_0", "max_fps is '1_0'; it takes a number"),
        ("max_fps=ten", "max_fps is 'ten'; it takes a number"),
        ("snapshot=no", "snapshot is 'no'; it takes 0 or 1"),
        ("max_fsp=3", "unknown parameter 'max_fsp'"),
        ("kinds=frame&kinds=frame", "given twice"),
        ("&".join(f"a{n}=1" for n in range(99)), "too many parameters"),
    ],
)
def test_a_wrong_value_is_refused_with_the_reason(query: str, why: str) -> None:
    """The text names the parameter, its value and what is expected."""
    with pytest.raises(InvalidQuery, match=why.replace("(", r"\(")):
        parse_choice(f"/?{query}")


@given(st.text() | st.text().map(lambda text: f"/?{text}"))
def test_no_path_raises_anything_else(path: str) -> None:
    """Any request line gives a choice, or is refused."""
    try:
        choice, _ = parse_choice(path)
    except InvalidQuery:
        return
    choice.wants(FRAME)
