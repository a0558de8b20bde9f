"""What a player asks for in the query of its address."""

from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from beats.kernel.envelope import Frame, frame_topic
from beats.pictures.formats import DEFAULT_QUALITY, MEDIA_TYPES, Format
from beats.pictures.variants import Variant

MAX_FPS: Final = 1000.0
MAX_WIDTH: Final = 65_535
_MOST_FIELDS: Final = 16
_IGNORED: Final = ("token", "t", "_")
"""The token is checked elsewhere; pages add the others so that no cache answers."""


class InvalidQuery(ValueError):  # noqa: N818 - says what it is
    """A query that is not valid; the text tells its author why."""


class PictureChoice(NamedTuple):
    """Which picture a player wants, and in which form."""

    picture: str = ""
    """The picture's id; empty for the main one."""
    format: Format = "jpeg"
    quality: int | None = None
    """1 to 100, of JPEG and WebP; None takes a picture of this format as it is."""
    max_width: int | None = None
    """In pixels; None keeps the size."""
    fps: float | None = None
    """Most frames a second; None for all."""

    @property
    def topic(self) -> str:
        """The topic of the picture."""
        return frame_topic(self.picture)

    @property
    def variant(self) -> Variant:
        """How to encode frames that do not fit as they are."""
        return Variant(self.format, self.quality or DEFAULT_QUALITY, self.max_width)

    def fits(self, frame: Frame) -> bool:
        """Whether a frame can be sent as it was published."""
        small = self.max_width is None or 0 < frame.width <= self.max_width
        return frame.media_type == MEDIA_TYPES[self.format] and self.quality is None and small


def parse_picture(query: str, form: Format, *, paced: bool = False) -> PictureChoice:
    """The choice in a query such as `picture=cam&max_width=480`.

    Args:
        query: without its `?`.
        form: the format that the path names.
        paced: whether it may limit the frames a second.

    Raises:
        InvalidQuery: a parameter is unknown, given twice, or has a wrong value.
    """
    try:
        parameters = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise InvalidQuery("the query cannot be read: it has too many parameters") from None
    values = dict(parameters)
    if len(values) < len(parameters):
        raise InvalidQuery("a parameter of the query is given twice")
    for name in _IGNORED:
        values.pop(name, None)
    choice = PictureChoice(
        values.pop("picture", ""),
        form,
        None if form == "png" else _whole(values.pop("quality", None), "quality", 100),
        _whole(values.pop("max_width", None), "max_width", MAX_WIDTH),
        _fps(values.pop("fps", None)) if paced else None,
    )
    if values:
        names = ["picture", *(["quality"] if form != "png" else []), "max_width", *(["fps"] if paced else [])]
        known = ", ".join(names)
        raise InvalidQuery(f"unknown parameter {next(iter(values))!r:.40}; there are {known} and token")
    return choice


def _whole(text: str | None, name: str, most: int) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise InvalidQuery(f"{name} is {text!r:.40}; it takes a whole number from 1 to {most}")
    return int(text)


def _fps(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_FPS:
        raise InvalidQuery(f"fps is {text!r:.40}; it takes a number above 0, at most {MAX_FPS:g}")
    return value
