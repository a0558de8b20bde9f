"""Counters as JSON values, and back."""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Final, TypeGuard

from pydantic import BeforeValidator, TypeAdapter

from beats.kernel.stats import Stats

_INFINITE: Final = "max"
"""An infinite replay speed, which JSON cannot express; the command line writes it the same way."""


def plain(stats: Stats) -> dict[str, Any]:
    """All counters as JSON objects and lists; `figures` is an object and holds only finite numbers."""
    values: dict[str, Any] = _adapter().dump_python(stats, mode="json")
    for each in (*values["sinks"], *values["sources"]):
        each["figures"] = {name: number for name, number in each["figures"] if math.isfinite(number)}
    for source in values["sources"]:
        playback = source["playback"]
        if playback is not None and math.isinf(playback["speed"]):
            playback["speed"] = _INFINITE
    return values


def stats_of(values: Mapping[str, Any]) -> Stats:
    """The counters that `plain` has turned into these values. Unknown fields are ignored.

    Raises:
        ValueError: the values have another form.
    """
    return _adapter().validate_python(values)


def _parsed(values: object) -> object:
    """The values of `plain` in the form of the dataclasses. Other forms are left to the adapter."""
    if not _is_object(values):
        return values
    return {
        **values,
        "sinks": _each(values.get("sinks"), "figures", _pairs),
        "sources": _each(_each(values.get("sources"), "playback", _playback), "figures", _pairs),
    }


def _each(components: object, key: str, change: Callable[[object], object]) -> object:
    if not _is_list(components):
        return components
    return [
        {**each, key: change(each[key])} if _is_object(each) and key in each else each for each in components
    ]


def _pairs(figures: object) -> object:
    return list(figures.items()) if _is_object(figures) else figures


def _playback(playback: object) -> object:
    if _is_object(playback) and playback.get("speed") == _INFINITE:
        return {**playback, "speed": math.inf}
    return playback


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


ParsedStats = Annotated[Stats, BeforeValidator(_parsed)]
"""Counters as a field of a pydantic model that reads JSON."""


@cache
def _adapter() -> TypeAdapter[Stats]:
    return TypeAdapter(ParsedStats)
