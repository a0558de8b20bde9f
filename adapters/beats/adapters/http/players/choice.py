"""What a player asks for in the query of its address."""

from typing import Final, NamedTuple

from beats.adapters.http.query import MAX_WIDTH, number, parameters, refuse_others, whole
from beats.kernel.envelope import Frame, frame_topic
from beats.pictures.formats import DEFAULT_QUALITY, MEDIA_TYPES, Format, width_of
from beats.pictures.variants import Variant

IGNORED: Final = ("token", "t", "_")
"""The token is checked elsewhere; pages add the others so that no cache answers."""


class PictureChoice(NamedTuple):
    """Which picture a player wants, and in which form."""

    picture: str = ""
    """The picture's id; empty for the main one."""
    format: Format = "jpeg"
    quality: int | None = None
    """1 to 100, of JPEG and WebP; None takes a picture of this format as it is."""
    max_width: int | None = None
    """The most pixels that the picture may be wide; None keeps its size."""
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
        small = self.max_width is None or 0 < width_of(frame) <= self.max_width
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
    values = parameters(query)
    choice = PictureChoice(
        values.pop("picture", ""),
        form,
        None if form == "png" else whole("quality", values.pop("quality", None), 100),
        whole("max_width", values.pop("max_width", None), MAX_WIDTH),
        number("fps", values.pop("fps", None)) if paced else None,
    )
    known = ["picture", *(["quality"] if form != "png" else []), "max_width", *(["fps"] if paced else [])]
    refuse_others(values, IGNORED, f"{', '.join(known)}, token, t and _")
    return choice
