"""The part of the stream that a viewer asks for in the query of its address."""

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from beats.kernel.envelope import FRAME_TOPIC, KINDS, PNG, Envelope, Frame, Kind

MAX_PATTERNS: Final = 32
MAX_FPS: Final = 1000.0
FORMATS: Final = {name: f"image/{name}" for name in ("png", "jpeg", "webp", "avif")}
"""Media types by the names that a query gives them."""


class InvalidChoice(ValueError):  # noqa: N818 - says what it is
    """A query that is not valid; the text tells its author why."""


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

    def wants(self, envelope: Envelope) -> bool:
        """Whether an envelope is of a kind and topic that were asked for."""
        if envelope.kind not in self.kinds:
            return False
        if not self.topics:
            return envelope.topic == FRAME_TOPIC or envelope.kind != "frame"
        topic = envelope.topic
        return "*" in self.topics or any(fnmatchcase(topic, pattern) for pattern in self.topics)

    def takes(self, envelope: Envelope) -> bool:
        """Whether it can show an envelope: any but a frame in a format that it did not name."""
        message = envelope.message
        return not isinstance(message, Frame) or message.media_type in self.formats


def parse_choice(path: str, others: Collection[str] = ()) -> tuple[StreamChoice, str | None]:
    """The choice and the token in a request's path.

    Args:
        path: as in the request line, such as `/?kinds=frame&max_fps=10`.
        others: further parameters to ignore.

    Raises:
        InvalidChoice: a parameter is unknown, given twice, or has a wrong value.
    """
    try:
        parameters = parse_qsl(urlsplit(path).query, keep_blank_values=True, max_num_fields=16)
    except ValueError:
        raise InvalidChoice("the query cannot be read: it has too many parameters") from None
    values = dict(parameters)
    if len(values) < len(parameters):
        raise InvalidChoice("a parameter of the query is given twice")
    token = values.pop("token", None)
    choice = StreamChoice(
        _kinds(values.pop("kinds", None)),
        _topics(values.pop("topics", None)),
        _max_fps(values.pop("max_fps", None)),
        _snapshot(values.pop("snapshot", "1")),
        _formats(values.pop("formats", None)),
    )
    if not values.keys() <= set(others):
        raise InvalidChoice(
            f"unknown parameter {next(iter(values.keys() - set(others)))!r:.40}; "
            "there are kinds, topics, formats, max_fps, snapshot and token"
        )
    return choice, token


def _kinds(text: str | None) -> frozenset[Kind]:
    if text is None:
        return frozenset(KINDS)
    named = text.split(",")
    if not set(named) <= set(KINDS):
        raise InvalidChoice(f"kinds is {text!r:.40}; it takes frame, peripheral, or both with a comma")
    return frozenset(kind for kind in KINDS if kind in named)


def _topics(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    patterns = tuple(sorted(set(text.split(","))))
    if "" in patterns or len(patterns) > MAX_PATTERNS:
        raise InvalidChoice(
            f"topics is {text!r:.40}; it takes 1 to {MAX_PATTERNS} patterns with commas, "
            "such as frame,peripheral/knob-*"
        )
    return patterns


def _formats(text: str | None) -> tuple[str, ...]:
    if text is None:
        return (PNG,)
    named = text.split(",")
    if not set(named) <= FORMATS.keys() or len(set(named)) < len(named):
        raise InvalidChoice(
            f"formats is {text!r:.40}; it takes {', '.join(FORMATS)}, each at most once, with commas, "
            "in order of preference"
        )
    return tuple(FORMATS[name] for name in named)


def _max_fps(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_FPS:
        raise InvalidChoice(f"max_fps is {text!r:.40}; it takes a number above 0, at most {MAX_FPS:g}")
    return value


def _snapshot(text: str) -> bool:
    if text not in ("0", "1"):
        raise InvalidChoice(f"snapshot is {text!r:.40}; it takes 0 or 1")
    return text == "1"
