"""A part of a profile, as the checks of an examination take it, and stand-ins for what they ask."""

from collections.abc import Callable
from typing import Any, TypeVar

from beats.config.schema import AdapterKey
from beats.runtime.conflicts import Part
from beats.runtime.registry import kind_of, resources_of

_T = TypeVar("_T")


def always(answer: _T) -> Callable[..., _T]:
    """A function that gives this, whatever it is asked."""

    def answering(*_: object, **__: object) -> _T:
        return answer

    return answering


def part(kind: str, name: str = "it", **settings: Any) -> Part:
    """A sink with these settings."""
    checked = kind_of("sinks", kind).settings.model_validate({"type": kind, **settings})
    return Part(AdapterKey("sinks", name), checked, resources_of(checked, "test"), None)
