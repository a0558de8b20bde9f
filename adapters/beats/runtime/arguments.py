"""What a program may give to `Stream`, made into the kernel's own types."""

import operator
from collections.abc import Iterable, Mapping
from typing import cast

from typing_extensions import Buffer

from beats.kernel.envelope import Frame, Location, Peripheral, Tag
from beats.kit import labels

GivenTag = Tag | str | Mapping[str, object]
"""A tag; the name of one; or a mapping with its `name`, `variant` and `metadata`."""
GivenLocation = Location | Mapping[str, object]
"""A place, or a mapping with its `x`, `y`, `z` and `time`."""


def frame(png_data: Buffer) -> Frame:
    """The picture in any bytes-like object. What can be changed later is copied.

    Raises:
        TypeError: it is no bytes-like object.
    """
    if type(png_data) is bytes:
        return Frame(png_data)
    try:
        return Frame(memoryview(png_data).tobytes())
    except TypeError:
        raise TypeError(
            f"png_data is {_kind(png_data)}; it must be a PNG file as a bytes-like object"
        ) from None


def peripheral(
    id: str,  # noqa: A002 - the wire's own word
    data: object,
    tags: Iterable[GivenTag],
    location: GivenLocation | None,
) -> Peripheral:
    """An update, with tags and place as they may be given.

    Raises:
        TypeError, ValueError: tags or place are something else; says what would be right.
    """
    place = labels.location(location) if isinstance(location, Mapping) else location
    return Peripheral(id, data, _tags(tags) if tags != () else (), place)


def captured(unix_ns: int | None) -> int | None:
    """A time of capture, of any type that is a whole number.

    Raises:
        TypeError: it is not.
    """
    if unix_ns is None or type(unix_ns) is int:
        return unix_ns
    if isinstance(unix_ns, bool) or not hasattr(unix_ns, "__index__"):
        raise TypeError(
            f"captured_unix_ns is {_kind(unix_ns)}; it must be an int, in nanoseconds, as of time.time_ns()"
        )
    return operator.index(unix_ns)


def _tags(tags: object) -> tuple[Tag, ...]:
    kind = _kind(tags)
    # The first four can be iterated over, and are no collection of tags.
    if isinstance(tags, str | bytes | Mapping | Tag) or not isinstance(tags, Iterable):
        raise TypeError(f"tags is {kind}; it must be a list of tags, such as ['input']")
    given = enumerate(cast("Iterable[GivenTag]", tags))
    return tuple(
        labels.tag(each, f"tags[{at}]") if isinstance(each, str | Mapping) else each for at, each in given
    )


def _kind(value: object) -> str:
    return type(value).__qualname__
