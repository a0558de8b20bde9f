"""Converts what a program passes to `Stream` into the kernel's types."""

import operator
from collections.abc import Iterable, Mapping
from typing import cast

from typing_extensions import Buffer

from beats.kernel.envelope import Frame, Location, Peripheral, Tag
from beats.kit import labels
from beats.pictures.formats import MAX_PIXELS, identify
from beats.proto.wire import check_time

GivenTag = Tag | str | Mapping[str, object]
"""A tag, its name, or a mapping with `name`, `variant` and `metadata`."""
GivenLocation = Location | Mapping[str, object]
"""A location, or a mapping with `x`, `y`, `z` and `time`."""


def frame(
    data: Buffer,
    id: str = "",  # noqa: A002 - the wire's own word
    media_type: str | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Frame:
    """A frame from any bytes-like object, with what its header says; mutable objects are copied.

    Raises:
        TypeError: `data` is not bytes-like.
        ValueError: `data` is not a picture that can be published, or not of this media type.
    """
    if type(data) is not bytes:
        try:
            data = memoryview(data).tobytes()
        except TypeError:
            raise TypeError(
                f"data is {_kind(data)}; it must be a PNG, JPEG, WebP or AVIF file as a bytes-like object"
            ) from None
    found = identify(data, max_pixels=max_pixels)
    if media_type is not None and media_type != found.media_type:
        raise ValueError(
            f"media_type is {media_type!r}, but data is {found.media_type}: leave media_type out, "
            "since it is read from the data"
        )
    return Frame(data, id, *found)


def peripheral(
    id: str,  # noqa: A002 - the wire's own word
    data: object,
    tags: Iterable[GivenTag],
    location: GivenLocation | None,
) -> Peripheral:
    """A peripheral update, with tags and location in any accepted form.

    Raises:
        TypeError, ValueError: tags or location have another form; says what is accepted.
    """
    place = labels.location(location) if isinstance(location, Mapping) else location
    return Peripheral(id, data, _tags(tags) if tags != () else (), place)


def captured(unix_ns: int | None) -> int | None:
    """A capture time, from any integer type.

    Raises:
        TypeError: it is not an integer.
        ValueError: it has more than 64 bits.
    """
    if unix_ns is None:
        return None
    if isinstance(unix_ns, bool) or not hasattr(unix_ns, "__index__"):
        raise TypeError(
            f"captured_unix_ns is {_kind(unix_ns)}; it must be an int, in nanoseconds, as of time.time_ns()"
        )
    unix_ns = operator.index(unix_ns)
    check_time(unix_ns)
    return unix_ns


def _tags(tags: object) -> tuple[Tag, ...]:
    kind = _kind(tags)
    # The first four can be iterated over, but are not collections of tags.
    if isinstance(tags, str | bytes | Mapping | Tag) or not isinstance(tags, Iterable):
        raise TypeError(f"tags is {kind}; it must be a list of tags, such as ['input']")
    given = enumerate(cast("Iterable[GivenTag]", tags))
    return tuple(
        labels.tag(each, f"tags[{at}]") if isinstance(each, str | Mapping) else each for at, each in given
    )


def _kind(value: object) -> str:
    return type(value).__qualname__
