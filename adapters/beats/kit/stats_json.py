"""Counters as JSON values, and back."""

import math
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, cast

from pydantic import BeforeValidator, TypeAdapter

from beats.kernel.stats import Stats

_INFINITE: Final = "max"
"""An infinite replay speed, which JSON cannot express; the command line writes it the same way."""


def plain(stats: Stats) -> dict[str, Any]:
    """All counters as JSON objects and lists; `figures` is an object and holds only finite numbers."""
    values: dict[str, Any] = _adapter().dump_python(stats, mode="json")
    for sink in values["sinks"]:
        sink["figures"] = {name: number for name, number in sink["figures"] if math.isfinite(number)}
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


def _parsed(values: Any) -> Any:
    """The values of `plain` in the form of the dataclasses. What has another form is left to the adapter."""
    if not isinstance(values, Mapping):
        return values
    given = cast("Mapping[str, Any]", values)
    return {
        **given,
        "sinks": _each(given.get("sinks"), "figures", _pairs),
        "sources": _each(given.get("sources"), "playback", _playback),
    }


def _each(parts: Any, key: str, change: Any) -> Any:
    if not isinstance(parts, list):
        return parts
    return [
        {**part, key: change(part[key])} if isinstance(part, Mapping) and key in part else part
        for part in parts
    ]


def _pairs(figures: Any) -> Any:
    return list(figures.items()) if isinstance(figures, Mapping) else figures


def _playback(playback: Any) -> Any:
    if isinstance(playback, Mapping) and cast("Mapping[str, Any]", playback).get("speed") == _INFINITE:
        return {**playback, "speed": math.inf}
    return playback


ParsedStats = Annotated[Stats, BeforeValidator(_parsed)]
"""Counters as a field of a pydantic model that reads JSON."""


@cache
def _adapter() -> TypeAdapter[Stats]:
    return TypeAdapter(ParsedStats)
