"""Tags and places as plain mappings say them, made into the kernel's own types. Pure, and strict."""

import difflib
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from numbers import Real
from typing import Final, NoReturn, cast

from beats.kernel.envelope import Location, Tag

Object = Mapping[str, object]

TAG_KEYS: Final = ("name", "variant", "metadata")
LOCATION_KEYS: Final = ("x", "y", "z", "time")
NOT_EMPTY: Final = "a text that is not empty"
MISSING: Final = object()
"""In place of a value that is not there."""
SHOWN: Final = 60
"""Characters of a wrong value that an error repeats."""


def tag(value: object, where: str) -> Tag:
    """The tag that a text, or a mapping with a name, stands for.

    Args:
        value: what was given.
        where: what the error calls it.

    Raises:
        ValueError: what is wrong with it and what would be right, in one sentence.
    """
    if isinstance(value, str) and value:
        return Tag(value)
    given = fields(value, TAG_KEYS, where, "an object with a name, or " + NOT_EMPTY)
    name = given.get("name", MISSING)
    if not isinstance(name, str) or not name:
        refuse(f"{where}.name", NOT_EMPTY, name)
    variant = given.get("variant", "")
    if not isinstance(variant, str):
        refuse(f"{where}.variant", "a text", variant)
    metadata = given.get("metadata", {})
    if not isinstance(metadata, Mapping):
        refuse(f"{where}.metadata", "an object of texts", metadata)
    for key, item in cast("Object", metadata).items():
        if not isinstance(item, str):
            refuse(f"{where}.metadata[{shown(key)}]", "a text", item)
    return Tag(name, variant, cast("Mapping[str, str]", metadata))


def location(value: object) -> Location:
    """The place that a mapping stands for.

    Raises:
        ValueError: as `tag`.
    """
    given = fields(value, LOCATION_KEYS, "location", "an object with x, y, z and time")
    time = given.get("time", "")
    if not isinstance(time, str | datetime):
        refuse("location.time", "ISO 8601 text", time)
    return Location(_number(given, "x"), _number(given, "y"), _number(given, "z"), time)


def _number(given: Object, axis: str) -> float:
    value = given.get(axis, 0.0)
    if not isinstance(value, bool) and isinstance(value, Real):
        with suppress(OverflowError):  # an integer that is larger than a double can be
            return float(value)
    return refuse(f"location.{axis}", "a number", value)


def fields(
    value: object, known: tuple[str, ...], where: str, wanted: str, passed_over: tuple[str, ...] = ()
) -> Object:
    """A mapping whose keys are all known, or passed over.

    Raises:
        ValueError: it is none, or has another key.
    """
    if not isinstance(value, Mapping):
        refuse(where, wanted, value)
    given = cast("Object", value)
    for key in given:
        if key not in known and key not in passed_over:
            near = difflib.get_close_matches(str(key)[:SHOWN], known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"{where} has an unknown key {shown(key)}: {hint}")
    return given


def refuse(where: str, wanted: str, value: object) -> NoReturn:
    """Say what a value must be and what it is.

    Raises:
        ValueError: always.
    """
    found = "is missing" if value is MISSING else f"is {shown(value)}"
    raise ValueError(f"{where} must be {wanted}, but {found}")


def shown(value: object) -> str:
    """A value as JSON, ASCII only and cut short, so that no input can forge or flood a log line."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if not isinstance(value, str | int | float | None):
        return f"of type {type(value).__qualname__}"
    if isinstance(value, int) and abs(value) > 10**SHOWN:
        return "a huge number"
    text = json.dumps(value[: 2 * SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
