"""What players may ask for."""

import pytest

from beats.adapters.http.players.choice import PictureChoice, parse_picture
from beats.adapters.http.query import InvalidQuery
from beats.kernel.envelope import Frame
from beats.pictures.variants import Variant


def test_a_query_names_picture_form_and_pace() -> None:
    """All of it is optional; a token, and what keeps caches away, says nothing."""
    choice = parse_picture("picture=cam-1&quality=70&max_width=480&fps=12.5&token=x&t=1", "jpeg", paced=True)
    assert choice == PictureChoice("cam-1", "jpeg", 70, 480, 12.5)
    assert (choice.topic, choice.variant) == ("frame/cam-1", Variant("jpeg", 70, 480))
    nothing = parse_picture("_=17", "webp")
    assert (nothing.topic, nothing.variant) == ("frame", Variant("webp", 85, None))


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("quality=0", "quality is '0'; it takes a whole number from 1 to 100"),
        ("quality=\u0665", "quality is"),
        ("max_width=", "max_width is ''"),
        ("max_width=1e3", "it takes a whole number of pixels from 1 to 65535"),
        ("fps=nan", "fps is 'nan'; it takes a number above 0, at most 1000"),
        ("fps=0", "fps is '0'"),
        ("picture=a&picture=b", "given twice"),
        ("width=7", "unknown parameter 'width'; there are picture, quality, max_width, fps, token, t and _"),
        ("&".join(["t=1"] * 17), "too many parameters"),
    ],
)
def test_a_wrong_query_is_explained(query: str, why: str) -> None:
    """With the parameter, its value, and what is right."""
    with pytest.raises(InvalidQuery) as caught:
        parse_picture(query, "jpeg", paced=True)
    assert why in str(caught.value)


@pytest.mark.parametrize(("form", "query"), [("png", "quality=70"), ("jpeg", "fps=5")])
def test_what_has_no_meaning_is_unknown(form: str, query: str) -> None:
    """PNG has no quality, and a single picture no rate."""
    with pytest.raises(InvalidQuery, match="unknown parameter"):
        parse_picture(query, "png" if form == "png" else "jpeg")


def test_a_frame_fits_when_it_is_what_was_asked_for() -> None:
    """Of the format, no wider, and without a quality of the player's choice."""
    narrow, unknown = Frame(b"", media_type="image/jpeg", width=480, height=9), Frame(b"", "", "image/jpeg")
    assert all(PictureChoice().fits(each) for each in (narrow, unknown))
    assert PictureChoice(max_width=480).fits(narrow)
    assert not PictureChoice(max_width=479).fits(narrow)
    assert not PictureChoice(max_width=479).fits(unknown)
    assert not PictureChoice(quality=85).fits(narrow)
    assert not PictureChoice(format="png").fits(narrow)
