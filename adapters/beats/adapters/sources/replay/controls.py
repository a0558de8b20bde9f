"""Commands that wait for a replay to obey, and where a step leads."""

from collections import deque
from collections.abc import Iterator
from typing import Final

import anyio

from beats.adapters.recordings.selection import Selection
from beats.kernel.doorbell import Doorbell
from beats.kernel.envelope import Control

_WAITING: Final = 64
"""Commands that may wait; a person's come far more slowly, and the oldest give way."""
_FIRST_LOOK_S: Final = 2.0


class Controls:
    """Takes commands from any thread, and wakes the event loop that obeys them."""

    def __init__(self) -> None:
        self._waiting: Final[deque[Control]] = deque(maxlen=_WAITING)
        self._doorbell: Doorbell | None = None
        self._event: anyio.Event | None = None

    def attach(self) -> None:
        """Obey in the running event loop from now on."""
        self._doorbell = Doorbell()
        self._event = anyio.Event()

    def put(self, control: Control) -> None:
        """Keep a command until it is taken."""
        self._waiting.append(control)
        if self._doorbell is not None:
            self._doorbell.ring(self._wake)

    def take(self) -> Iterator[Control]:
        """The commands that wait, each once."""
        while self._waiting:
            yield self._waiting.popleft()

    async def wait(self) -> None:
        """Until there is one."""
        if not self._waiting:
            self._event = anyio.Event()
            await self._event.wait()

    def _wake(self) -> None:
        if self._event is not None:
            self._event.set()


def frame_near(selection: Selection, position_s: float, frames: int) -> float:
    """The place of the frame so many before the one at a place; the first one when there are fewer.

    Args:
        selection: what is played.
        position_s: where the frame is that is shown.
        frames: how many back, as a negative number.
    """
    begin_s, look_s = selection.choice.start_s, _FIRST_LOOK_S
    while True:
        from_s = max(begin_s, position_s - look_s)
        found = _frames(selection, from_s, position_s)
        if len(found) >= -frames or from_s == begin_s:
            return found[max(frames, -len(found))] if found else begin_s
        look_s *= 4


def _frames(selection: Selection, from_s: float, to_s: float) -> list[float]:
    found: list[float] = []
    for batch in selection.batches(from_s, lambda path, damage: None):
        if batch[0].position_s >= to_s:
            break
        found += [
            chosen.position_s
            for chosen in batch
            if chosen.message.topic == "frame" and chosen.position_s < to_s and not chosen.repeated
        ]
    return found
