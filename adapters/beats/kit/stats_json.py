"""Counters as plain values, for JSON, and back."""

import math
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, cast, get_args, get_origin, get_type_hints

from beats.kernel.stats import Stats

_ENDLESS: Final = "max"
"""What JSON lacks, an infinite speed of a replay, as the command line writes it."""
_PAIRS: Final = "figures"
"""The field that is pairs of a name and a number, and an object in JSON: of those that JSON has."""


def plain(stats: Stats) -> dict[str, Any]:
    """All counters: tuples with named fields as objects, others as lists."""
    return cast("dict[str, Any]", _plain(stats))


def stats_of(values: Mapping[str, Any]) -> Stats:
    """The counters that `plain` made these of.

    Raises:
        KeyError, TypeError, ValueError: they are not of that form.
    """
    return cast("Stats", _made(Stats, values))


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        items = cast("tuple[object, ...]", value)
        fields: tuple[str, ...] | None = getattr(items, "_fields", None)
        if fields is None:
            return [_plain(item) for item in items]
        return {name: _named(name, item) for name, item in zip(fields, items, strict=True)}
    return _ENDLESS if isinstance(value, float) and math.isinf(value) else value


def _named(name: str, value: object) -> object:
    if name == _PAIRS:
        pairs = cast("tuple[tuple[str, float], ...]", value)
        return {key: number for key, number in pairs if math.isfinite(number)}
    return _plain(value)


def _made(kind: Any, value: Any) -> object:
    """A value of a type, as it is written in the fields of the counters."""
    if get_origin(kind) is UnionType:
        if value is None:
            return None
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        return tuple(_made(item, each) for each in value)
    if hasattr(kind, "_fields"):
        given = {
            name: tuple(value[name].items()) if name == _PAIRS else _made(field, value[name])
            for name, field in _fields(kind).items()
        }
        return kind(**given)
    return math.inf if kind is float and value == _ENDLESS else value


@cache
def _fields(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)
