"""The part of the stream that a viewer asks for in the query of its address."""

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from beats.adapters.http.query import (
    MAX_AGE_S,
    MAX_WIDTH,
    InvalidQuery,
    number,
    parameters,
    patterns,
    refuse_others,
    whole,
)
from beats.kernel.envelope import FRAME_TOPIC, KINDS, PNG, Envelope, Frame, Kind
from beats.pictures.formats import DEFAULT_QUALITY, FORMATS, MEDIA_TYPES, Format, width_of
from beats.pictures.variants import Variant

SHOWN: Final[dict[str, str]] = {name: f"image/{name}" for name in (*FORMATS, "avif")}
"""Media types of frames by the names that a query gives them."""
_ENCODED: Final[dict[str, Format]] = {media_type: name for name, media_type in MEDIA_TYPES.items()}


class StreamChoice(NamedTuple):
    """The part of the stream that a viewer wants. Viewers with equal choices are served together."""

    kinds: frozenset[Kind] = frozenset(KINDS)
    topics: tuple[str, ...] = ()
    """Shell patterns, of which one must match; none means all but the pictures with an id."""
    max_fps: float | None = None
    """Most frames a second; None for all."""
    snapshot: bool = True
    """Whether it gets the current state first."""
    formats: tuple[str, ...] = (PNG,)
    """Media types of the frames that it can show, in the order of its preference."""
    quality: int = DEFAULT_QUALITY
    """1 to 100, of frames that are encoded for it as JPEG or WebP."""
    max_width: int | None = None
    """The most pixels that a frame may be wide: wider ones are scaled down. None: frames stay as they are."""
    max_age_s: float | None = None
    """What is older is not sent if a newer envelope of its topic follows; None sends it however old it is."""

    @property
    def everything(self) -> bool:
        """Whether it wants the whole stream, or all that a viewer gets which asks for nothing."""
        whole = not self.topics or "*" in self.topics
        return whole and self.max_fps is None and len(self.kinds) == len(KINDS)

    @property
    def group(self) -> str:
        """The class of viewers that it belongs to: see `ClientGroup.name`."""
        if self.max_fps is not None:
            return "thinned"
        return "full" if self.everything else "chosen"

    def for_foxglove(self) -> "StreamChoice":
        """The same in Foxglove's protocol: without a choice of topics or formats, it wants them all."""
        formats = tuple(SHOWN.values()) if self.formats == (PNG,) else self.formats
        return self._replace(topics=self.topics or ("*",), formats=formats)

    def wants(self, envelope: Envelope) -> bool:
        """Whether an envelope is of a kind and topic that were asked for."""
        if envelope.kind not in self.kinds:
            return False
        if not self.topics:
            return envelope.topic == FRAME_TOPIC or envelope.kind != "frame"
        topic = envelope.topic
        return "*" in self.topics or any(fnmatchcase(topic, pattern) for pattern in self.topics)

    @property
    def variant(self) -> Variant | None:
        """How frames are encoded for it that it does not take: in its first format that we can encode.

        How frames are encoded for it. None if it takes all, or if Beats can encode none of its formats.
        """
        takes_all = self.max_width is None and len(self.formats) == len(SHOWN)
        names: list[Format] = [_ENCODED[each] for each in self.formats if each in _ENCODED]
        return None if takes_all or not names else Variant(names[0], self.quality, self.max_width)

    def takes(self, envelope: Envelope) -> bool:
        """Whether it takes an envelope as it is: any but a frame in another format, or too wide."""
        message = envelope.message
        if not isinstance(message, Frame):
            return True
        return message.media_type in self.formats and (
            self.max_width is None or width_of(message) <= self.max_width
        )


def parse_choice(path: str, others: Collection[str] = ()) -> tuple[StreamChoice, str | None]:
    """The choice and the token in a request's path.

    Args:
        path: as in the request line, such as `/?kinds=frame&max_fps=10`.
        others: further parameters to ignore.

    Raises:
        InvalidQuery: a parameter is unknown, given twice, or has a wrong value.
    """
    values = parameters(urlsplit(path).query)
    token = values.pop("token", None)
    choice = StreamChoice(
        _kinds(values.pop("kinds", None)),
        patterns("topics", values.pop("topics", None), "frame,peripheral/knob-*"),
        number("max_fps", values.pop("max_fps", None)),
        _snapshot(values.pop("snapshot", "1")),
        _formats(values.pop("formats", None)),
        whole("quality", values.pop("quality", None), 100) or DEFAULT_QUALITY,
        whole("max_width", values.pop("max_width", None), MAX_WIDTH),
        number("max_age_s", values.pop("max_age_s", None), MAX_AGE_S),
    )
    known = "kinds, topics, formats, quality, max_width, max_fps, max_age_s, snapshot and token"
    refuse_others(values, others, known)
    return choice, token


def _kinds(text: str | None) -> frozenset[Kind]:
    if text is None:
        return frozenset(KINDS)
    named = text.split(",")
    if not set(named) <= set(KINDS):
        raise InvalidQuery(f"kinds is {text!r:.40}; it takes frame, peripheral, or both with a comma")
    return frozenset(kind for kind in KINDS if kind in named)


def _formats(text: str | None) -> tuple[str, ...]:
    if text is None:
        return (PNG,)
    named = text.split(",")
    if not set(named) <= SHOWN.keys() or len(set(named)) < len(named):
        raise InvalidQuery(
            f"formats is {text!r:.40}; it takes {', '.join(SHOWN)}, each at most once, with commas, "
            "in order of preference"
        )
    return tuple(SHOWN[name] for name in named)


def _snapshot(text: str) -> bool:
    if text not in ("0", "1"):
        raise InvalidQuery(f"snapshot is {text!r:.40}; it takes 0 or 1")
    return text == "1"
