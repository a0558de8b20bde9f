"""What can be said to a replay, and how it must be said."""

from collections.abc import Mapping
from math import inf
from types import MappingProxyType
from typing import Any, Final, TypeGuard

from beats.adapters.sources.replay.settings import LEAST_SPEED, MOST_SPEED
from beats.kernel.capabilities import CommandCheck

MOST_FRAMES: Final = 1000
"""Most frames that one step may go."""
_MOST_S: Final = 1e9
"""Some thirty years; an integer from a client may be too large for a float."""
_PLACES: Final = ("position_s", "offset_s", "frames")


def _pause(fields: Mapping[str, Any]) -> dict[str, object]:
    """`paused`: true or false; the other of what it is, when left out."""
    paused = fields.get("paused")
    if paused is not None and not isinstance(paused, bool):
        raise ValueError(f"paused is {paused!r:.40}, not true or false")
    return {"paused": paused}


def _speed(fields: Mapping[str, Any]) -> dict[str, object]:
    """`speed`: a number, or "max"."""
    speed = fields.get("speed")
    if speed == "max":
        return {"speed": inf}
    if not _is_number(speed) or not LEAST_SPEED <= speed <= MOST_SPEED:
        most = f'{MOST_SPEED:g}, or "max"'
        raise ValueError(f"speed is {speed!r:.40}, not a number from {LEAST_SPEED} to {most}")
    return {"speed": float(speed)}


def _seek(fields: Mapping[str, Any]) -> dict[str, object]:
    """One of `position_s` (from the beginning), `offset_s` (from here), `frames` (so many on or back)."""
    given = [name for name in _PLACES if name in fields]
    if len(given) != 1:
        raise ValueError(f"exactly one of {', '.join(_PLACES)} says where to")
    (name,) = given
    value = fields[name]
    if not _is_number(value) or not abs(value) <= _MOST_S:
        raise ValueError(f"{name} is {value!r:.40}, not a number up to {_MOST_S:g}")
    if name == "frames":
        if isinstance(value, float) or not 0 < abs(value) <= MOST_FRAMES:
            raise ValueError(
                f"frames is {value!r:.40}, not an integer from 1 to {MOST_FRAMES}, or minus that"
            )
        return {"frames": value}
    return {name: float(value)}


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


COMMANDS: Final[Mapping[str, CommandCheck]] = MappingProxyType(
    {"replay_pause": _pause, "replay_speed": _speed, "replay_seek": _seek}
)
