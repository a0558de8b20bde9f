"""Counters as plain values, for JSON."""

import math
from typing import Any, cast

from beats.kernel.stats import Stats


def plain(stats: Stats) -> dict[str, Any]:
    """All counters: tuples with named fields as objects, others as lists.

    What JSON lacks is written as the command line has it: an infinite speed of a replay as "max".
    """
    return cast("dict[str, Any]", _plain(stats))


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        items = cast("tuple[object, ...]", value)
        fields: tuple[str, ...] | None = getattr(items, "_fields", None)
        if fields is None:
            return [_plain(item) for item in items]
        return {name: _named(name, item) for name, item in zip(fields, items, strict=True)}
    return "max" if isinstance(value, float) and math.isinf(value) else value


def _named(name: str, value: object) -> object:
    """A field's value; figures are pairs of a name and a number, and an object in JSON."""
    if name == "figures":
        return dict(cast("tuple[tuple[str, float], ...]", value))
    return _plain(value)
