"""Makes tags and locations from mappings; accepts only known keys and types."""

import difflib
import json
import math
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
"""Stands for a missing value."""
SHOWN: Final = 60
"""Most characters of a wrong value that an error quotes."""


def tag(value: object, where: str) -> Tag:
    """The tag for a text, or for a mapping with a name.

    Args:
        value: a text or a mapping.
        where: the name of the value in errors.

    Raises:
        ValueError: says in one sentence what is wrong and what is expected.
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
    """The location for a mapping; None for a coordinate means that it is not known, NaN.

    Raises:
        ValueError: as in `tag`.
    """
    given = fields(value, LOCATION_KEYS, "location", "an object with x, y, z and time")
    time = given.get("time", "")
    if not isinstance(time, str | datetime):
        refuse("location.time", "ISO 8601 text", time)
    return Location(_number(given, "x"), _number(given, "y"), _number(given, "z"), time)


def _number(given: Object, axis: str) -> float:
    value = given.get(axis, 0.0)
    if value is None:  # what `beats tap --json` prints for a number that JSON lacks
        return math.nan
    if not isinstance(value, bool) and isinstance(value, Real):
        with suppress(OverflowError):  # an integer too large for a double
            return float(value)
    return refuse(f"location.{axis}", "a number", value)


def fields(
    value: object, known: tuple[str, ...], where: str, wanted: str, ignored: tuple[str, ...] = ()
) -> Object:
    """Check that a value is a mapping with known or ignored keys only.

    Raises:
        ValueError: it is not a mapping, or has another key.
    """
    if not isinstance(value, Mapping):
        refuse(where, wanted, value)
    given = cast("Object", value)
    for key in given:
        if key not in known and key not in ignored:
            near = difflib.get_close_matches(str(key)[:SHOWN], known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"{where} has an unknown key {shown(key)}: {hint}")
    return given


def refuse(where: str, wanted: str, value: object) -> NoReturn:
    """Raise an error that says what a value must be and what it is.

    Raises:
        ValueError: always.
    """
    found = "is missing" if value is MISSING else f"is {shown(value)}"
    raise ValueError(f"{where} must be {wanted}, but {found}")


def shown(value: object) -> str:
    """A value as short ASCII JSON, so that no input can forge or flood a log line."""
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
