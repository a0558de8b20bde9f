"""The commands of a replay: their checks, and the queue to the event loop that carries them out."""

from collections import deque
from collections.abc import Iterator, Mapping
from math import inf
from types import MappingProxyType
from typing import Any, Final, TypeGuard

import anyio

from beats.adapters.sources.replay.settings import LEAST_SPEED, MOST_SPEED
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kernel.waker import Waker

MOST_FRAMES: Final = 1000
"""The most frames of one step."""
_MOST_S: Final = 1e9
"""Some thirty years; an integer of a client may be too large for a float."""
_PLACES: Final = ("position_s", "offset_s", "frames")
_WAITING: Final = 64
"""The most commands that wait; a person sends far fewer. The oldest are dropped."""


def _pause(fields: Mapping[str, Any]) -> dict[str, object]:
    """`paused`: true or false; toggles when left out."""
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
    """One of `position_s` (from the beginning), `offset_s` (from here), `frames` (steps forward or back)."""
    given = [name for name in _PLACES if name in fields]
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(_PLACES)}")
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


class CommandQueue:
    """Takes commands from any thread, and wakes the event loop that carries them out."""

    def __init__(self) -> None:
        self._waiting: Final[deque[Control]] = deque(maxlen=_WAITING)
        self._waker: Waker | None = None
        self._event: anyio.Event | None = None

    def attach(self) -> None:
        """Deliver to the running event loop from now on."""
        self._waker = Waker()
        self._event = anyio.Event()

    def put(self, control: Control) -> None:
        """Add a command."""
        self._waiting.append(control)
        if self._waker is not None:
            self._waker.ring(self._wake)

    def take(self) -> Iterator[Control]:
        """Remove and yield the waiting commands."""
        while self._waiting:
            yield self._waiting.popleft()

    async def wait(self) -> None:
        """Wait until there is a command."""
        if not self._waiting:
            self._event = anyio.Event()
            await self._event.wait()

    def _wake(self) -> None:
        if self._event is not None:
            self._event.set()
